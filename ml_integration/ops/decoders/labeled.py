"""Boxes, scores and class numbers as three outputs: torchvision, RT-DETR with post-processing."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_ids_from,
    find_output,
    in_pixels,
    promising,
)


class Labeled:
    """Reads boxes [1, N, 4] as left, top, right, bottom, scores [1, N], class numbers [1, N].

    Each may come without the batch axis. Torchvision counts classes from 1 (class_offset: 1).
    """

    overlapping = False

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        boxes = find_output(model, 'boxes_output', options.boxes_output, ('boxes', 'box'))
        scores = find_output(model, 'scores_output', options.scores_output, ('scores', 'score'))
        labels = find_output(
            model, 'classes_output', options.classes_output, ('labels', 'label', 'class')
        )
        self.batched = [len(output.shape) for output in (boxes, scores, labels)] == [3, 2, 2]
        for output, axes, reads in (
            (boxes, 3, 'boxes'),
            (scores, 2, 'scores'),
            (labels, 2, 'classes'),
        ):
            last = (4,) if output is boxes else ()
            batch = (1,) if len(output.shape) == axes else ()
            check_output(model, output, (*batch, None, *last), reads)
        self._boxes, self._scores, self._labels = boxes.name, scores.name, labels.name
        self._input_wh = input_wh
        self._options = options

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads the three outputs as they are."""
        scores = _float32(tensors[self._scores]).reshape(-1)
        keep = promising(scores, threshold)
        boxes = _float32(tensors[self._boxes]).reshape(-1, 4)[keep]
        return Candidates(
            in_pixels(boxes, self._input_wh, self._options.normalized),
            scores[keep],
            class_ids_from(tensors[self._labels].reshape(-1)[keep], self._options.class_offset),
        )

    @staticmethod
    def recognize(input_wh: tuple[int, int] | None, outputs: Sequence[TensorSpec]) -> str:
        """Recognizes three outputs, one of boxes and one with 'label' in its name."""
        names = [output.name.lower() for output in outputs]
        if len(outputs) != 3 or not any('label' in name for name in names):
            return ''
        if not any(output.shape[-1:] == (4,) for output in outputs):
            return ''
        return 'three outputs for labels, boxes and scores'


def _float32(tensor: Array) -> Array:
    return tensor.astype('float32', copy=False)
