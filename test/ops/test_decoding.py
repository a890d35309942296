"""What decoders share: nothing that is no number gets lost."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.ops.decoding import best_first, class_ids_from, count_from, promising


def test_scores_from_the_threshold_up_are_promising() -> None:
    assert promising(np.array([0.2, 0.5, 0.4999, 0.9, -1.0]), 0.5).tolist() == [1, 3]


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_promising_and_come_first(bad: float) -> None:
    scores = np.array([0.2, 0.9, bad, 0.9])
    assert promising(scores, 0.5).tolist() == [1, 2, 3]
    assert best_first(scores).tolist() == [2, 1, 3, 0]


def test_class_numbers_count_from_the_offset() -> None:
    class_ids = class_ids_from(np.array([1.0, 90.0]), 1)
    assert class_ids.tolist() == [0, 89]
    assert class_ids.dtype == np.int32


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64', 'int32', 'int64', 'uint8'])
def test_class_numbers_of_every_type_are_read(dtype: str) -> None:
    assert class_ids_from(np.array([0, 3, 90], dtype), 0).tolist() == [0, 3, 90]


@pytest.mark.parametrize(
    ('number', 'class_id'),
    [
        (2.9999, 3),
        (3.0001, 3),
        (-1e-4, 0),
        (89.9375, 90),  # the half just below 90
        (2.5, -1),  # two classes are equally near
        (2.7, -1),
        (-0.9, -1),
        (np.nan, -1),
        (-np.inf, -1),
        (2.0**31, -1),
        (1e300, -1),
    ],
)
def test_a_class_number_is_rounded_and_what_is_near_none_is_none(
    number: float, class_id: int
) -> None:
    with np.errstate(all='raise'):
        assert class_ids_from(np.array([number]), 0).tolist() == [class_id]
        assert class_ids_from(np.array([number + 1]), 1).tolist() == [class_id]


@pytest.mark.parametrize(
    ('number', 'count'),
    [(2.9999, 3), (-1e-4, 0), (5.0001, 5), (2.5, 5), (-4, 5), (99, 5), (np.nan, 5)],
)
def test_a_number_of_rows_is_rounded_and_a_broken_one_means_all(number: float, count: int) -> None:
    assert count_from(np.array([number], np.float32), 5) == count
    assert count_from(np.empty(0, np.float32), 5) == 5
