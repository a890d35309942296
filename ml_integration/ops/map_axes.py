"""Axes of maps of numbers: which pixels of a picture lie on which cells of a model's output."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.letterbox import Letterbox


@dataclass(frozen=True, slots=True)
class Axis:
    """Axis of a map: `cell = pixel * scale + offset`, both from the edge of the first one.

    Attributes:
        pixels: of the picture.
        cells: of the map.
        scale: cells per pixel.
        offset: place of the picture's edge [cells].
        visible: pixels whose centers lie on the map.
    """

    pixels: int
    cells: int
    scale: float
    offset: float
    visible: range

    @classmethod
    def of(cls, cells: int, geometry: Letterbox, axis: int) -> Axis:
        """Reads the axis of an array, 0 or 1, from the geometry, which has them the other way.

        Args:
            cells: size of the array along that axis.
            geometry: how the picture lies in the model's input.
            axis: 0 or 1.
        """
        pixels, target = geometry.source_wh[1 - axis], geometry.target_wh[1 - axis]
        scale, offset = geometry.scale_xy[1 - axis], geometry.offset_xy[1 - axis]
        # The center of pixel i is at (i + 0.5) * scale + offset.
        first = max(0, math.ceil(-offset / scale - 0.5))
        end = min(pixels, math.ceil((target - offset) / scale - 0.5))
        each = cells / target
        return cls(pixels, cells, scale * each, offset * each, range(first, max(first, end)))

    def nearest(self) -> Array:
        """Returns the cells in which the centers of the visible pixels lie."""
        centers = (np.arange(self.visible.start, self.visible.stop) + 0.5) * self.scale
        cells: Array = np.clip(np.floor(centers + self.offset), 0, self.cells - 1).astype(np.intp)
        return cells

    @property
    def covered(self) -> range:
        """Cells that the visible pixels touch, at least one."""
        low = self.visible.start * self.scale + self.offset
        high = self.visible.stop * self.scale + self.offset
        first = min(max(0, math.floor(low + 1e-6)), self.cells - 1)
        return range(first, min(max(first + 1, math.ceil(high - 1e-6)), self.cells))

    @property
    def even(self) -> bool:
        """Tells whether the picture begins and ends where cells do."""
        covered = self.covered
        length = self.pixels * self.scale
        edges = (covered.start - self.offset, covered.stop - self.offset - length)
        return len(self.visible) == self.pixels and max(map(abs, edges)) < 1e-6

    @property
    def same(self) -> bool:
        """Tells whether each pixel of the picture is a cell."""
        return self.even and len(self.covered) == self.pixels

    def part(self, first: int, last: int) -> Part:
        """Returns the visible pixels whose centers lie between those of two covered cells.

        Args:
            first: number of the lower cell among the covered ones.
            last: number of the higher one.
        """
        covered, visible = self.covered, self.visible
        low, high = (
            (covered.start + cell + 0.5 - self.offset) / self.scale - 0.5 for cell in (first, last)
        )
        # Beyond the center of the outermost cell there is nothing to come nearer to.
        begin = visible.start if first <= 0 else max(visible.start, math.ceil(low - 1e-6))
        end = visible.stop if last >= len(covered) - 1 else math.floor(high + 1e-6) + 1
        pixels = range(begin, max(begin, min(end, visible.stop)))
        if not self.even:
            return Part(self, pixels, range(len(covered)), pixels)
        # Cells and pixels share an edge each `cells` cells and `each` pixels.
        shared = math.gcd(len(covered), self.pixels)
        cells, each = len(covered) // shared, self.pixels // shared
        start = max(0, first - 1) // cells
        stop = min(shared, -(-(last + 2) // cells))
        around = range(start * cells, stop * cells)
        return Part(self, pixels, around, range(start * each, stop * each))


@dataclass(frozen=True, slots=True)
class Part:
    """Some visible pixels of an axis.

    Attributes:
        axis: the axis.
        pixels: those that are wanted.
        cells: as many as are needed for them, counted from the first covered one.
        made: pixels that these cells make, if the axis is even: from edge to edge.
    """

    axis: Axis
    pixels: range
    cells: range
    made: range

    @property
    def shown(self) -> range:
        """Wanted pixels, counted from the first visible one."""
        first = self.axis.visible.start
        return range(self.pixels.start - first, self.pixels.stop - first)

    @property
    def wanted(self) -> slice:
        """Wanted ones among the pixels that are made."""
        start = self.pixels.start - self.made.start
        return slice(start, start + len(self.pixels))

    def between(self, numbers: Array, along: int) -> Array:
        """Interpolates between the covered cells along an axis (0 or 1) of numbers, float32."""
        axis, count = self.axis, numbers.shape[along]
        centers = np.arange(self.pixels.start, self.pixels.stop) + 0.5
        places = centers * axis.scale + (axis.offset - axis.covered.start - 0.5)
        places = np.clip(places, 0, count - 1)
        low = np.minimum(places.astype(np.intp), max(0, count - 2))
        high = np.minimum(low + 1, count - 1)
        share = (places - low).astype(np.float32).reshape((-1, 1) if along == 0 else (1, -1))
        made, first = numbers.take(high, axis=along), numbers.take(low, axis=along)
        with np.errstate(invalid='ignore', over='ignore'):
            made -= first
            made *= share
            made += first
        return np.asarray(made)
