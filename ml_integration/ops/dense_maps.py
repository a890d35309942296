"""Brings maps of numbers from the model's input to the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.resizing import OPENCV


def to_source(dense: Array, geometry: Letterbox, interpolation: str, outside: float) -> Array:
    """Brings a map of the model's input to the size of the picture, as a new array.

    Args:
        dense: (h, w) of any resolution that covers the whole input; uint8, uint16 or float32.
        geometry: how the picture lies in the input; what is beside it is left out.
        interpolation: one of `INTERPOLATIONS`; with 'nearest' numbers stay what they are, and of
            any type.
        outside: number of the pixels whose center the input does not show.

    Returns:
        (H, W) of the same type.
    """
    rows, columns = (_Axis.of(dense, geometry, axis) for axis in (0, 1))
    if rows.same and columns.same:
        made = dense[_within(rows.covered, columns.covered)].copy()
    elif interpolation == 'nearest':
        made = dense.take(rows.nearest(), axis=0).take(columns.nearest(), axis=1)
    elif rows.visible and columns.visible:
        made = _between(dense, rows, columns, OPENCV[interpolation])
    else:
        made = np.empty((len(rows.visible), len(columns.visible)), dense.dtype)
    if made.shape == (rows.pixels, columns.pixels):
        return made
    whole = np.full((rows.pixels, columns.pixels), outside, dense.dtype)
    whole[_within(rows.visible, columns.visible)] = made
    return whole


def _within(rows: range, columns: range) -> tuple[slice, slice]:
    return slice(rows.start, rows.stop), slice(columns.start, columns.stop)


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis of a map: `cell = pixel * scale + offset`, both from the edge of the first one.

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
    def of(cls, dense: Array, geometry: Letterbox, axis: int) -> _Axis:
        """Reads the axis of an array, 0 or 1, from the geometry, which has them the other way."""
        pixels, target = geometry.source_wh[1 - axis], geometry.target_wh[1 - axis]
        scale, offset = geometry.scale_xy[1 - axis], geometry.offset_xy[1 - axis]
        # The center of pixel i is at (i + 0.5) * scale + offset.
        first = max(0, math.ceil(-offset / scale - 0.5))
        end = min(pixels, math.ceil((target - offset) / scale - 0.5))
        cells = dense.shape[axis]
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


def _between(dense: Array, rows: _Axis, columns: _Axis, flag: int) -> Array:
    """Interpolates between the cells that the picture covers; those beside it do not count."""
    down, across = rows.covered, columns.covered
    part = dense[_within(down, across)]
    size = (len(columns.visible), len(rows.visible))
    if rows.even and columns.even:
        made: Array = cv2.resize(part, size, interpolation=flag)
        return made
    # OpenCV counts from the center of the first pixel and cell.
    lines = [
        (axis.visible.start + 0.5) * axis.scale + axis.offset - covered.start - 0.5
        for axis, covered in ((columns, across), (rows, down))
    ]
    matrix = np.array([[columns.scale, 0, lines[0]], [0, rows.scale, lines[1]]])
    made = cv2.warpAffine(
        part, matrix, size, flags=flag | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return made
