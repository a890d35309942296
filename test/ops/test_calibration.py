"""Calibration against constructions whose answer is known, and against plain readings."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.core.score_calibration import Scored, expected_accuracy
from ml_integration.ops.calibration import (
    expected_calibration_error,
    fit,
    softened,
)
from ml_integration.ops.decoding import softmax

CLASSES = 6


def labeled(temperature: float, count: int, top: int = CLASSES) -> list[Scored]:
    """Pictures whose true classes are drawn from a softmax, which is told sharpened."""
    rng = np.random.default_rng(3)
    pictures = []
    for logits in rng.normal(0, 2, (count, CLASSES)):
        true = int(rng.choice(CLASSES, p=softmax(logits)))
        scores = softmax(logits * temperature)
        order = np.argsort(-scores)[:top]
        place = np.flatnonzero(order == true)
        right = int(place[0]) if len(place) else -1
        pictures.append(Scored(scores[order], right, CLASSES - top))
    return pictures


@pytest.mark.parametrize('temperature', [0.5, 1.0, 2.5])
def test_the_temperature_that_sharpened_the_scores_is_found(temperature: float) -> None:
    found = fit(labeled(temperature, 1000))
    assert found.temperature == pytest.approx(temperature, rel=0.12)
    assert found.error < 0.05
    assert found.raw_error > 0.05 or temperature == 1


def test_scores_of_the_best_classes_alone_are_nearly_as_good() -> None:
    assert fit(labeled(2.5, 1000, top=3)).temperature == pytest.approx(2.5, rel=0.2)


def test_the_loss_is_smaller_there_than_beside_as_a_plain_reading_says() -> None:
    pictures = labeled(2.0, 200)
    found = fit(pictures).temperature

    def loss(temperature: float) -> float:
        each = [softmax(np.log(one.scores) / temperature)[one.right] for one in pictures]
        return -float(np.log(each).mean())

    grid = np.linspace(1.5, 2.5, 51)
    best = grid[int(np.argmin([loss(one) for one in grid]))]
    assert found == pytest.approx(best, abs=0.021)


def test_softened_scores_are_the_softmax_of_divided_logits() -> None:
    logits = np.array([3.0, 1.0, -2.0])
    np.testing.assert_allclose(softened(softmax(logits), 0, 1.7), softmax(logits / 1.7), 1e-9)


def test_the_error_is_the_mean_distance_of_bins_of_equal_mass() -> None:
    confidence = np.array([0.2, 0.4, 0.6, 0.8])
    right = np.array([True, False, True, False])
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx(
        (abs(0.3 - 0.5) + abs(0.7 - 0.5)) / 2
    )
    assert expected_calibration_error(np.ones(9), np.ones(9, bool)) == 0


def test_the_interval_of_expected_accuracy_covers_what_happens() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        confidence = rng.uniform(0.4, 1, 200)
        mean, low, high = expected_accuracy(confidence)
        assert low <= mean <= high
        covered += low <= (rng.random(200) < confidence).mean() <= high
    assert 0.9 < covered / 200 < 0.99


def test_frames_that_resemble_each_other_say_less() -> None:
    rng = np.random.default_rng(2)
    apart = rng.uniform(0.4, 1, 200)
    widths = []
    for confidence in (apart, np.sort(apart)):
        _, low, high = expected_accuracy(confidence)
        widths.append(high - low)
    assert widths[1] > 3 * widths[0]
