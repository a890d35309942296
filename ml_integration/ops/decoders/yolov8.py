"""YOLOv8 and later: columns of center, size and class scores, without objectness."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.datatypes import ModelDescription, Tensors, TensorSpec
from ml_integration.ops.boxes import xyxy_from_cxcywh
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_count,
    class_ids_from,
    floats,
    in_pixels,
    promising,
    the_output,
)


class Yolov8:
    """Reads [1, 4 + classes, N]: cx, cy, w, h, then an activated score per class."""

    overlapping = True
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        output = the_output(model)
        size = output.shape[1] if len(output.shape) > 1 else None
        classes = class_count(model, size, others=4)
        check_output(model, output, (1, 4 + classes, None), '[1, 4 + classes, N]')
        self._name = output.name
        self._input_wh = input_wh
        self._normalized = options.normalized

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Takes the best class score per column."""
        columns = floats(tensors[self._name])
        scores = columns[4:].max(axis=0)
        keep = promising(scores, threshold)
        kept = columns[:, keep]
        boxes = in_pixels(kept[:4].T, self._input_wh, self._normalized)
        class_ids = class_ids_from(kept[4:].argmax(axis=0), 0)
        return Candidates(xyxy_from_cxcywh(boxes), scores[keep], class_ids)

    @staticmethod
    def recognize(input_wh: tuple[int, int] | None, outputs: Sequence[TensorSpec]) -> str:
        """Recognizes more columns than rows."""
        if len(outputs) != 1 or len(outputs[0].shape) != 3:
            return ''
        rows, columns = outputs[0].shape[1:]
        if rows is None or rows < 5 or (columns is not None and columns <= rows):
            return ''
        return f'columns of {rows} = 4 box numbers and {rows - 4} classes'
