"""How sure a number is that was made of batches which depend on each other.

The number is made anew without each batch (jackknife): that tells how much it varies. Batches
next to each other are alike, as scenes last and machines have moods: the interval is that of as
many independent ones as they are worth, and is read in Student's distribution of so many.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ml_integration.core.rollout.sums import Rows

MOST_ALIKE = 0.95
"""Largest correlation of neighbors that is reckoned with."""
ALLOWED = 1.5
"""Standard errors by which they may be more alike than they seem: few batches seem less so."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Number with what it takes to tell how sure it is.

    Attributes:
        value: the number.
        error: its standard error.
        independent: as how many independent batches those that it was made of count.
    """

    value: float
    error: float
    independent: float

    def reach(self, probability: float) -> float:
        """Returns how far the truth is away at most, to one side, but for a probability."""
        return student(probability, max(1, int(self.independent - 1.0))) * self.error


def estimate(rows: Rows, known: Rows, statistic: Callable[[Rows], Rows]) -> Estimate | None:
    """Makes a number of batches.

    Args:
        rows: sums (N, WIDTH).
        known: sums (WIDTH,) that belong to all of them.
        statistic: makes numbers (M,) of M sums; NaN where it cannot.

    Returns:
        None where there are too few batches, or the number needs each of them.
    """
    count = len(rows)
    if count < 2:
        return None
    total = rows.sum(axis=0) + known
    values = statistic(np.concatenate((total[None], total - rows)))
    if not np.isfinite(values).all():
        return None
    influence = values[1:].mean() - values[1:]
    spread = float(influence @ influence)
    worth = _worth(influence, spread)
    error = math.sqrt((count - 1) / count * spread / worth)
    return Estimate(float(values[0]), error, count * worth)


def _worth(influence: Rows, spread: float) -> float:
    """Returns what a batch is worth beside an independent one, from 0 to 1."""
    alike = float(influence[1:] @ influence[:-1]) / spread if spread > 0 else 0.0
    alike += ALLOWED / math.sqrt(len(influence))
    alike = min(max(alike, 0.0), MOST_ALIKE)
    return (1.0 - alike) / (1.0 + alike)


@lru_cache(maxsize=4096)
def student(probability: float, degrees: int) -> float:
    """Returns the one-sided quantile of Student's distribution for whole degrees of freedom."""
    low, high = 0.0, math.pi / 2.0
    while high - low > 1e-12:
        middle = (low + high) / 2.0
        outside = (1.0 - _central(middle, degrees)) / 2.0
        low, high = (middle, high) if outside > probability else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def _central(angle: float, degrees: int) -> float:
    """Returns the probability within +-sqrt(degrees) tan(angle): Abramowitz and Stegun 26.7.3."""
    cosine, odd = math.cos(angle), degrees % 2
    term = cosine if odd else 1.0
    total = 0.0
    for power in range(odd, degrees - 1, 2):
        total += term
        term *= cosine**2 * (power + 1) / (power + 2)
    inside = math.sin(angle) * total
    return (angle + inside) * 2.0 / math.pi if odd else inside
