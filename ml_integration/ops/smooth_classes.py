"""Finds the class of each pixel from scores of fewer cells, with edges between their centers."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.dense_maps import linear, within
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.map_axes import Axis

_FOUR = np.ones((2, 2), np.uint8)
"""Cells that an interpolated number lies between."""
_KEPT = 2**22
"""Numbers of the largest buffer that is kept."""


class Scratch:
    """Buffers that are used again for the next picture, unless they are very large.

    New ones of this size cost more time than what is done in them: the system hands out each page
    of them anew.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def take(self, name: str, size: int, dtype: type) -> Array:
        """Returns an array (size,) of any content; the last one of this name is used no longer."""
        array = self._arrays.get(name)
        if array is None or array.size < size or array.dtype != dtype:
            array = np.empty(size, dtype)
            if size <= _KEPT:
                self._arrays[name] = array
        return array[:size]


def smooth_best(
    scores: Array, geometry: Letterbox, dtype: type, outside: int, scratch: Scratch
) -> Array:
    """Returns the class of the highest interpolated score, the first of equal ones.

    Args:
        scores: (C, h, w) float32, of any resolution that covers the whole input.
        geometry: how the picture lies in the model's input.
        dtype: np.uint8 or np.uint16, of the result.
        outside: class of the pixels that the model does not see.
        scratch: buffers to work in.

    Returns:
        (H, W).
    """
    rows, columns = (Axis.of(scores.shape[1 + axis], geometry, axis) for axis in (0, 1))
    whole: Array = np.full((rows.pixels, columns.pixels), outside, dtype)
    found = whole[within(rows.visible, columns.visible)]
    found[...] = 0
    best = scratch.take('best', found.size, np.float32).reshape(found.shape)
    best[...] = -np.inf
    room = scratch.take('room', found.size, np.float32)
    rest = scratch.take('rest', found.size, np.uint8)
    covered = np.ascontiguousarray(scores[(slice(None), *within(rows.covered, columns.covered))])
    for number, down, across in _possible(covered, scratch) if found.size else ():
        parts = rows.part(*down), columns.part(*across)
        if not all(one.pixels for one in parts):  # of a picture smaller than the map
            continue
        place = within(*(one.shown for one in parts))
        scored = linear(covered[number], *parts, room)
        take_higher(best[place], found[place], scored, number, rest)
    return whole


def take_higher(best: Array, found: Array, other: Array, number: int, room: Array) -> None:
    """Writes a class where its score is higher than the best one so far, in place.

    Args:
        best: (H, W) float32.
        found: (H, W) uint8 or uint16, the classes of the best scores, all below `number`.
        other: (H, W) float32, the scores of the class.
        number: the class.
        room: (N,) uint8 to write to, as many as pixels or more.
    """
    higher = room[: best.size].reshape(best.shape)
    cv2.compare(other, best, cv2.CMP_GT, dst=higher)
    if found.dtype == np.uint8:  # all bits or none: no branch for a pixel
        np.bitwise_and(higher, np.uint8(number), out=higher)
        cv2.max(found, higher, dst=found)
    else:
        found[higher > 0] = number
    cv2.max(best, other, dst=best)


def _possible(
    scores: Array, scratch: Scratch
) -> Iterator[tuple[int, tuple[int, int], tuple[int, int]]]:
    """Yields the classes that can be the best of interpolated scores, and between which cells.

    What lies between four cells is at most the highest of them and at least the lowest, so a
    class that is nowhere higher there than the lowest of another one is not the best.

    Args:
        scores: (C, h, w), contiguous.
        scratch: buffers to work in.

    Yields:
        The class, and the first and the last row and column of cells.
    """
    count, height, width = scores.shape
    # One picture of all maps: the last row of each looks at the next one, and is left out.
    tall = scores.reshape(count * height, width)
    low, high = (scratch.take(name, scores.size, np.float32) for name in ('low', 'high'))
    cv2.erode(tall, _FOUR, low.reshape(tall.shape), (0, 0))
    cv2.dilate(tall, _FOUR, high.reshape(tall.shape), (0, 0))
    low, high = (one.reshape(scores.shape)[:, : max(1, height - 1)] for one in (low, high))
    possible: Array = high >= low.max(axis=0) if height > 1 else np.ones_like(high, bool)
    rows, columns = np.any(possible, axis=2), np.any(possible, axis=1)
    for number in np.flatnonzero(rows.any(axis=1)).tolist():
        down, across = (np.flatnonzero(one[number])[[0, -1]].tolist() for one in (rows, columns))
        yield number, (down[0], down[1] + 1), (across[0], across[1] + 1)
