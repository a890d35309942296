"""Tells from pairs of figures, taken side by side, whether one way differs from another.

Wilcoxon's signed-rank test, exact, with the estimate and the interval that go with it: medians of
pairwise means (Hodges and Lehmann 1963). Nothing is assumed about the noise but that it falls on
both of a pair alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

LEAST_EFFECT = 0.05
"""Share below which a difference is none that anybody should change a setting for."""
LARGEST_P = 0.01
"""Probability of such a figure, if nothing differs, from which on it is taken for noise."""
LEAST_BLOCKS = 30
"""Pairs without which nothing is claimed."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Difference of two ways.

    Attributes:
        gain: share by which the second is lower than the first, such as 0.2; negative if higher.
        low: lower end of the 99 % interval of the gain.
        high: upper end of it.
        p: probability of a difference as large as this one, if there is none.
        blocks: number of pairs.
    """

    gain: float
    low: float
    high: float
    p: float
    blocks: int

    @property
    def differs(self) -> bool:
        """True if there is a difference, and it is worth something."""
        sure = self.blocks >= LEAST_BLOCKS and self.p < LARGEST_P
        return sure and abs(self.gain) >= LEAST_EFFECT

    @property
    def better(self) -> bool:
        return self.differs and self.gain > 0

    @property
    def worse(self) -> bool:
        return self.differs and self.gain < 0


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Compares figures of which the lower one is the better one, (N,) each and above 0."""
    ratios = np.log(np.asarray(second, np.float64) / np.asarray(first, np.float64))
    distribution = _distribution(np.abs(ratios))
    estimate, low, high = _location(ratios)
    gain, least, most = (float(-np.expm1(value)) for value in (estimate, high, low))
    return Paired(gain, least, most, signed_rank_p(ratios, distribution), len(ratios))


def signed_rank_p(differences: Array, distribution: Array | None = None) -> float:
    """Returns the two-sided p value, exact also with equal differences; zeros count for nothing.

    Args:
        differences: (N,).
        distribution: of the doubled rank sum, if it is known already.
    """
    differences = np.asarray(differences, np.float64)
    ranks = _doubled_ranks(np.abs(differences))
    if not ranks.sum():
        return 1.0
    if distribution is None:
        distribution = _distribution(np.abs(differences))
    positive = int(ranks[differences > 0].sum())
    less, more = distribution[: positive + 1].sum(), distribution[positive:].sum()
    return float(min(1.0, 2.0 * min(less, more)))


def _distribution(sizes: Array) -> Array:
    """Returns how probable each doubled sum of the ranks of positive differences is."""
    probable = np.ones(1)
    for rank in _doubled_ranks(sizes):
        if rank:
            probable = 0.5 * (np.pad(probable, (0, rank)) + np.pad(probable, (rank, 0)))
    return probable


def _doubled_ranks(sizes: Array) -> npt.NDArray[np.int64]:
    """Returns twice the rank of each, so that the mean rank of equal ones is whole; 0 for 0."""
    counted = sizes[sizes > 0]
    below = np.searchsorted(np.sort(counted), sizes, 'left')
    up_to = np.searchsorted(np.sort(counted), sizes, 'right')
    return np.where(sizes > 0, below + up_to + 1, 0).astype(np.int64)


def _location(values: Array) -> tuple[float, float, float]:
    """Returns the middle of values and the ends of its 99 % interval."""
    count = len(values)
    upper = np.triu_indices(count)
    means = np.sort((values[upper[0]] + values[upper[1]]) / 2.0)
    cumulated = np.cumsum(_distribution(np.arange(1.0, count + 1.0)))[::2]  # undoubled
    outside = int(np.searchsorted(cumulated, LARGEST_P / 2.0))
    outside = min(outside, (len(means) - 1) // 2)
    return float(np.median(means)), float(means[outside]), float(means[-1 - outside])
