"""Weighs one criterion: which of its limit's sides the candidate is on, if that is sure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ml_integration.core.rollout.criteria import Criterion, informative
from ml_integration.core.rollout.intervals import Estimate, estimate
from ml_integration.core.rollout.judgment import Evidence, Says
from ml_integration.core.rollout.sums import COUNTS, Rows

_LATER = 1.2
"""How fast looks spend less: slowly, as each of them has seen much more than the one before."""
_OF_ALL = 5.5916
"""Sum over all looks, Riemann's zeta function there."""


@dataclass(frozen=True, slots=True)
class Chances:
    """Probabilities of an error by chance that one look may take.

    Attributes:
        of_alarm: that a candidate at the limit counts as worse.
        of_miss: that it counts as fine.
    """

    of_alarm: float
    of_miss: float


def spent(total: float, look: int) -> float:
    """Returns what the look with a number from 1 on may spend of a probability.

    All looks together spend the total, however many there will be.
    """
    return total / (_OF_ALL * math.pow(look, _LATER))


def weigh(
    criterion: Criterion, rows: Rows, known: Rows, limit: float, chances: Chances, seconds: float
) -> Evidence:
    """Weighs what is known.

    Args:
        criterion: what is compared.
        rows: batches (N, WIDTH) of the stage.
        known: sums (WIDTH,) of the stable model from before the stage, where it has no others.
        limit: largest value that is allowed, as it is told: of a ratio, the ratio.
        chances: of errors.
        seconds: since the stage began [s].
    """
    if not criterion.is_timed:
        rows, known = rows[:, :COUNTS], known[:COUNTS]
    rows = informative(rows, criterion.columns)
    total = (rows.sum(axis=0) + known)[None]
    n = int(total[0, criterion.counts])
    found = estimate(rows, known, criterion.value)
    stable, candidate = (
        float(of(total)[0]) for of in (criterion.of_stable, criterion.of_candidate)
    )
    if found is None or not n:
        words = f'{criterion.title}: not enough data (n = {n})'
        nan = math.nan
        return Evidence(
            criterion.name,
            Says.NO_DATA,
            stable,
            candidate,
            nan,
            limit,
            nan,
            nan,
            n,
            seconds,
            words,
        )
    low = found.value - _reach(criterion, found, chances.of_alarm, n)
    high = found.value + _reach(criterion, found, chances.of_miss, n)
    value, low, high = (_told(criterion, one) for one in (found.value, low, high))
    words = criterion.words(stable, candidate, value, limit, n)
    says = Says.WORSE if low > limit else Says.FINE if high <= limit else Says.MARGINAL
    return Evidence(
        criterion.name, says, stable, candidate, value, limit, low, high, n, seconds, words
    )


def _reach(criterion: Criterion, found: Estimate, chance: float, n: int) -> float:
    """Returns how far the interval reaches; an event that never came may still be possible."""
    reach = found.reach(chance)
    if not criterion.is_share:
        return reach
    normal = NormalDist().inv_cdf(1.0 - chance)
    return max(reach, normal * normal / n)  # Wilson's interval at no event


def _told(criterion: Criterion, value: float) -> float:
    return float(np.exp(min(value, 700.0))) if criterion.is_ratio else value
