"""Places objects of a picture in space with a depth image of the same camera.

All objects are worked on together: each one is looked at in a grid of as many pixels, whatever
its size, so that the time depends on the number of objects only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.camera_model import CameraModel
from ml_integration.ops.detections import Detections

Points = tuple[Array, Array]
"""x and y [px of the picture, 0 at the first pixel's edge]."""
GRID = 16
"""Rows and columns of pixels that are looked at in each object."""
STEP = log(1.04)
"""Width of a bin of depths: 4 % of the depth."""
FOREGROUND = 0.25
"""Share of an object's pixels that makes a surface, rather than something thin before it."""
FADES = 0.2
"""Share of a surface's densest depth below which the surface ends."""
VISIBLE = 0.5
"""Score from which on a keypoint is visible."""
FEW, TELLING = 3, 0.05
"""Keypoints that make evidence, and the share of an object's pixels that has to agree."""
ENDS = (0.05, 0.5, 0.95)
"""Quantiles of a surface's depths that are its near end, its middle and its far end."""


@dataclass(frozen=True, slots=True)
class LiftingRules:
    """Rules for which depths count.

    Attributes:
        min_depth_m: smallest depth that is a measurement [m]; above 0.
        max_depth_m: largest one [m].
        min_valid: smallest share of an object's pixels with such a depth.
        core: share of a box's width and height that is looked at where there is no mask.
    """

    min_depth_m: float
    max_depth_m: float
    min_valid: float
    core: float


def lift(found: Detections, depth: Array, camera: CameraModel, rules: LiftingRules) -> Detections:
    """Returns the objects with `centers_m` and `sizes_m`, NaN where too few depths are valid.

    The center lies on the ray through the middle of the box, at the median depth of the nearest
    surface that fills a fair part of the object. The size along the axis is from the 5th to the
    95th percentile of that surface's depths, which is what the camera sees of the object; that
    across it is the box's at the center's depth.

    Args:
        found: the objects; their numbers need not be finite.
        depth: (h, w) float32 [m] along the optical axis, of the whole picture at any resolution.
        camera: of the picture.
        rules: which depths count.
    """
    if not len(found):
        nothing = np.zeros((0, 3), np.float32)
        return replace(found, centers_m=nothing, sizes_m=nothing)
    points = _grid(found, 1.0 if found.instances is not None else rules.core)
    values = _at(depth, points, camera.wh)
    asked = _in_masks(found, points, camera.wh)
    valid = asked & (values >= rules.min_depth_m) & (values <= rules.max_depth_m)
    enough = valid.sum(axis=1) >= np.maximum(1, rules.min_valid * asked.sum(axis=1))
    near, middle, far = _surfaces(values, valid, _hints(found, depth, camera.wh, rules), rules)
    rays = _rays(found, camera)
    with np.errstate(invalid='ignore', over='ignore'):
        centers = np.concatenate([rays[:, 0] * middle[:, None], middle[:, None]], axis=1)
        across = np.stack([rays[:, 2, 0] - rays[:, 1, 0], rays[:, 4, 1] - rays[:, 3, 1]], axis=1)
        sizes = np.concatenate([across * middle[:, None], (far - near)[:, None]], axis=1)
    known = enough & np.isfinite(centers).all(axis=1) & np.isfinite(sizes).all(axis=1)
    centers[~known], sizes[~known] = np.nan, np.nan
    return replace(found, centers_m=centers.astype(np.float32), sizes_m=sizes.astype(np.float32))


def _grid(found: Detections, core: float) -> Points:
    """Returns GRID x GRID points in each box; the two arrays broadcast to (N, GRID, GRID)."""
    steps = ((np.arange(GRID, dtype=np.float32) + 0.5) / GRID - 0.5) * core
    with np.errstate(invalid='ignore', over='ignore'):
        middle = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
        offsets = (found.xyxy[:, 2:] - found.xyxy[:, :2])[:, :, None] * steps
        across, down = offsets[:, 0, None, :], offsets[:, 1, :, None]
        x, y = middle[:, 0, None, None], middle[:, 1, None, None]
        if found.angles is None:
            return x + across, y + down
        cos, sin = np.cos(found.angles)[:, None, None], np.sin(found.angles)[:, None, None]
        return x + cos * across - sin * down, y + sin * across + cos * down


def _at(image: Array, points: Points, picture_wh: tuple[int, int]) -> Array:
    """Returns the values (N, S) of an image (h, w) of the whole picture at points."""
    column, row = (
        _indices(numbers, size, whole)
        for numbers, size, whole in zip(points, image.shape[::-1], picture_wh, strict=True)
    )
    values: Array = image[row, column]
    return values.reshape(len(values), -1)


def _indices(numbers: Array, size: int, whole: int) -> Array:
    """Returns the pixels, of `size`, at numbers on an axis of a picture, `whole` pixels long."""
    with np.errstate(invalid='ignore', over='ignore'):
        moved = numbers * np.float32(size / whole)
        moved = np.where(moved > 0, np.minimum(moved, size - 1), 0)  # also for NaN
    indices: Array = moved.astype(np.intp)
    return indices


def _in_masks(found: Detections, points: Points, picture_wh: tuple[int, int]) -> Array:
    """Tells which points (N, S) belong to their object; all in the picture without a mask."""
    if found.instances is not None:
        numbers = np.arange(1, len(found) + 1)[:, None]
        mine: Array = _at(found.instances, points, picture_wh) == numbers
        return mine
    (x, y), (width, height) = points, picture_wh
    inside: Array = (x >= 0) & (x < width) & ((y >= 0) & (y < height))
    return inside.reshape(len(found), -1)


def _hints(
    found: Detections, depth: Array, picture_wh: tuple[int, int], rules: LiftingRules
) -> Array:
    """Returns the median depth (N,) [m] at visible keypoints; NaN where they are too few."""
    if found.keypoints is None or not found.keypoints.size:
        return np.full(len(found), np.nan)
    values = _at(depth, (found.keypoints[..., 0], found.keypoints[..., 1]), picture_wh)
    valid = (values >= rules.min_depth_m) & (values <= rules.max_depth_m)
    valid &= found.keypoints[..., 2] >= VISIBLE
    return np.where(valid.sum(axis=1) >= FEW, _quantiles(values, valid)[1], np.nan)


def _surfaces(values: Array, valid: Array, hints: Array, rules: LiftingRules) -> Array:
    """Finds the object's surface among depths (N, S).

    Depths are counted in bins of equal ratio, so that far ones may be as much rougher as stereo
    cameras measure them. The surface starts at the nearest bins with a fair share of the pixels,
    or at the depth of keypoints, and reaches as far as its neighbors are not nearly empty.

    Returns:
        Its near end, middle and far end (3, N) [m]; of any value where nothing is valid.
    """
    lowest = log(rules.min_depth_m)
    size = int((log(rules.max_depth_m) - lowest) / STEP) + 1
    bins = (np.log(np.where(valid, values, rules.min_depth_m)) - lowest) / STEP
    bins = np.minimum(bins.astype(np.intp), size - 1)
    counts = _counts(bins, valid, size)
    total = valid.sum(axis=1)
    start = _starts(counts, total, hints, lowest)
    rows, all_bins = np.arange(len(values)), np.arange(size)
    faint = counts < np.maximum(1, FADES * counts[rows, start])[:, None]
    beyond = faint & (all_bins > start[:, None])
    before = faint & (all_bins < start[:, None])
    end = np.where(beyond.any(axis=1), beyond.argmax(axis=1), size)
    begin = np.where(before.any(axis=1), size - before[:, ::-1].argmax(axis=1), 0)
    members = valid & (bins >= begin[:, None]) & (bins < end[:, None])
    return _quantiles(values, members)


def _counts(bins: Array, valid: Array, size: int) -> Array:
    """Counts valid depths in each bin and its two neighbors (N, size)."""
    places = (bins + np.arange(len(bins))[:, None] * size)[valid]
    counts = np.bincount(places, minlength=len(bins) * size).reshape(-1, size)
    wide = counts.copy()
    wide[:, 1:] += counts[:, :-1]
    wide[:, :-1] += counts[:, 1:]
    return wide


def _starts(counts: Array, total: Array, hints: Array, lowest: float) -> Array:
    """Returns the bin (N,) where the surface of each object is dense."""
    rows, last = np.arange(len(counts)), counts.shape[1] - 1
    fair = counts >= np.maximum(1, FOREGROUND * total)[:, None]
    start = np.where(fair.any(axis=1), fair.argmax(axis=1), counts.argmax(axis=1))
    hinted = np.isfinite(hints)
    known = ((np.log(np.where(hinted, hints, 1.0)) - lowest) / STEP).astype(np.intp)
    known = np.clip(known, 0, last)
    start = np.where(hinted & (counts[rows, known] > TELLING * total), known, start)
    nearby = np.minimum(start[:, None] + np.arange(3), last)
    best: Array = nearby[rows, counts[rows[:, None], nearby].argmax(axis=1)]
    return best


def _quantiles(values: Array, members: Array) -> Array:
    """Returns the quantiles `ENDS` (3, N) of the members of each row (N, S)."""
    ordered = np.sort(np.where(members, values, np.inf), axis=1)
    last = np.maximum(members.sum(axis=1) - 1, 0)
    places = np.rint(np.multiply.outer(ENDS, last)).astype(np.intp)
    quantiles: Array = ordered[np.arange(len(values)), places]
    return quantiles


def _rays(found: Detections, camera: CameraModel) -> Array:
    """Returns rays (N, 5, 2) through the middle and the left, right, top and bottom end."""
    low, high = found.xyxy[:, :2].astype(np.float64), found.xyxy[:, 2:].astype(np.float64)
    with np.errstate(invalid='ignore', over='ignore'):
        middle, half = (low + high) / 2, (high - low) / 2
        if found.angles is not None:
            cos, sin = np.abs(np.cos(found.angles)), np.abs(np.sin(found.angles))
            turned = np.stack([cos, sin, sin, cos], axis=1).reshape(-1, 2, 2)
            half = (turned * half[:, None]).sum(axis=2)
        ends = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)])
        points = middle[:, None] + ends * half[:, None] - 0.5  # boxes count from the pixel's edge
        points[~np.isfinite(points)] = np.nan
        return camera.rays(points.reshape(-1, 2)).reshape(-1, 5, 2)
