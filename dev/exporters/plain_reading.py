"""Plain readings of such outputs, one object after the other, to compare with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Array = Any
Point = tuple[float, float]
SCORE = 0.25
OVERLAP = 0.45


def kept(scores: Array, corners: Sequence[Sequence[Point]]) -> Iterator[tuple[int, int]]:
    """Yields column and class of the objects that no better one of their class covers, best first.

    Args:
        scores: (classes, N).
        corners: of each column's box, in their order around it.
    """
    best = scores.max(axis=0)
    chosen: list[tuple[int, int]] = []
    for column in np.argsort(-best, kind='stable').tolist():
        number = int(scores[:, column].argmax())
        if best[column] < SCORE:
            return
        if all(
            other != number or overlap(corners[column], corners[one]) <= OVERLAP
            for one, other in chosen
        ):
            chosen.append((column, number))
            yield column, number


def corners_of(x: float, y: float, width: float, height: float, angle: float = 0) -> list[Point]:
    """Returns the corners of a box that is turned around its center by an angle [rad]."""
    cos, sin = math.cos(angle), math.sin(angle)
    signs = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    return [
        (x + a * width * cos - b * height * sin, y + a * width * sin + b * height * cos)
        for a, b in signs
    ]


def overlap(one: Sequence[Point], other: Sequence[Point]) -> float:
    """Returns the intersection over union of two convex polygons of the same sense."""
    shared = _area(_cut(one, other))
    union = _area(one) + _area(other) - shared
    return shared / union if union > 0 else 0.0


def _cut(polygon: Sequence[Point], window: Sequence[Point]) -> Sequence[Point]:
    """Returns the part of a polygon inside a convex one (Sutherland and Hodgman 1974)."""
    for start, end in zip(window, [*window[1:], window[0]], strict=True):
        side = _side_of(start, end)
        part: list[Point] = []
        for a, b in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
            here, there = side(a), side(b)
            if here >= 0:
                part.append(a)
            if (here >= 0) != (there >= 0):
                share = here / (here - there)
                part.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
        polygon = part
    return polygon


def _side_of(start: Point, end: Point) -> Callable[[Point], float]:
    dx, dy = end[0] - start[0], end[1] - start[1]
    return lambda point: dx * (point[1] - start[1]) - dy * (point[0] - start[0])


def _area(polygon: Sequence[Point]) -> float:
    ends = [*polygon[1:], *polygon[:1]]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, ends, strict=True)) / 2


def enlarged(grid: Array, factor: int) -> Array:
    """Returns a grid (h, w) at the size of the input, interpolated between middles of cells."""
    rows, columns = (np.clip((np.arange(n * factor) + 0.5) / factor - 0.5, 0, n - 1)
                     for n in grid.shape)  # fmt: skip
    tall = np.stack([np.interp(rows, np.arange(len(grid)), column) for column in grid.T], axis=1)
    return np.stack([np.interp(columns, np.arange(grid.shape[1]), row) for row in tall])
