"""The TensorFlow detection API and TFLite's detection post-processing."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.datatypes import ModelDescription, Tensors
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_ids_from,
    count_from,
    count_output,
    find_output,
    floats,
    in_pixels,
    promising,
)
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence, Fit, are_fractions
from ml_integration.ops.output_shapes import RoleWords, of_tensorflow, three_lists

_WORDS = RoleWords(
    ('detection_boxes', 'boxes', 'box'),
    ('detection_scores', 'scores', 'score'),
    ('detection_classes', 'class', 'label'),
)


class TfDetection:
    """Reads boxes [1, N, 4], scores [1, N], classes [1, N] and, if there is one, the count [1].

    Boxes are top, left, bottom, right as fractions of the input. Models of the detection API
    count classes from 1 (class_offset: 1), those of TFLite from 0. Further outputs are ignored.
    """

    overlapping = False
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        boxes = find_output(model, 'boxes_output', options.boxes_output, _WORDS.boxes)
        scores = find_output(model, 'scores_output', options.scores_output, _WORDS.scores)
        classes = find_output(model, 'classes_output', options.classes_output, _WORDS.classes)
        check_output(model, boxes, (1, None, 4), 'boxes')
        check_output(model, scores, (1, None), 'scores')
        check_output(model, classes, (1, None), 'class numbers')
        self._boxes, self._scores, self._classes = boxes.name, scores.name, classes.name
        self._count = count_output(model)
        self._input_wh = input_wh
        self._class_offset = options.class_offset

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads as many rows as the count says."""
        scores = floats(tensors[self._scores])
        if self._count:
            scores = scores[: count_from(tensors[self._count], len(scores))]
        keep = promising(scores, threshold)
        yxyx = floats(tensors[self._boxes])[keep]
        return Candidates(
            in_pixels(yxyx[:, [1, 0, 3, 2]], self._input_wh, True),
            scores[keep],
            class_ids_from(tensors[self._classes][0][keep], self._class_offset),
            keep,
        )

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds boxes as fractions, scores and classes, which no name calls labels."""
        lists = three_lists(evidence)
        if lists is None or 'label' in ' '.join(lists.names).lower():
            return []
        boxes = evidence.values(lists.boxes)
        if boxes is not None and not are_fractions(boxes):
            return []
        named = of_tensorflow(lists.names)
        options = lists.options(_WORDS)
        (first, *_) = lists.offsets(evidence, default=int('detection_classes' in lists.names))
        why = 'outputs for boxes, scores and classes with names as TensorFlow gives them'
        reason = why if named else 'outputs for boxes as fractions, scores and classes'
        score = SHAPES + COUNTS + NAMES * named
        return [Fit(score, reason, {**options, **first}, lists.names)]
