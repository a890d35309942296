"""Overlap, suppression and conversion of boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ml_integration.ops.boxes import classwise_nms, clip_boxes, iou_matrix, xyxy_from_cxcywh


@st.composite
def boxes_of(draw: st.DrawFn, most: int = 25) -> np.ndarray:
    corners = st.tuples(*[st.integers(-40, 80)] * 2, *[st.integers(1, 60)] * 2)
    rows = np.array(draw(st.lists(corners, min_size=1, max_size=most)), np.float32)
    rows[:, 2:] += rows[:, :2]
    return rows


def naive_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, float(width)) * max(0.0, float(height))
    areas = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]))
    return shared / (areas - shared)


def naive_nms(
    xyxy: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, threshold: float
) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        rivals = [j for j in kept if class_ids[i] == class_ids[j]]
        if all(naive_iou(xyxy[i], xyxy[j]) <= threshold for j in rivals):
            kept.append(i)
    return kept


@given(boxes_of(), boxes_of())
@settings(max_examples=50, deadline=None)
def test_overlaps_equal_the_definition(first: np.ndarray, second: np.ndarray) -> None:
    expected = [[naive_iou(a, b) for b in second] for a in first]
    np.testing.assert_allclose(iou_matrix(first, second), expected, atol=1e-12)


def test_boxes_without_area_overlap_nothing() -> None:
    point = np.array([[5, 5, 5, 5]], np.float32)
    assert iou_matrix(point, np.array([[0, 0, 10, 10], [5, 5, 5, 5]])).tolist() == [[0, 0]]


@given(boxes_of(), st.sampled_from((0.0, 0.3, 0.45, 0.7, 1.0)), st.data())
@settings(max_examples=150, deadline=None)
def test_suppression_equals_the_naive_loop(
    xyxy: np.ndarray, threshold: float, data: st.DataObject
) -> None:
    size = len(xyxy)
    few = st.sampled_from((0.0, 0.25, 0.5, 0.5000001, 1.0))  # with equal and nearly equal ones
    scores = np.array(data.draw(st.lists(few, min_size=size, max_size=size)), np.float32)
    numbers = st.lists(st.integers(-1, 3), min_size=size, max_size=size)
    class_ids = np.array(data.draw(numbers), np.int32)
    if 0 < threshold < 1:  # no rounding decides
        assume(np.abs(iou_matrix(xyxy, xyxy) - threshold).min() > 1e-6)
    kept = classwise_nms(xyxy, scores, class_ids, threshold)
    assert kept.tolist() == naive_nms(xyxy, scores, class_ids, threshold)


def test_nothing_gives_nothing() -> None:
    kept = classwise_nms(np.empty((0, 4), np.float32), np.empty(0), np.empty(0, np.int32), 0.5)
    assert kept.shape == (0,)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_kept_and_comes_first(bad: float) -> None:
    xyxy = np.array([[0, 0, 9, 9], [0, 0, 9, 9], [bad, 0, 9, 9], [0, 0, 9, 9]], np.float32)
    scores = np.array([0.5, 0.9, 0.8, bad], np.float32)
    kept = classwise_nms(xyxy, scores, np.zeros(4, np.int32), 0.5)
    assert kept.tolist() == [2, 3, 1]


def test_only_the_best_candidates_are_compared() -> None:
    starts = np.arange(50, dtype=np.float32)[:, None] * 10
    xyxy = np.hstack((starts, starts, starts + 5, starts + 5))
    scores = np.linspace(0.1, 0.9, 50)
    kept = classwise_nms(xyxy, scores, np.zeros(50, np.int32), 0.5, candidates=3)
    assert kept.tolist() == [49, 48, 47]


@given(boxes_of(), st.tuples(st.integers(1, 60), st.integers(1, 60)))
@settings(max_examples=50, deadline=None)
def test_clipped_boxes_lie_inside(xyxy: np.ndarray, size_wh: tuple[int, int]) -> None:
    clipped = clip_boxes(xyxy, size_wh)
    assert clipped.dtype == xyxy.dtype
    assert (clipped >= 0).all() and (clipped <= np.array(size_wh * 2)).all()
    inside = (xyxy >= 0).all(axis=1) & (xyxy <= np.array(size_wh * 2)).all(axis=1)
    np.testing.assert_array_equal(clipped[inside], xyxy[inside])


def test_center_and_size_become_corners() -> None:
    centered = np.array([[10, 20, 4, 6]], np.float32)
    assert xyxy_from_cxcywh(centered).tolist() == [[8, 17, 12, 23]]
