"""What decoders share: nothing that is no number gets lost."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.ops.decoding import best_first, class_ids_from, promising


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
