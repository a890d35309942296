"""Boxes that are turned: overlap, suppression and the rectangle they stay when moved."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from ml_integration.ops.boxes import classwise_nms, iou_matrix
from ml_integration.ops.rotated_boxes import (
    corners,
    envelopes,
    from_half_axes,
    half_axes,
    pair_ious,
    rotated_iou_matrix,
    rotated_nms,
)

Boxes = tuple[np.ndarray, np.ndarray]


def some(count: int, seed: int = 0, span: float = 100) -> Boxes:
    dice = np.random.default_rng(seed)
    centers, sizes = dice.uniform(0, span, (count, 2)), dice.uniform(2, 60, (count, 2))
    xyxy = np.hstack((centers - sizes / 2, centers + sizes / 2))
    return xyxy, dice.uniform(-4, 4, count)


def painted_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Overlap of two boxes given by their corners [px], from pictures of them."""
    masks = []
    for box in (first, second):
        canvas = np.zeros((2000, 2000), np.uint8)
        points = np.rint((box + 50) * 10).astype(np.int32)
        cv2.fillConvexPoly(canvas, points, 1)
        masks.append(canvas.astype(bool))
    union = (masks[0] | masks[1]).sum()
    return float((masks[0] & masks[1]).sum() / union)


def test_the_overlap_is_that_of_the_painted_boxes() -> None:
    first, second = some(6), some(5, seed=1)
    expected = [[painted_iou(a, b) for b in corners(*second)] for a in corners(*first)]
    np.testing.assert_allclose(rotated_iou_matrix(first, second), expected, atol=0.02)


def test_boxes_that_are_not_turned_overlap_as_upright_ones() -> None:
    """Whole numbers, so that edges lie on each other."""
    dice = np.random.default_rng(2)
    low = dice.integers(0, 8, (60, 2))
    boxes = np.hstack((low, low + dice.integers(1, 6, (60, 2)))).astype(np.float64)
    found = rotated_iou_matrix((boxes, None), (boxes, np.zeros(60)))
    np.testing.assert_allclose(found, iou_matrix(boxes, boxes), atol=1e-6)


def test_a_box_overlaps_itself_wholly_however_it_is_written() -> None:
    xyxy, angles = some(20)
    swapped = xyxy.copy()
    half = (xyxy[:, 2:] - xyxy[:, :2]) / 2
    middle = (xyxy[:, 2:] + xyxy[:, :2]) / 2
    swapped = np.hstack((middle - half[:, ::-1], middle + half[:, ::-1]))
    for other in ((xyxy, angles), (xyxy, angles + math.pi), (swapped, angles + math.pi / 2)):
        found = np.diag(rotated_iou_matrix((xyxy, angles), other))
        np.testing.assert_allclose(found, 1, atol=1e-6)


def test_a_box_without_area_and_no_box_overlap_nothing() -> None:
    flat = (np.array([[5.0, 5, 5, 20], [3, 3, 3, 3]]), np.array([0.3, 0]))
    assert rotated_iou_matrix(flat, some(4)).max() == 0
    none = (np.zeros((0, 4)), np.zeros(0))
    assert rotated_iou_matrix(none, some(4)).shape == (0, 4)


@pytest.mark.parametrize('threshold', [0.1, 0.45])
def test_a_better_box_of_the_same_class_displaces_those_that_overlap(threshold: float) -> None:
    xyxy, angles = some(150)
    dice = np.random.default_rng(3)
    scores, ids = dice.random(150).round(2), dice.integers(0, 2, 150)
    ious = rotated_iou_matrix((xyxy, angles), (xyxy, angles))
    kept: list[int] = []
    for index in np.argsort(-scores, kind='stable').tolist():
        if all(ids[index] != ids[k] or ious[index, k] <= threshold for k in kept):
            kept.append(index)
    assert rotated_nms(xyxy, angles, scores, ids, threshold).tolist() == kept
    upright = rotated_nms(xyxy, np.zeros(150), scores, ids, threshold)
    assert upright.tolist() == classwise_nms(xyxy, scores, ids, threshold).tolist()


def test_what_is_not_finite_is_kept_for_the_judge() -> None:
    xyxy, angles = some(3, span=1)
    scores = np.array([0.5, np.nan, 0.9])
    angles[0] = np.inf
    assert rotated_nms(xyxy, angles, scores, np.zeros(3, int), 0.0).tolist() == [0, 1, 2]
    assert rotated_nms(xyxy[:0], angles[:0], scores[:0], np.zeros(0, int), 0.5).tolist() == []


def test_many_pairs_are_compared_in_parts() -> None:
    xyxy, angles = some(2)
    first = np.tile([0, 1], 15000)
    found = pair_ious(xyxy, angles, first, 1 - first)
    assert np.ptp(found) < 1e-6


def test_the_longer_side_is_along_the_angle() -> None:
    xyxy, angles = some(40)
    boxes, turned = from_half_axes(*half_axes(xyxy, angles))
    sides = boxes[:, 2:] - boxes[:, :2]
    assert (sides[:, 0] >= sides[:, 1]).all()
    assert ((turned >= -math.pi / 2) & (turned < math.pi / 2)).all()
    assert (boxes.dtype, turned.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(
        np.diag(rotated_iou_matrix((boxes, turned), (xyxy, angles))), 1, atol=1e-4
    )
    np.testing.assert_allclose(envelopes(boxes, turned), envelopes(xyxy, angles), atol=1e-3)


def test_a_stretched_box_keeps_its_area_and_its_longer_side() -> None:
    centers, along, across = half_axes(np.array([[-20.0, -5, 20, 5]]), np.array([0.5]))
    stretch = np.array([2.0, 1.0])
    ((left, top, right, bottom),), (angle,) = from_half_axes(
        centers, along * stretch, across * stretch
    )
    assert (right - left) * (bottom - top) == pytest.approx(2 * 400, rel=1e-5)
    assert right - left == pytest.approx(2 * math.hypot(*(along * stretch)[0]), rel=1e-5)
    assert math.tan(angle) == pytest.approx(math.tan(0.5) / 2, rel=1e-5)
