"""What is known with labels about the scores of a classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import Array

LIKELY = 1.96
"""Standard deviations that 95 % of a normal distribution are within."""


@dataclass(frozen=True, slots=True)
class ScoreCalibration:
    """What was found with labels about the scores of a classifier.

    Attributes:
        temperature: logits divided by it are calibrated; above 1: the model is too sure.
        error: ECE with it, the expected calibration error.
        raw_error: ECE without it.
        accuracy: share of the pictures whose best class was the true one.
        pictures: number of labeled pictures.
    """

    temperature: float
    error: float
    raw_error: float
    accuracy: float
    pictures: int


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of one picture whose class is known.

    Attributes:
        scores: (K,) of the classes that were published, shares of one, best first.
        right: index of the true class among them; -1: it is none of them.
        others: number of the classes that were not published.
    """

    scores: Array
    right: int
    others: int


def expected_accuracy(confidence: Array) -> tuple[float, float, float]:
    """Estimates the accuracy of results without labels from calibrated confidence (N,).

    Neighboring frames resemble each other, and say less together than as many that do not: the
    interval is wider by the correlation of each confidence with the next one.

    Returns:
        The expected accuracy, and the ends of its interval of 95 %.
    """
    values = np.asarray(confidence, np.float64)
    mean = float(values.mean())
    away = values - mean
    spread = float(away @ away)
    alike = float(away[1:] @ away[:-1]) / spread if spread > 0 else 0.0
    alike = min(max(alike, 0.0), 0.99)
    variance = float((values * (1 - values)).sum()) / len(values) ** 2 * (1 + alike) / (1 - alike)
    half = LIKELY * float(np.sqrt(variance))
    return mean, max(0.0, mean - half), min(1.0, mean + half)
