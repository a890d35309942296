"""Calibration of classifiers: how far their scores are from how often they are right.

Sources: Guo et al. 2017 (On Calibration of Modern Neural Networks), temperature scaling by the
negative log-likelihood; Nixon et al. 2019 (Measuring Calibration in Deep Learning), bins of equal
mass; confidence-based performance estimation: what is calibrated is right as often as it says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.core.score_calibration import ScoreCalibration, Scored

BINS = 15
LOWEST, HIGHEST = 0.05, 20.0
"""Temperatures that are looked for."""
TINY = 1e-12
Numbers = npt.NDArray[np.float64]


def softened(scores: Array, others: int, temperature: float) -> Numbers:
    """Returns shares (K,) as if the logits had been divided by a temperature.

    What the published classes leave is taken as spread evenly over the others, which is exact
    where all classes are published.

    Args:
        scores: (K,) shares of one.
        others: number of the classes that were not published.
        temperature: > 0.
    """
    table = _Table([Scored(scores, 0, others)])
    return np.asarray(table.softened(temperature)[0])


def fit(pictures: Sequence[Scored]) -> ScoreCalibration:
    """Finds the temperature under which the true classes are likeliest.

    Raises:
        ValueError: there is no picture.
    """
    if not pictures:
        raise ValueError('no labeled picture')
    table = _Table(pictures)
    found = _smallest(table.loss, float(np.log(LOWEST)), float(np.log(HIGHEST)))
    temperature = float(np.exp(found))
    right = np.array([one.right == 0 for one in pictures])
    raw = np.array([float(one.scores[0]) for one in pictures])
    calm = table.softened(temperature)[:, 0]
    return ScoreCalibration(
        temperature,
        expected_calibration_error(calm, right),
        expected_calibration_error(raw, right),
        float(right.mean()),
        len(pictures),
    )


def expected_calibration_error(confidence: Array, right: Array, bins: int = BINS) -> float:
    """Returns the mean distance of confidence (N,) from the share that is right (N,).

    Bins have equally many pictures, the surest ones together.
    """
    order = np.argsort(confidence, kind='stable')
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    apart = [len(part) * abs(confidence[part].mean() - right[part].mean()) for part in parts]
    return float(sum(apart) / max(1, len(order)))


class _Table:
    """Logarithms of the scores of many pictures (N, K); of what is not published, and its rest."""

    def __init__(self, pictures: Sequence[Scored]) -> None:
        most = max(len(one.scores) for one in pictures)
        shares = np.zeros((len(pictures), most))
        published = np.zeros(shares.shape, bool)
        for row, one in enumerate(pictures):
            shares[row, : len(one.scores)] = np.clip(one.scores, TINY, 1)
            published[row, : len(one.scores)] = True
        self._others = np.array([one.others for one in pictures])
        rest = np.maximum(1 - shares.sum(axis=1), TINY) / np.maximum(self._others, 1)
        self._logs = np.log(np.where(published, shares, 1))
        self._logs[~published] = -np.inf
        self._rest = np.log(rest)
        self._right = np.array([one.right for one in pictures])

    def loss(self, log_temperature: float) -> float:
        """Returns the mean negative log-likelihood of the true classes."""
        temperature = float(np.exp(log_temperature))
        rows = np.arange(len(self._right))
        true = np.where(self._right >= 0, self._logs[rows, self._right], self._rest)
        return -float((true / temperature - self._total(temperature)).mean())

    def softened(self, temperature: float) -> Numbers:
        """Returns the shares (N, K) under a temperature; 0 where nothing is published."""
        return np.exp(self._logs / temperature - self._total(temperature)[:, None])

    def _total(self, temperature: float) -> Numbers:
        """Returns the logarithm of the sum of all shares (N,), published or not."""
        terms, rest = self._logs / temperature, self._rest / temperature
        highest = np.maximum(terms.max(axis=1), rest)
        rests = self._others * np.exp(rest - highest)
        total = np.exp(terms - highest[:, None]).sum(axis=1) + rests
        return np.asarray(highest + np.log(total))


def _smallest(loss: Callable[[float], float], low: float, high: float, steps: int = 60) -> float:
    """Returns where a function with one minimum is smallest, by the golden section."""
    golden = (5**0.5 - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(steps):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return (low + high) / 2
