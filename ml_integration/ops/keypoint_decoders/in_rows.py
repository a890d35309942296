"""Points in the rows of their boxes: YOLO's pose models, and detectors of faces."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.decoders import Candidates
from ml_integration.ops.keypoint_decoders import KeypointOptions, as_points


class InRows:
    """Takes the points of the box decoder, or reads its other columns.

    `decoder_options.other_columns` are numbers of the points of YOLO's pose models; decoders of
    faces, palms and people give points in pixels, which have no score and count as seen.
    """

    needs_boxes = True
    reads: tuple[str, ...] = ()
    batched = True
    count: int | None = None

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: KeypointOptions
    ) -> None:
        self._model = str(model.identity)
        self._input_wh = input_wh
        self._options = options

    def __call__(self, outputs: Tensors, boxes: Candidates | None) -> tuple[Array, None]:
        """Reads the numbers of each box.

        Raises:
            ModelMismatchError: the rows have no such numbers.
        """
        if boxes is not None and boxes.points is not None:
            points = np.ones((*boxes.points.shape[:2], 3), np.float32)
            points[..., :2] = boxes.points
            return points, None
        others = boxes.others if boxes is not None else None
        columns = 0 if others is None else others.shape[1]
        if others is None or not columns or columns % self._options.numbers:
            raise ModelMismatchError(
                self._model,
                'the rows of the boxes hold no points',
                f'{columns} numbers beside box and classes',
                f'{self._options.numbers} for each point',
                "Set 'decoder_options.other_columns' and 'points_options.numbers'.",
            )
        each = self._options.numbers
        numbers = np.reshape(others, (len(others), columns // each, each))
        return as_points(numbers, self._options, self._input_wh), None
