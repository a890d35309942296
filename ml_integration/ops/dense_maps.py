"""Brings maps of numbers from the model's input to the picture."""

from __future__ import annotations

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.resizing import OPENCV


def to_source(dense: Array, geometry: Letterbox, interpolation: str, outside: float) -> Array:
    """Brings a map (h, w) of the model's input to the size of the picture."""
    (width, height), target = geometry.source_wh, geometry.target_wh
    factor = (dense.shape[1] / target[0], dense.shape[0] / target[1])
    sides = []
    for axis in (0, 1):
        begin, length = geometry.offset_xy[axis], geometry.resized_wh[axis]
        low, high = max(0, begin), min(target[axis], begin + length)
        sides.append((low, high, begin, length))
    (x1, x2, x0, rw), (y1, y2, y0, rh) = sides
    part = dense[round(y1 * factor[1]) : round(y2 * factor[1]),
                 round(x1 * factor[0]) : round(x2 * factor[0])]  # fmt: skip
    sx, sy = width / rw, height / rh
    left, right = round((x1 - x0) * sx), round((x2 - x0) * sx)
    top, bottom = round((y1 - y0) * sy), round((y2 - y0) * sy)
    made = cv2.resize(part, (right - left, bottom - top), interpolation=OPENCV[interpolation])
    if made.shape == (height, width):
        return made
    whole = np.full((height, width), outside, dense.dtype)
    whole[top:bottom, left:right] = made
    return whole
