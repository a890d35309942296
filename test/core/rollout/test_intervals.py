"""Intervals hold for batches that depend on each other, and quantiles are the textbook's."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.core.rollout.intervals import estimate, student
from ml_integration.core.rollout.sums import Rows
from ml_integration.core.rollout.weighing import spent


@pytest.mark.parametrize(
    ('probability', 'degrees', 'quantile'),
    [
        (0.01, 1, 31.821),
        (0.01, 2, 6.965),
        (0.01, 3, 4.541),
        (0.0005, 5, 6.869),
        (0.05, 10, 1.812),
        (0.0005, 15, 4.073),
        (0.00001, 10, 7.527),
        (0.025, 60, 2.000),
    ],
)
def test_quantiles_of_students_distribution(
    probability: float, degrees: int, quantile: float
) -> None:
    assert student(probability, degrees) == pytest.approx(quantile, abs=6e-4)


def test_all_looks_together_spend_what_is_allowed() -> None:
    assert 0.04 < sum(spent(0.05, look) for look in range(1, 100_000)) < 0.05
    assert spent(0.05, 2) < spent(0.05, 1)


def mean(rows: Rows) -> Rows:
    return rows[:, 0] / np.where(rows[:, 1] > 0, rows[:, 1], np.nan)


def batches(values: np.ndarray) -> Rows:
    return np.stack((values, np.ones(len(values))), axis=1)


def test_an_interval_of_independent_batches_is_nearly_the_textbooks() -> None:
    values = np.random.default_rng(1).standard_normal(60)
    found = estimate(batches(values), np.zeros(2), mean)
    assert found is not None
    assert found.value == pytest.approx(values.mean())
    plain = values.std(ddof=1) / np.sqrt(60)
    assert plain <= found.error < 1.6 * plain


@pytest.mark.parametrize('persistent', [0.0, 0.5, 0.9])
def test_the_truth_is_rarely_outside(persistent: float) -> None:
    rng, outside, plain, runs = np.random.default_rng(2), 0, 0, 300
    for _ in range(runs):
        values = rng.standard_normal(60)
        values[1:] *= np.sqrt(1 - persistent**2)
        for at in range(1, 60):
            values[at] += persistent * values[at - 1]
        found = estimate(batches(values), np.zeros(2), mean)
        assert found is not None
        outside += found.value > found.reach(0.05)
        plain += values.mean() > 1.671 * values.std(ddof=1) / np.sqrt(60)
    assert outside <= 0.1 * runs  # three deviations of a rate of 5 %
    assert plain > 0.1 * runs or persistent < 0.9  # what a textbook test does


def test_a_number_that_needs_each_batch_is_none() -> None:
    assert estimate(batches(np.ones(1)), np.zeros(2), mean) is None
    lonely = np.array([[3.0, 1.0], [0.0, 0.0]])
    assert estimate(lonely, np.zeros(2), mean) is None
    assert estimate(lonely, np.array([3.0, 1.0]), mean) is not None
