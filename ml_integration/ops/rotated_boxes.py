"""Boxes that are turned around their center: edges before the turn (N, 4) [px], angles [rad]."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

_EDGE = 1e-7
"""Part by which the first of two boxes is made smaller, so that no edges lie on each other."""
_AT_ONCE = 20000
"""Pairs of boxes that are compared at once, which bounds the memory."""


def half_axes(xyxy: Array, angles: Array) -> tuple[Array, Array, Array]:
    """Returns centers and the vectors to the middle of the right and the lower edge, (N, 2)."""
    boxes = np.asarray(xyxy, np.float64)
    centers, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    turned = np.asarray(angles, np.float64)
    along = np.stack((np.cos(turned), np.sin(turned)), axis=1)
    across = np.stack((-along[:, 1], along[:, 0]), axis=1)
    return centers, along * half[:, :1], across * half[:, 1:]


def corners(xyxy: Array, angles: Array) -> Array:
    """Returns the corners (N, 4, 2) [px] in their order around each box."""
    centers, along, across = half_axes(xyxy, angles)
    around = (-along - across, along - across, along + across, across - along)
    every: Array = np.stack([centers + corner for corner in around], axis=1)
    return every


def envelopes(xyxy: Array, angles: Array) -> Array:
    """Returns left, top, right and bottom (N, 4) [px] of the turned boxes."""
    every = corners(xyxy, angles)
    return np.concatenate((every.min(axis=1), every.max(axis=1)), axis=1)


def from_half_axes(centers: Array, along: Array, across: Array) -> tuple[Array, Array]:
    """Returns boxes whose longer side is along the angle, from -pi/2 up to pi/2.

    Axes that are not upright to each other, after a picture was stretched, become those of a
    rectangle with the longer axis and the area of their parallelogram.

    Args:
        centers: (N, 2) [px].
        along: (N, 2) [px], from the center to the middle of an edge.
        across: (N, 2) [px], the same of the next edge.

    Returns:
        Edges before the turn (N, 4) float32 [px] and angles (N,) float32 [rad].
    """
    swap = (along**2).sum(axis=1) < (across**2).sum(axis=1)
    longer = np.where(swap[:, None], across, along)
    length = np.hypot(longer[:, 0], longer[:, 1])
    area = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
    width = np.divide(area, length, out=np.zeros_like(area), where=length > 0)
    width = np.where(np.isfinite(length), width, length)
    half = np.stack((length, width), axis=1)
    angles = np.arctan2(longer[:, 1], longer[:, 0])
    angles = (angles + math.pi / 2) % math.pi - math.pi / 2
    boxes = np.concatenate((centers - half, centers + half), axis=1)
    return boxes.astype(np.float32), angles.astype(np.float32)


def rotated_iou_matrix(
    first: tuple[Array, Array | None], second: tuple[Array, Array | None]
) -> npt.NDArray[np.float64]:
    """Returns the intersection over union of each box of one set with each of another.

    Args:
        first: edges (N, 4) and angles (N,); no angles: none is turned.
        second: edges (M, 4) and angles (M,).

    Returns:
        (N, M); 0 where neither box has an area.
    """
    boxes = np.concatenate((first[0], second[0]))
    angles = np.concatenate([_angles(*one) for one in (first, second)])
    rows, columns = len(first[0]), len(second[0])
    one, other = np.indices((rows, columns)).reshape(2, -1)
    return pair_ious(boxes, angles, one, rows + other).reshape(rows, columns)


def pair_ious(xyxy: Array, angles: Array, first: Array, second: Array) -> npt.NDArray[np.float64]:
    """Returns the intersection over union of pairs of boxes, given by their indices (P,).

    The border of what two boxes share is that part of the border of each which lies in the other
    one, and by Green's theorem the area is an integral along it. A part of an edge inside a box
    is found as by Liang and Barsky (1984).
    """
    centers, along, across = half_axes(xyxy, angles)
    ious = np.zeros(len(first))
    for begin in range(0, len(first), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        a, b = ([x[one[part]] for x in (centers, along, across)] for one in (first, second))
        middle = a[0]  # close to the pair: large coordinates would cancel out
        moved = [[one[0] - middle, *one[1:]] for one in (a, b)]
        areas = [4 * np.abs(_cross(one[1], one[2])) for one in (a, b)]
        moved[0][1:] = [(1 - _EDGE) * axis for axis in moved[0][1:]]
        shared = _border_in(moved[0], moved[1]) + _border_in(moved[1], moved[0])
        shared = np.clip(shared / (1 - _EDGE) ** 2, 0, np.minimum(*areas))
        union = areas[0] + areas[1] - shared
        np.divide(shared, union, out=ious[part], where=union > 0)
    return ious


def rotated_nms(
    xyxy: Array,
    angles: Array,
    scores: Array,
    class_ids: Array,
    iou_threshold: float,
    candidates: int = 1000,
) -> Array:
    """Drops boxes that overlap a better one of their own class.

    Boxes, angles or scores that are not finite compare with nothing; they are kept and come
    first, so that the judge of the result sees them.

    Args:
        xyxy: (N, 4) [px], before the turn.
        angles: (N,) [rad].
        scores: (N,).
        class_ids: (N,) int.
        iou_threshold: two boxes may overlap by this much.
        candidates: as many of the best are looked at, which bounds the time.

    Returns:
        Indices of what stays: best first, equal scores in the order given.
    """
    usable = np.isfinite(scores) & np.isfinite(xyxy).all(axis=1) & np.isfinite(angles)
    strange, fine = np.flatnonzero(~usable), np.flatnonzero(usable)
    best = fine[np.argsort(-scores[fine], kind='stable')][:candidates]
    boxes, turned = xyxy[best], angles[best]
    around = envelopes(boxes, turned).astype(np.float32)
    areas = np.abs((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    better, worse = _near(around, class_ids[best], areas, iou_threshold)
    overlapping = pair_ious(boxes, turned, better, worse) > iou_threshold
    stays = _greedy(len(best), better[overlapping], worse[overlapping])
    return np.concatenate((strange, best[stays]))


def _near(around: Array, class_ids: Array, areas: Array, least: float) -> tuple[Array, Array]:
    """Returns the pairs of one class, the better box first, that may overlap by `least`.

    They share at most the area of the smaller one, and what their envelopes share.

    Args:
        around: envelopes (N, 4), of the best box first.
        class_ids: (N,).
        areas: of the boxes (N,).
        least: intersection over union.
    """
    near = class_ids[:, None] == class_ids[None]
    for axis in (0, 1):
        low, high = around[:, axis], around[:, axis + 2]
        near &= (low[:, None] < high[None]) & (low[None] < high[:, None])
    one, other = np.nonzero(np.triu(near, 1))
    a, b = around[one], around[other]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    most = np.minimum(np.minimum(areas[one], areas[other]), sides.prod(axis=1))
    possible = most >= (least - 1e-3) * (areas[one] + areas[other] - most)
    return one[possible], other[possible]


def _greedy(count: int, better: Array, worse: Array) -> Array:
    """Tells which of `count` items stay, if each one that stays drops the worse ones of its pairs.

    In each round those stay of which no better one is left, which are as many as depend on each
    other in no way; a few rounds are enough.
    """
    left, stays = np.ones(count, bool), np.zeros(count, bool)
    while left.any():
        both = left[better] & left[worse]
        better, worse = better[both], worse[both]
        first = left.copy()
        first[worse] = False
        stays |= first
        left &= ~first
        left[worse[first[better]]] = False
    return stays


def _border_in(one: list[Array], other: list[Array]) -> Array:
    """Returns what (P,) the edges of one box inside another add to the area.

    Args:
        one: centers and half axes (P, 2).
        other: those of the other box.
    """
    center, along, across = one
    sign = np.sign(_cross(along, across))[:, None]
    around = (-along - across, along - across, along + across, across - along)
    begin = center[:, None] + np.stack(around, axis=1)
    step = 2 * np.stack((along, across, -along, -across), axis=1)
    enter, leave = np.zeros(begin.shape[:2]), np.ones(begin.shape[:2])
    for axis in other[1:]:
        limit = (axis**2).sum(axis=1)[:, None]
        at = ((begin - other[0][:, None]) * axis[:, None]).sum(axis=2)
        speed = (step * axis[:, None]).sum(axis=2)
        with np.errstate(divide='ignore', invalid='ignore'):
            ends = (np.array([-1.0, 1.0])[:, None, None] * limit - at) / speed
        still = np.abs(speed) <= 1e-12 * limit
        inside = np.abs(at) <= limit
        low, high = np.where(inside, -np.inf, np.inf), np.where(inside, np.inf, -np.inf)
        enter = np.maximum(enter, np.where(still, low, ends.min(axis=0)))
        leave = np.minimum(leave, np.where(still, high, ends.max(axis=0)))
    length = np.clip(leave - enter, 0, None)
    # Of an edge, a part `length` spans length * (begin x step) / 2 with the origin.
    twice: Array = (length * _cross(begin, step) * sign).sum(axis=1)
    return twice / 2


def _cross(one: Array, other: Array) -> Array:
    product: Array = one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
    return product


def _angles(xyxy: Array, angles: Array | None) -> Array:
    return np.zeros(len(xyxy)) if angles is None else np.asarray(angles, np.float64)
