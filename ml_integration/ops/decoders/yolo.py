"""YOLOv3, v5 and v7: rows of center, size, objectness and class scores."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.datatypes import ModelDescription, Tensors, TensorSpec
from ml_integration.ops.boxes import xyxy_from_cxcywh
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    cell_count,
    check_output,
    class_count,
    class_ids_from,
    floats,
    in_pixels,
    promising,
    the_output,
)


class Yolo:
    """Reads [1, N, 5 + classes]: cx, cy, w, h, objectness, a score per class, all activated.

    A detection's score is its objectness times its best class score.
    """

    overlapping = True
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        output = the_output(model)
        classes = class_count(model, output.shape[-1] if output.shape else None, others=5)
        check_output(model, output, (1, None, 5 + classes), '[1, N, 5 + classes]')
        self._name = output.name
        self._input_wh = input_wh
        self._normalized = options.normalized

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Multiplies objectness with the best class score."""
        rows = floats(tensors[self._name])
        # A class score is at most 1, so objectness alone rules most rows out.
        rows = rows[promising(rows[:, 4], threshold)]
        scores = rows[:, 4] * rows[:, 5:].max(axis=1)
        keep = promising(scores, threshold)
        rows = rows[keep]
        boxes = in_pixels(rows[:, :4], self._input_wh, self._normalized)
        class_ids = class_ids_from(rows[:, 5:].argmax(axis=1), 0)
        return Candidates(xyxy_from_cxcywh(boxes), scores[keep], class_ids)

    @staticmethod
    def recognize(input_wh: tuple[int, int] | None, outputs: Sequence[TensorSpec]) -> str:
        """Recognizes rows of at least six numbers, too many for queries."""
        if len(outputs) != 1 or len(outputs[0].shape) != 3:
            return ''
        rows, columns = outputs[0].shape[1:]
        fewest = 8 if rows is None else 6  # a free number of 6 or 7 is an end-to-end model's
        if columns is None or columns < fewest or (rows is not None and rows < max(columns, 1000)):
            return ''
        if input_wh is not None and rows == cell_count(input_wh, (8, 16, 32)):
            return ''
        return f'rows of {columns} = 4 box numbers, objectness and {columns - 5} classes'
