"""Boxes, scores and class numbers as three outputs: torchvision, RT-DETR, EfficientNMS."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_ids_from,
    count_from,
    count_output,
    find_output,
    in_pixels,
    promising,
)
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence, Fit, are_fractions
from ml_integration.ops.output_shapes import RoleWords, of_tensorflow, three_lists

_WHY = 'three outputs for boxes, scores and class numbers'
_COUNTS = ('', ' that begin with 1')
_WORDS = RoleWords(('boxes', 'box'), ('scores', 'score'), ('labels', 'label', 'class'))


class Labeled:
    """Reads boxes [1, N, 4] as corners, scores [1, N] and class numbers [1, N].

    Each may come without the batch axis. Torchvision counts classes from 1 (class_offset: 1). An
    output with 'num' or 'count' in its name, as EfficientNMS has it, says how many rows count.
    """

    overlapping = False

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        boxes = find_output(model, 'boxes_output', options.boxes_output, _WORDS.boxes)
        scores = find_output(model, 'scores_output', options.scores_output, _WORDS.scores)
        labels = find_output(model, 'classes_output', options.classes_output, _WORDS.classes)
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
        self._count = count_output(model)
        self._input_wh = input_wh
        self._options = options

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads the three outputs as they are."""
        scores = _float32(tensors[self._scores]).reshape(-1)
        if self._count:
            scores = scores[: count_from(tensors[self._count], len(scores))]
        keep = promising(scores, threshold)
        boxes = _float32(tensors[self._boxes]).reshape(-1, 4)[keep]
        if self._options.box_format == 'yxyx':
            boxes = boxes[:, [1, 0, 3, 2]]
        return Candidates(
            in_pixels(boxes, self._input_wh, self._options.normalized),
            scores[keep],
            class_ids_from(tensors[self._labels].reshape(-1)[keep], self._options.class_offset),
            keep,
        )

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds boxes, whole numbers and scores, which no name says to be TensorFlow's."""
        lists = three_lists(evidence)
        if lists is None:
            return []
        names = ' '.join(lists.names).lower()
        named = any(word in names for word in ('label', 'det_', 'pred_')) and not of_tensorflow(
            lists.names
        )
        boxes = evidence.values(lists.boxes)
        options = lists.options(_WORDS)
        if boxes is not None and are_fractions(boxes):
            options['normalized'] = True
        elif of_tensorflow(lists.names):
            options['box_format'] = 'yxyx'
        score = SHAPES + NAMES * named + COUNTS
        return [
            Fit(score, f'{_WHY}{_COUNTS[bool(first)]}', {**options, **first}, lists.names)
            for first in lists.offsets(evidence, int('detection_classes' in lists.names))
        ]


def _float32(tensor: Array) -> Array:
    return tensor.astype('float32', copy=False)
