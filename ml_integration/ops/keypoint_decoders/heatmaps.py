"""A heatmap per point: SimpleBaseline, HRNet, ViTPose and other top-down models."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.ops.decoders import Candidates
from ml_integration.ops.decoding import check_output
from ml_integration.ops.keypoint_decoders import KeypointOptions, heights_of, points_output

_RADIUS = 5
_SIGMA = 0.8
"""Reach and width [cells] of the blur before the shape of a map is looked at."""
_LEAST, _MOST = 1e-3, 50.0
"""Heights between which a logarithm is taken."""
_FURTHEST = 2.0
"""Longest step [cells] from the highest cell; in a map without a peak it would go anywhere."""


class Heatmaps:
    """Reads [1, K, height, width]; the score of a point is its heatmap's highest number.

    Cell n of a row lies n cells from the edge of the input, and the point a quarter of a cell from
    there towards the higher neighbor (Xiao et al. 2018, Simple Baselines for Human Pose Estimation
    and Tracking). With `udp` the cells reach from edge to edge (Huang et al. 2020, Unbiased Data
    Processing) and the point lies where the peak does whose shape the neighbors tell (Zhang et al.
    2020, Distribution-Aware Coordinate Representation), as transformers reads ViTPose.
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
        """Finds the peak of each map."""
        cells = outputs[self._name][0].astype(np.float32, copy=False)
        count, height, width = cells.shape
        flat = cells.reshape(count, -1)
        best = flat.argmax(axis=1)
        row, column = np.divmod(best, width)
        udp = self._options.udp
        step = (_to_peak if udp else _to_neighbor)(cells, row, column)
        spaces = np.maximum(np.array([width, height]) - udp, 1)
        points = np.empty((1, count, 3), np.float32)
        points[0, :, :2] = (np.stack([column, row], axis=1) + step) * (self._input_wh / spaces)
        points[0, :, 2] = heights_of(flat[np.arange(count), best], self._options.sigmoid)
        return points, None


def _to_neighbor(cells: Array, row: Array, column: Array) -> Array:
    """Returns a quarter of a cell towards the higher neighbor along x and y, (K, 2)."""
    return 0.25 * np.stack([_side(cells, row, column, axis) for axis in (1, 0)], axis=1)


def _side(cells: Array, row: Array, column: Array, axis: int) -> Array:
    """Returns -1, 0 or 1 (K,): on which side the higher neighbor lies; 0 at the edge."""
    size, at = cells.shape[1:][axis], (row, column)[axis]
    every = np.arange(len(cells))
    low, high = np.maximum(at - 1, 0), np.minimum(at + 1, size - 1)
    before = cells[every, low, column] if axis == 0 else cells[every, row, low]
    after = cells[every, high, column] if axis == 0 else cells[every, row, high]
    inside = (at > 0) & (at < size - 1)
    side: Array = np.where(inside, np.sign(after - before), 0)
    return side


def _to_peak(cells: Array, row: Array, column: Array) -> Array:
    """Returns Newton's step to the peak of the blurred map's logarithm along x and y, (K, 2)."""
    near = np.log(np.clip(_blurred(cells, row, column), _LEAST, _MOST))
    left, middle, right = near[:, 1, 0], near[:, 1, 1], near[:, 1, 2]
    above, below = near[:, 0, 1], near[:, 2, 1]
    dx, dy = (right - left) / 2, (below - above) / 2
    tiny = np.finfo(np.float32).eps
    dxx, dyy = right - 2 * middle + left + tiny, below - 2 * middle + above + tiny
    corners = near[:, 2, 2] + near[:, 0, 0]
    dxy = (corners - right - below + 2 * middle - left - above) / 2
    with np.errstate(divide='ignore', invalid='ignore'):
        step = np.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], axis=1)
        step /= (dxx * dyy - dxy * dxy)[:, None]
        short = np.abs(step).max(axis=1) <= _FURTHEST
    found: Array = np.where(short[:, None], step, 0)
    return found


def _blurred(cells: Array, row: Array, column: Array) -> Array:
    """Returns the cells (K, 3, 3) around the highest ones, of maps that are mirrored at edges."""
    rows = _mirrored(row, cells.shape[1])
    columns = _mirrored(column, cells.shape[2])
    every = np.arange(len(cells))
    around = cells[every[:, None, None], rows[:, :, None], columns[:, None, :]]
    weights = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
    weights /= weights.sum()
    blur = np.stack([np.pad(weights, (shift, 2 - shift)) for shift in range(3)])
    with np.errstate(invalid='ignore', over='ignore'):
        blurred: Array = blur @ around @ blur.T
    return blurred


def _mirrored(at: Array, size: int) -> Array:
    """Returns the places (K, 13) from 6 before to 6 behind, mirrored into 0 to size - 1."""
    reach = _RADIUS + 1
    places = (at[:, None] + np.arange(-reach, reach + 1)) % (2 * size)
    inside: Array = np.minimum(places, 2 * size - 1 - places)
    return inside
