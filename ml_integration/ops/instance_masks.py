"""Paints the masks of objects into one map of the picture's size, and measures such maps.

A map (H, W) uint8 or uint16 has 1 + the index of the object that a pixel belongs to, 0 where there
is none; the better object has a pixel of two.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.mask_decoders import MaskGrids

_COARSEST = 0.25
"""Largest cell of a grid as a part of the picture; larger ones tell nothing about it."""


def paint_instances(
    masks: MaskGrids, xyxy: Array, geometry: Letterbox, level: float
) -> tuple[Array, tuple[int, ...]]:
    """Paints the masks of objects inside of their boxes, where their numbers are above `level`.

    A grid is resized about its cells' centers, as bilinear interpolation does it everywhere; its
    edges are rounded to whole pixels of the picture.

    Args:
        masks: of N objects, the best first.
        xyxy: (N, 4) boxes [px of the picture].
        geometry: where the picture is in the model's input.
        level: number from which on a pixel belongs to the object.

    Returns:
        The map (H, W), and the indices of objects whose mask has numbers that are not finite.
    """
    width, height = geometry.source_wh
    count = len(xyxy)
    dtype: Any = np.uint8 if count < 2**8 else np.uint16
    # Indices, of which the better object has the lower one, so that one minimum paints a mask; the
    # highest number stands for no object, until adding 1 to all makes 0 of it.
    painted, broken = np.full((height, width), np.iinfo(dtype).max, dtype), []
    cells, patches, boxes, usable = _places(masks, xyxy, geometry)
    for index in usable.tolist():
        (x1, y1, x2, y2), (left, top, right, bottom) = cells[index], patches[index]
        values = masks.cut(index, slice(y1, y2), slice(x1, x2))
        if not np.isfinite(values.sum()):
            broken.append(index)
            continue
        made = cv2.resize(values, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
        x, y, x_end, y_end = boxes[index]
        beside = made[y - top : y_end - top, x - left : x_end - left] <= level
        # All bits or none of them; twice as quick as a product.
        full = np.negative(beside.view(np.uint8) if dtype is np.uint8 else beside.astype(dtype))
        part = painted[y:y_end, x:x_end]
        cv2.min(part, np.bitwise_or(full, dtype(index), out=full), dst=part)
    painted += dtype(1)
    return painted, tuple(broken)


def _places(
    masks: MaskGrids, xyxy: Array, geometry: Letterbox
) -> tuple[list[list[int]], list[list[int]], list[list[int]], Array]:
    """Returns what is needed of each grid, where it goes on the picture, and each box [px].

    All three are edges left, top, right and bottom; the last item has the indices of objects for
    which they make sense.
    """
    with np.errstate(invalid='ignore', divide='ignore', over='ignore'):
        areas = np.asarray(masks.areas, np.float64)
        scale, offset = np.array(geometry.scale_xy * 2), np.array(geometry.offset_xy * 2)
        source = (areas - offset) / scale  # to_source is float32, which moves cells of pictures
        cell = (source[:, 2:] - source[:, :2]) / masks.wh
        limit = np.array(geometry.source_wh * 2)
        # A pixel belongs to a box if its center does.
        boxes = np.clip(np.ceil(xyxy.astype(np.float64) - 0.5), 0, limit)
        # Half a cell more is what the interpolation looks at.
        low = np.floor((boxes[:, :2] - source[:, :2]) / cell - 0.5)
        high = np.ceil((boxes[:, 2:] - source[:, :2]) / cell + 0.5)
        most = np.array(masks.wh * 2)
        cells = np.clip(np.concatenate((low, high), axis=1), 0, most)
        patches = np.rint(np.tile(source[:, :2], 2) + cells * np.tile(cell, 2))
        boxes = np.concatenate(
            (np.maximum(boxes[:, :2], patches[:, :2]), np.minimum(boxes[:, 2:], patches[:, 2:])),
            axis=1,
        )
        usable = np.isfinite(patches).all(axis=1) & (cell > 0).all(axis=1)
        usable &= (cell <= _COARSEST * limit[:2]).all(axis=1)
        usable &= (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        usable &= (cells[:, 2:] > cells[:, :2]).all(axis=1)
    whole = [np.where(usable[:, None], each, 0).astype(int) for each in (cells, patches, boxes)]
    return whole[0].tolist(), whole[1].tolist(), whole[2].tolist(), np.flatnonzero(usable)


def instance_areas(instances: Array, count: int) -> npt.NDArray[np.int64]:
    """Returns how many pixels (N,) belong to each of `count` objects."""
    bins = cv2.calcHist([instances], [0], None, [count + 1], [0, count + 1])
    return bins.ravel()[1:].astype(np.int64)


def instance_overlap(
    first: Array, second: Array, counts: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Returns the intersection over union of each object of one map with each of another.

    Args:
        first: a map of N objects.
        second: a map of M objects, of the same size.
        counts: N and M.

    Returns:
        (N, M); 0 where neither object has a pixel.
    """
    rows, columns = counts[0] + 1, counts[1] + 1
    pairs = first.astype(np.int64).ravel() * columns + second.ravel()
    shared = np.bincount(pairs, minlength=rows * columns).reshape(rows, columns)
    union = shared.sum(axis=1)[1:, None] + shared.sum(axis=0)[None, 1:] - shared[1:, 1:]
    ratio: npt.NDArray[np.float64] = np.zeros(counts)
    np.divide(shared[1:, 1:], union, out=ratio, where=union > 0)
    return ratio
