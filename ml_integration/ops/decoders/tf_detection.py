"""The TensorFlow detection API and TFLite's detection post-processing."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.datatypes import ModelDescription, Tensors, TensorSpec
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_ids_from,
    count_from,
    find_output,
    floats,
    in_pixels,
    promising,
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
        boxes = find_output(
            model, 'boxes_output', options.boxes_output, ('detection_boxes', 'boxes', 'box')
        )
        scores = find_output(
            model, 'scores_output', options.scores_output, ('detection_scores', 'scores', 'score')
        )
        classes = find_output(
            model,
            'classes_output',
            options.classes_output,
            ('detection_classes', 'class', 'label'),
        )
        check_output(model, boxes, (1, None, 4), 'boxes')
        check_output(model, scores, (1, None), 'scores')
        check_output(model, classes, (1, None), 'class numbers')
        self._boxes, self._scores, self._classes = boxes.name, scores.name, classes.name
        self._count = next(
            (
                o.name
                for o in model.outputs
                if 'num' in o.name.lower() or 'count' in o.name.lower()
            ),
            '',
        )
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
        )

    @staticmethod
    def recognize(input_wh: tuple[int, int] | None, outputs: Sequence[TensorSpec]) -> str:
        """Recognizes boxes and two more lists, none called 'label'."""
        names = ' '.join(output.name.lower() for output in outputs)
        shapes = [output.shape[1:] for output in outputs]
        boxes = [shape for shape in shapes if len(shape) == 2 and shape[1] == 4]
        lists = [shape for shape in shapes if len(shape) == 1]
        if len(outputs) < 3 or not boxes or len(lists) < 2 or 'label' in names:
            return ''
        return 'outputs for boxes, scores and classes'
