"""Cuts objects out of a picture, as pictures of their own, and brings places in them back.

Coordinates are continuous and start at the corner of the first pixel, as in `ops/letterbox`. What
lies beyond the picture's edge repeats the pixels at the edge, so that an object keeps its shape
and its place in the crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ml_integration.core.datatypes import Array

LONGEST = 2048
"""Longest side of a crop that has pixels of its own [px]; a view of the picture may be larger."""


@dataclass(frozen=True, slots=True)
class Region:
    """Rectangle in a picture.

    Attributes:
        center: x and y [px].
        size: width and height [px] before it is turned.
        angle: by which it is turned around its center, from the x axis towards the y axis [rad].
    """

    center: tuple[float, float]
    size: tuple[float, float]
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Crop:
    """Part of a picture.

    Attributes:
        pixels: (h, w) or (h, w, C), where possible a view of the picture.
        matrix: (2, 3) float64; times x, y, 1 of a place in the crop it is the place in the
            picture [px].
    """

    pixels: Array
    matrix: Array

    def to_picture(self, places: Array) -> Array:
        """Moves places (..., 2) [px of the crop] to the picture; returns float32."""
        with np.errstate(over='ignore', invalid='ignore'):
            moved: Array = places.astype(np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
            return moved.astype(np.float32)


def around_box(xyxy: Array, angle: float, padding: float, square: bool) -> Region:
    """Returns the region of a box (4,) with room around it.

    Args:
        xyxy: left, top, right, bottom [px], before the box is turned.
        angle: by which it is turned [rad].
        padding: share of width and height that is added on each side.
        square: both sides become as long as the longer one.
    """
    left, top, right, bottom = map(float, xyxy)
    width, height = (right - left) * (1 + 2 * padding), (bottom - top) * (1 + 2 * padding)
    if square:
        width = height = max(width, height)
    return Region(((left + right) / 2, (top + bottom) / 2), (width, height), angle)


def cut(picture: Array, region: Region) -> Crop:
    """Cuts a region, which meets the picture, out of it.

    A region that is not turned is moved and resized by less than a pixel, to whole ones.

    Args:
        picture: (H, W) or (H, W, C), only read.
        region: what to cut out.
    """
    if region.angle:
        return _turned(picture, region)
    wide, high = (max(1, round(side)) for side in region.size)
    left = _begin(region.center[0], wide, picture.shape[1])
    top = _begin(region.center[1], high, picture.shape[0])
    columns = max(left, 0), min(left + wide, picture.shape[1])
    rows = max(top, 0), min(top + high, picture.shape[0])
    inside = picture[rows[0] : rows[1], columns[0] : columns[1]]
    beyond = (rows[0] - top, top + high - rows[1], columns[0] - left, left + wide - columns[1])
    if any(beyond):
        if max(wide, high) > LONGEST:
            return _turned(picture, region)
        inside = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE)
    return Crop(inside, np.array([[1.0, 0, left], [0, 1.0, top]]))


def _begin(center: float, length: int, limit: int) -> int:
    """Returns where a stretch begins that has at least one of the pixels 0 to `limit`."""
    return min(max(round(center - length / 2), 1 - length), limit - 1)


def _turned(picture: Array, region: Region) -> Crop:
    """Turns a region upright, and makes it smaller where it is longer than `LONGEST`."""
    scale = min(1.0, LONGEST / max(region.size))
    wide, high = (max(1, round(side * scale)) for side in region.size)
    cosine, sine = np.cos(region.angle), np.sin(region.angle)
    step_x, step_y = region.size[0] / wide, region.size[1] / high
    matrix = np.zeros((2, 3))
    matrix[:, :2] = [[cosine * step_x, -sine * step_y], [sine * step_x, cosine * step_y]]
    matrix[:, 2] = np.array(region.center) - matrix[:, :2] @ [wide / 2, high / 2]
    centers = matrix.copy()  # OpenCV counts from the centers of pixels
    centers[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(
        picture, centers, (wide, high), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return Crop(pixels, matrix)
