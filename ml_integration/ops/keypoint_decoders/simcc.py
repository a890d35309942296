"""A row of bins along x and one along y per point: RTMPose."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.decoders import Candidates
from ml_integration.ops.keypoint_decoders import KeypointOptions, heights_of


class Simcc:
    """Reads [1, K, width * ratio] and [1, K, height * ratio], in this order or named x and y.

    A point lies at the highest bins; its score is the smaller one of the two heights (Li et al.
    2022, SimCC, as mmpose decodes it).
    """

    needs_boxes = False
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: KeypointOptions
    ) -> None:
        outputs = [spec for spec in model.outputs if len(spec.shape) == 3]
        outputs.sort(key=lambda spec: spec.name.lower().endswith('y'))
        bins = [round(side * options.split_ratio) for side in input_wh]
        fits = len(outputs) == 2 and all(
            spec.shape[2] in (None, count) for spec, count in zip(outputs, bins, strict=True)
        )
        if not fits:
            raise ModelMismatchError(
                str(model.identity),
                'the outputs are no bins along x and y',
                '; '.join(map(str, model.outputs)),
                f'[1, points, {bins[0]}] and [1, points, {bins[1]}]',
                "Correct 'points_options.split_ratio', or choose other 'points'.",
            )
        self._names = outputs[0].name, outputs[1].name
        self.reads, self.count = self._names, outputs[0].shape[1]
        self._options = options

    def __call__(self, outputs: Tensors, boxes: Candidates | None) -> tuple[Array, None]:
        """Finds the highest bin of each row."""
        x, y = (outputs[name].astype(np.float32, copy=False) for name in self._names)
        points = np.empty((*x.shape[:2], 3), np.float32)
        ratio = self._options.split_ratio
        points[..., 0], points[..., 1] = x.argmax(axis=-1) / ratio, y.argmax(axis=-1) / ratio
        heights = np.minimum(x.max(axis=-1), y.max(axis=-1))
        points[..., 2] = heights_of(heights, self._options.sigmoid)
        return points, None
