"""Tells what is in one frame otherwise than in both of its neighbors: what flickers."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.boxes import iou_matrix
from ml_integration.ops.tracks import match

SAME = 0.3
"""Overlap from which on boxes of neighboring frames are the same object."""
SAMPLE = 64
"""About as many rows and columns of a map are looked at."""
FARTHER = 1.25
"""Ratio of two depths from which on they differ, as in the score 'delta<1.25'."""

Boxes = tuple[Array, Array]
"""Boxes (N, 4) [px] and class numbers (N,) of a frame."""


def objects_flicker(before: Boxes, between: Boxes, after: Boxes) -> tuple[int, int]:
    """Counts objects that vanish for one frame, or that are there for one frame only.

    An object that is another class for one frame does both.

    Returns:
        How many these are, and of how many that are in both neighbors or in the frame alone.
    """
    rows, columns = _same(before, after)
    near_before, near_after = _same(before, between), _same(between, after)
    stays = np.isin(rows, near_before[0]) | np.isin(columns, near_after[1])
    seen = np.arange(len(between[1]))
    flashes = ~(np.isin(seen, near_before[1]) | np.isin(seen, near_after[0]))
    count = int(np.count_nonzero(~stays)) + int(np.count_nonzero(flashes))
    return count, len(rows) + int(np.count_nonzero(flashes))


def _same(first: Boxes, second: Boxes) -> tuple[list[int], list[int]]:
    overlap = iou_matrix(first[0], second[0])
    overlap[np.not_equal.outer(first[1], second[1])] = 0
    return match(overlap, SAME)


def classes_flicker(before: Array, between: Array, after: Array) -> tuple[int, int]:
    """Counts heads whose best class (N,) is another one for one frame."""
    if not len(before) == len(between) == len(after):
        return 0, 0
    flips = (before == after) & (between != before)
    return int(np.count_nonzero(flips)), len(flips)


def map_sample(classes: Array) -> Array:
    """Returns some of the pixels of a map (H, W), evenly spread; a copy."""
    steps = [max(1, size // SAMPLE) for size in classes.shape]
    sample: Array = classes[:: steps[0], :: steps[1]].copy()
    return sample


def maps_flicker(before: Array, between: Array, after: Array) -> tuple[int, int]:
    """Counts pixels whose class (H, W) is another one for one frame."""
    if not before.shape == between.shape == after.shape:
        return 0, 0
    flips = (before == after) & (between != before)
    return int(np.count_nonzero(flips)), flips.size


def depths_flicker(before: Array, between: Array, after: Array) -> tuple[int, int]:
    """Counts pixels whose positive depth (H, W) is by FARTHER another one for one frame.

    Of depths without a scale only their ratios to each other count: each is taken by its median.
    """
    if not before.shape == between.shape == after.shape:
        return 0, 0
    known = np.isfinite(before) & np.isfinite(between) & np.isfinite(after)
    known &= (before > 0) & (between > 0) & (after > 0)
    if not known.any():
        return 0, 0
    one, two, three = (each[known].astype(np.float64) for each in (before, between, after))
    away = _ratio(one, two) > FARTHER
    flips = away & (_ratio(one, three) <= FARTHER) & (_ratio(three, two) > FARTHER)
    return int(np.count_nonzero(flips)), len(flips)


def scaled(depth: Array) -> Array:
    """Returns numbers (H, W) without their scale: divided by the median of those known."""
    middle = float(np.median(depth[np.isfinite(depth)])) if np.isfinite(depth).any() else 1.0
    return depth / middle if middle > 0 else depth


def _ratio(first: Array, second: Array) -> Array:
    ratio: Array = np.maximum(first / second, second / first)
    return ratio
