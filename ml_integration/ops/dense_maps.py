"""Brings maps of numbers from the model's input to the picture."""

from __future__ import annotations

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.map_axes import Axis, Part
from ml_integration.ops.resizing import OPENCV


def to_source(dense: Array, geometry: Letterbox, interpolation: str, outside: float) -> Array:
    """Brings a map of the model's input to the size of the picture, as a new array.

    Args:
        dense: (h, w) float32 of any resolution that covers the whole input; of any other type
            with 'nearest'.
        geometry: how the picture lies in the input; what is beside it is left out.
        interpolation: one of `INTERPOLATIONS`; with 'nearest' numbers stay what they are.
        outside: number of the pixels whose center the input does not show.

    Returns:
        (H, W) of the same type.
    """
    rows, columns = (Axis.of(dense.shape[axis], geometry, axis) for axis in (0, 1))
    if rows.same and columns.same:
        made = dense[within(rows.covered, columns.covered)].copy()
    elif interpolation == 'nearest':
        made = dense.take(rows.nearest(), axis=0).take(columns.nearest(), axis=1)
    elif rows.visible and columns.visible:
        made = _between(dense, rows, columns, OPENCV[interpolation])
    else:
        made = np.empty((len(rows.visible), len(columns.visible)), dense.dtype)
    if made.shape == (rows.pixels, columns.pixels):
        return made
    whole = np.full((rows.pixels, columns.pixels), outside, dense.dtype)
    whole[within(rows.visible, columns.visible)] = made
    return whole


def within(rows: range, columns: range) -> tuple[slice, slice]:
    """Returns the index of a part of an array."""
    return slice(rows.start, rows.stop), slice(columns.start, columns.stop)


def linear(covered: Array, rows: Part, columns: Part, room: Array | None = None) -> Array:
    """Interpolates for the pixels of a part of the picture.

    Args:
        covered: (h, w) float32, the cells that the visible picture covers.
        rows: which ones of its rows.
        columns: which ones of its columns.
        room: (N,) float32 to write to, as many as pixels of the picture or more.
    """
    part = covered[within(rows.cells, columns.cells)]
    for along, one in enumerate((rows, columns)):
        if not one.axis.even:
            part = one.between(part, along)
    size = (len(columns.made), len(rows.made))
    if part.shape != size[::-1]:
        into = None if room is None else room[: size[0] * size[1]].reshape(size[::-1])
        part = cv2.resize(part, size, dst=into, interpolation=cv2.INTER_LINEAR)
    return part[rows.wanted, columns.wanted]


def _between(dense: Array, rows: Axis, columns: Axis, flag: int) -> Array:
    """Interpolates between the cells that the picture covers; those beside it do not count."""
    down, across = rows.covered, columns.covered
    part = dense[within(down, across)]
    if flag == cv2.INTER_LINEAR:
        return linear(part, rows.part(0, len(down) - 1), columns.part(0, len(across) - 1))
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
