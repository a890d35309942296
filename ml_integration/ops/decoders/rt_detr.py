"""RT-DETR: a fixed number of queries, each of which sees at most one object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import ModelDescription, Tensors, TensorSpec
from ml_integration.ops.boxes import xyxy_from_cxcywh
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_count,
    class_ids_from,
    find_output,
    floats,
    in_pixels,
    promising,
)


class RtDetr:
    """Reads one output [1, Q, 4 + classes] with activated scores, or boxes and logits apart.

    Apart: boxes [1, Q, 4] and logits [1, Q, classes], which get a sigmoid here. Boxes are
    cx, cy, w, h as fractions of the input in both. Exports with labels, scores and boxes are
    for the decoder `labeled`.
    """

    overlapping = False
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        self._joined = len(model.outputs) == 1
        self._input_wh = input_wh
        if self._joined:
            boxes = scores = model.outputs[0]
        else:
            boxes = find_output(model, 'boxes_output', options.boxes_output, ('boxes', 'box'))
            words = ('logits', 'logit', 'scores', 'score', 'class')
            scores = find_output(model, 'scores_output', options.scores_output, words)
            check_output(model, boxes, (1, None, 4), '[1, queries, 4]')
        first = 4 if self._joined else 0
        classes = class_count(model, scores.shape[-1] if scores.shape else None, others=first)
        reads = '[1, queries, 4 + classes]' if self._joined else '[1, queries, classes]'
        check_output(model, scores, (1, None, first + classes), reads)
        self._boxes, self._scores, self._first = boxes.name, scores.name, first

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Takes the best class score per query."""
        classes = floats(tensors[self._scores])[:, self._first :]
        scores = classes.max(axis=1)
        if not self._joined:
            scores = 1 / (1 + np.exp(-scores))
        keep = promising(scores, threshold)
        boxes = in_pixels(floats(tensors[self._boxes])[keep, :4], self._input_wh, True)
        class_ids = class_ids_from(classes[keep].argmax(axis=1), 0)
        return Candidates(xyxy_from_cxcywh(boxes), scores[keep], class_ids)

    @staticmethod
    def recognize(input_wh: tuple[int, int] | None, outputs: Sequence[TensorSpec]) -> str:
        """Recognizes a few queries with boxes and class scores."""
        shapes = [output.shape for output in outputs]
        if any(len(shape) != 3 for shape in shapes):
            return ''
        if len(shapes) == 1:
            _, rows, columns = shapes[0]
            if rows and columns and 7 < columns < rows <= 1000:
                return f'{rows} queries of 4 box numbers and {columns - 4} classes'
        if len(shapes) == 2 and shapes[0][1] == shapes[1][1] and 4 in (shapes[0][2], shapes[1][2]):
            return 'two outputs with equally many queries, one of them of 4 box numbers'
        return ''
