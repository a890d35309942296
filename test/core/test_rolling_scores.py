"""Scores over the last pairs, by scorers that only add."""

from __future__ import annotations

import numpy as np

from ml_integration.core.rolling_scores import RollingScores
from ml_integration.ops.classes import Classes
from ml_integration.ops.scoring.classes import AccuracyScorer


def of_class(number: int) -> Classes:
    return Classes(np.array([number], np.int32), np.ones(1, np.float32))


def test_scores_are_those_of_the_last_pairs() -> None:
    rng = np.random.default_rng(5)
    right = rng.random(500) < np.linspace(1, 0, 500)
    rolling, window = RollingScores(AccuracyScorer), 40
    for number, good in enumerate(right.tolist(), 1):
        rolling.add(of_class(int(good)), of_class(1), window)
        assert min(number, window // 2) <= rolling.pairs <= window
        expected = right[number - rolling.pairs : number].mean()
        assert rolling.scores()[0].value == expected
