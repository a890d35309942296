"""Axis-aligned boxes: (N, 4) float [px], xyxy = left, top, right, bottom."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


def xyxy_from_cxcywh(cxcywh: Array) -> Floats:
    """Returns corners (N, 4) of boxes given as center and size (N, 4)."""
    half = cxcywh[:, 2:] * np.float32(0.5)
    corners: Floats = np.concatenate((cxcywh[:, :2] - half, cxcywh[:, :2] + half), axis=1)
    return corners


def clip_boxes(xyxy: Array, size_wh: tuple[int, int]) -> Array:
    """Moves corners that lie outside a picture of `size_wh` [px] to its edge."""
    return np.clip(xyxy, 0, np.array(size_wh * 2, xyxy.dtype))


def iou_matrix(first: Array, second: Array) -> npt.NDArray[np.float64]:
    """Returns the intersection over union of each box of one set with each of another.

    Args:
        first: (N, 4) xyxy.
        second: (M, 4) xyxy.

    Returns:
        (N, M); 0 where neither box has an area.
    """
    # One coordinate after another: arrays (N, M, 2) take six times as long.
    left, top, right, bottom = np.asarray(first, np.float64).T[..., None]
    left_b, top_b, right_b, bottom_b = np.asarray(second, np.float64).T
    shared = np.maximum(np.minimum(right, right_b) - np.maximum(left, left_b), 0)
    shared *= np.maximum(np.minimum(bottom, bottom_b) - np.maximum(top, top_b), 0)
    union = (right - left) * (bottom - top) + (right_b - left_b) * (bottom_b - top_b) - shared
    ratio: npt.NDArray[np.float64] = np.zeros_like(shared)
    np.divide(shared, union, out=ratio, where=union > 0)
    return ratio


def classwise_nms(
    xyxy: Array, scores: Array, class_ids: Array, iou_threshold: float, candidates: int = 2000
) -> Indices:
    """Drops boxes that overlap a better one of their own class.

    Boxes or scores that are not finite compare with nothing; they are kept and come first, so
    that the judge of the result sees them.

    Args:
        xyxy: (N, 4) [px].
        scores: (N,).
        class_ids: (N,) int.
        iou_threshold: two boxes may overlap by this much.
        candidates: as many of the best are looked at, which bounds the time (16 ms for 2000).

    Returns:
        Indices of what stays: best first, equal scores in the order given.
    """
    usable = np.isfinite(scores) & np.isfinite(xyxy).all(axis=1)
    strange, fine = np.flatnonzero(~usable), np.flatnonzero(usable)
    if not len(fine):
        return strange
    best = fine[np.argsort(-scores[fine], kind='stable')][:candidates]
    # Each class in an area of its own: one pass as in NMSBoxesBatched, which OpenCV 4.6 lacks.
    boxes = xyxy[best].astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    apart = (boxes[:, :2] + boxes[:, 2:]).max() - boxes[:, :2].min() + 1.0
    boxes[:, :2] += (class_ids[best] * apart)[:, None]
    # Ranks instead of scores, because it drops a score of 0 whatever the threshold.
    ranks = np.arange(len(best), 0.0, -1.0)
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), ranks.tolist(), 0.0, iou_threshold)
    return np.concatenate((strange, best[np.asarray(kept, np.intp).ravel()]))
