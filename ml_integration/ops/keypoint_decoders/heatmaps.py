"""A heatmap per point: SimpleBaseline, HRNet, ViTPose and other top-down models."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.ops.decoders import Candidates
from ml_integration.ops.decoding import check_output
from ml_integration.ops.keypoint_decoders import KeypointOptions, points_output, scores_of


class Heatmaps:
    """Reads [1, K, height, width]; the score of a point is its heatmap's highest number.

    A point lies a quarter of a cell from the middle of the highest cell, towards its higher
    neighbor (Xiao et al. 2018, Simple Baselines for Human Pose Estimation and Tracking).
    """

    needs_boxes = False
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: KeypointOptions
    ) -> None:
        reads = '[1, points, height, width]'
        output = points_output(model, options.points_output, ('heatmap', 'keypoint'), reads)
        check_output(model, output, (1, None, None, None), reads)
        self._name, self.count = output.name, output.shape[1]
        self.reads = (self._name,)
        self._input_wh = input_wh
        self._options = options

    def __call__(self, outputs: Tensors, boxes: Candidates | None) -> tuple[Array, None]:
        """Finds the highest cell of each map."""
        maps = outputs[self._name].astype(np.float32, copy=False)
        count, (height, width) = maps.shape[1], maps.shape[2:]
        flat = maps.reshape(count, -1)
        best = flat.argmax(axis=1)
        row, column = np.divmod(best, width)
        points = np.empty((1, count, 3), np.float32)
        cells = maps.reshape(count, height, width)
        x = column + 0.25 * _towards(cells, row, column, 1)
        y = row + 0.25 * _towards(cells, row, column, 0)
        points[0, :, 0] = (x + 0.5) * (self._input_wh[0] / width)
        points[0, :, 1] = (y + 0.5) * (self._input_wh[1] / height)
        points[0, :, 2] = scores_of(flat[np.arange(count), best], self._options.sigmoid)
        return points, None


def _towards(cells: Array, row: Array, column: Array, axis: int) -> Array:
    """Returns -1, 0 or 1 (K,): on which side the higher neighbor lies; 0 at the edge."""
    size, at = cells.shape[1:][axis], (row, column)[axis]
    every = np.arange(len(cells))
    low, high = np.maximum(at - 1, 0), np.minimum(at + 1, size - 1)
    before = cells[every, low, column] if axis == 0 else cells[every, row, low]
    after = cells[every, high, column] if axis == 0 else cells[every, row, high]
    inside = (at > 0) & (at < size - 1)
    side: Array = np.where(inside, np.sign(after - before), 0)
    return side
