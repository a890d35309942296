"""Points of objects: how alike they are, how they are scored, and the box around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_integration.ops.detections import Detections
from ml_integration.ops.matching import compare_objects
from ml_integration.ops.poses import around, likeness, similarity, unseen
from ml_integration.ops.scoring.objects import ObjectScorer


def objects(xyxy: np.ndarray, keypoints: np.ndarray, scores: np.ndarray) -> Detections:
    ids = np.zeros(len(scores), np.int32)
    numbers = (np.asarray(each, np.float32) for each in (xyxy, scores, keypoints))
    boxes, sure, points = numbers
    return Detections(boxes, sure, ids, len(ids), keypoints=points)


def people() -> list[tuple[Detections, Detections]]:
    """What was found and what is true, of which 6 people show none of their points."""
    dice = np.random.default_rng(7)
    pictures = []
    for count in (3, 0, 4, 2, 5):
        low = dice.uniform(0, 400, (count, 2))
        true = np.hstack((low, low + dice.uniform(60, 200, (count, 2)))).astype(np.float32)
        points = np.ones((count, 17, 3), np.float32)
        points[..., :2] = low[:, None] + dice.random((count, 17, 2)) * (
            true[:, None, 2:] - low[:, None]
        )
        points[..., 2] = dice.random((count, 17)) < 0.6
        points[dice.random(count) < 0.4, :, 2] = 0
        which = dice.integers(0, count, 2 * count) if count else np.zeros(0, int)
        seen = points[which].copy()
        seen[..., :2] += dice.normal(0, 5, (len(which), 17, 2))
        found = objects(true[which], seen, dice.random(len(which)))
        pictures.append((found, objects(true, points, np.ones(count))))
    return pictures


def test_people_who_show_no_point_need_not_be_found() -> None:
    """The expected numbers are those of pycocotools 2.0.11 for the same people."""
    scorer = ObjectScorer(similarity, str, ignored=unseen)
    for found, true in people():
        scorer.add(found, true)
    every, at_half = (score.value for score in scorer.scores()[:2])
    assert every == pytest.approx(0.5838578782690299, abs=1e-9)
    assert at_half == pytest.approx(0.9016330204449017, abs=1e-9)


def test_truth_without_points_has_to_be_found() -> None:
    none = Detections(
        np.zeros((2, 4), np.float32), np.ones(2, np.float32), np.zeros(2, np.int32), 2
    )
    assert unseen(none).tolist() == [False, False]


def some(places: Sequence[tuple[int, int, int]]) -> Detections:
    """Objects of two points each, of which one or both may score nothing."""
    numbers = np.array(places, np.float32).reshape(-1, 2, 3)
    low, high = numbers[..., :2].min(axis=1), numbers[..., :2].max(axis=1) + 5
    return objects(np.hstack((low, high)), numbers / (1, 1, 2), np.linspace(0.9, 0.5, len(low)))


POINT = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2))
OBJECTS = st.integers(0, 4).flatmap(lambda n: st.lists(POINT, min_size=2 * n, max_size=2 * n))


@given(OBJECTS, OBJECTS)
def test_two_results_are_as_alike_from_either_side(
    one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]
) -> None:
    first, second = some(one), some(other)
    alike = likeness(first, second)
    np.testing.assert_allclose(alike, likeness(second, first).T, rtol=1e-12)
    assert ((alike >= 0) & (alike <= 1)).all()


@given(OBJECTS)
def test_a_result_does_not_differ_from_itself_though_its_points_score_nothing(
    places: list[tuple[int, int, int]],
) -> None:
    result = some(places)
    names = ['person'] * len(result)
    scores = result.scores, result.scores
    found = compare_objects(likeness(result, result), scores, (names, names))
    assert found.only_first == found.only_second == 0


def test_a_point_that_is_farther_off_makes_objects_less_alike() -> None:
    points = np.zeros((1, 2, 3))
    points[0] = (10, 10, 1), (30, 40, 0.5)
    true, values = objects(np.array([[10, 10, 30, 40]]), points, np.ones(1)), []
    for shift in range(6):
        moved = points.copy()
        moved[0, 0, 0] += shift
        values.append(float(likeness(true, objects(true.xyxy, moved, np.ones(1)))[0, 0]))
    assert values == sorted(values, reverse=True) and values[0] == 1 and len(set(values)) == 6


def test_the_box_is_around_the_points_that_are_visible() -> None:
    points = np.array([[[5, 6, 0.9], [20, 30, 0.8], [0, 63, 0.1]]], np.float32)
    assert around(points, (64, 64), 0.5).tolist() == [[5, 6, 20, 30]]
    assert around(points, (64, 64)).tolist() == [[0, 6, 20, 63]]
    assert around(points, (64, 64), 0.95).tolist() == [[0, 6, 20, 63]]
