"""Models that suppress overlapping boxes themselves: YOLOv10, or an export with NMS inside."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.datatypes import ModelDescription, Tensors, TensorSpec
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_ids_from,
    in_pixels,
    promising,
    the_output,
)


class EndToEnd:
    """Reads [1, N, 6] or [N, 6]: left, top, right, bottom, score, class number.

    Rows of 7 are those of YOLOv7: number in the batch, box, class number, score.
    """

    overlapping = False

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        output = the_output(model)
        self._width = 7 if output.shape[-1:] == (7,) else 6
        batch = (1,) if len(output.shape) > 2 else ()
        self.batched = bool(batch)
        reads = 'rows of box, score, class, or of batch number, box, class, score'
        check_output(model, output, (*batch, None, self._width), reads)
        self._name = output.name
        self._input_wh = input_wh
        self._options = options

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads the rows as they are."""
        rows = tensors[self._name].reshape(-1, self._width).astype('float32', copy=False)
        box, score, number = (0, 4, 5) if self._width == 6 else (1, 6, 5)
        rows = rows[promising(rows[:, score], threshold)]
        boxes = in_pixels(rows[:, box : box + 4], self._input_wh, self._options.normalized)
        class_ids = class_ids_from(rows[:, number], self._options.class_offset)
        return Candidates(boxes, rows[:, score], class_ids)

    @staticmethod
    def recognize(input_wh: tuple[int, int] | None, outputs: Sequence[TensorSpec]) -> str:
        """Recognizes a few rows of six or seven numbers."""
        if len(outputs) != 1 or len(outputs[0].shape) not in (2, 3):
            return ''
        rows, columns = outputs[0].shape[-2:]
        if columns not in (6, 7) or (rows is not None and rows > 1000):
            return ''
        return f'few rows of {columns} numbers = box, score and class'
