"""Objects keep their numbers while they move, meet, hide and are missed."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from ml_integration.ops.tracks import TrackingRules, Tracks, match

PERIOD_NS = 33_333_333


def tracks(lost_s: float = 1.0) -> Tracks:
    numbers = count(1)
    return Tracks(TrackingRules(0.5, lost_s), lambda: next(numbers))


def box(x: float, y: float = 100.0, side: float = 40.0) -> list[float]:
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


def follow(
    made: Tracks, picture: int, *boxes: list[float], scores: float | list[float] = 0.9,
    classes: list[int] | None = None,
) -> list[int]:  # fmt: skip
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    of_each = np.full(len(boxes), 1.0, np.float32) * np.float32(scores)
    class_ids = np.array(classes if classes is not None else [0] * len(boxes), np.int32)
    return made.follow(xyxy, of_each, class_ids, picture * PERIOD_NS).tolist()


def test_objects_keep_their_numbers_in_any_order() -> None:
    made = tracks()
    assert follow(made, 0, box(100), box(300)) == [1, 2]
    for picture in range(1, 20):
        moved = box(100 + 3 * picture), box(300 - 2 * picture)
        assert follow(made, picture, *moved[::-1]) == [2, 1]


def test_what_is_seen_once_has_no_number_and_is_forgotten() -> None:
    made = tracks()
    follow(made, 0, box(100))
    assert follow(made, 1, box(100), box(400)) == [1, 0]
    assert follow(made, 2, box(100)) == [1]
    assert follow(made, 3, box(100), box(400)) == [1, 0]
    assert follow(made, 4, box(100), box(400)) == [1, 2]


def test_an_object_that_hides_gets_its_number_back_where_it_was_to_be_expected() -> None:
    made = tracks()
    for picture in range(10):
        assert follow(made, picture, box(100 + 5 * picture)) == [1]
    for picture in range(10, 20):
        follow(made, picture)
    assert follow(made, 20, box(200)) == [1]


def test_an_object_is_given_up_after_a_time_and_not_after_pictures() -> None:
    made = tracks(lost_s=0.5)
    follow(made, 0, box(100))
    assert follow(made, 1, box(100)) == [1]
    follow(made, 10)
    assert follow(made, 14, box(100)) == [1]
    follow(made, 40)
    assert follow(made, 41, box(100)) == [0]


def test_an_unsure_detection_goes_on_with_a_track_and_begins_none() -> None:
    made = tracks()
    follow(made, 0, box(100))
    assert follow(made, 1, box(102), box(300), scores=[0.2, 0.3]) == [1, 0]
    assert follow(made, 2, box(104), box(300), scores=[0.2, 0.3]) == [1, 0]


def test_an_object_keeps_its_class() -> None:
    made = tracks()
    assert follow(made, 0, box(100), box(100), classes=[0, 1]) == [1, 2]
    assert follow(made, 1, box(100), box(100), classes=[1, 0]) == [2, 1]


def test_objects_that_pass_each_other_do_not_swap_numbers() -> None:
    made = tracks()
    follow(made, 0, box(100, 100), box(300, 115))
    for picture in range(1, 40):
        moved = box(100 + 5 * picture, 100), box(300 - 5 * picture, 115)
        assert follow(made, picture, *moved) == [1, 2]


def test_boxes_that_are_not_finite_are_nobody() -> None:
    made = tracks()
    assert follow(made, 0, box(100), [np.nan] * 4) == [1, 0]
    assert follow(made, 1, [np.inf] * 4, box(101)) == [0, 1]


def test_two_streams_know_nothing_of_each_other() -> None:
    numbers = count(1)
    left, right = (Tracks(TrackingRules(0.5, 1.0), lambda: next(numbers)) for _ in range(2))
    assert follow(left, 0, box(100)) == [1]
    assert follow(right, 0, box(100)) == [2]
    assert follow(left, 1, box(100)) == [1]


@pytest.mark.parametrize('seed', range(20))
def test_pairs_are_those_of_taking_one_after_another(seed: int) -> None:
    random = np.random.default_rng(seed)
    overlap = random.random((random.integers(0, 9), random.integers(0, 9)))
    rows, columns = match(overlap, 0.3)
    left, expected = overlap.copy(), []
    while left.size and left.max() >= 0.3:
        row, column = np.unravel_index(left.argmax(), left.shape)
        expected.append((int(row), int(column)))
        left[row, :], left[:, column] = 0, 0
    assert sorted(zip(rows, columns, strict=True)) == sorted(expected)
