"""Sums over a second of what is known of both models: rows of numbers that can be added up.

A row has the counts of the stable model, those of the candidate, those of both, and then the
latencies of each, counted in buckets, so that the quantiles of any stretch come from its sums.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ml_integration.core.rollout.pair import Pair, Side

Rows = npt.NDArray[np.float64]
"""(N, WIDTH), or (WIDTH,) for one."""
LEAST_MS, GROWTH, BUCKETS = 0.05, 1.05, 290
"""Upper end of the first bucket [ms], that of each further one over the one before, and their
number: up to about a minute."""
_STEP = math.log(GROWTH)


class Of(IntEnum):
    """Columns of one side, from its first one on."""

    FRAMES = 0
    ERRORS = 1
    INVALID = 2
    TIMED = 3
    LATE = 4
    USEFUL = 5
    TOLD = 6


SIDE = len(Of)
STABLE, CANDIDATE = 0, SIDE


class Both(IntEnum):
    """Columns of both together."""

    PAIRS = 2 * SIDE
    COMPARED = 2 * SIDE + 1
    DISAGREEMENT = 2 * SIDE + 2
    TRUTHS = 2 * SIDE + 3
    STABLE_SCORE = 2 * SIDE + 4
    CANDIDATE_SCORE = 2 * SIDE + 5


COUNTS = 2 * SIDE + len(Both)
"""Columns without the latencies."""
WIDTH = COUNTS + 2 * BUCKETS


def first_bucket(side: int) -> int:
    """Returns the column of the first bucket of a side."""
    return COUNTS + (BUCKETS if side else 0)


def bucket(latency_ms: float) -> int:
    """Returns the bucket of a latency [ms]."""
    if latency_ms <= LEAST_MS:
        return 0
    steps = math.log(latency_ms / LEAST_MS) / _STEP
    return BUCKETS - 1 if steps > BUCKETS - 1 else math.ceil(steps)


def latencies(rows: Rows, side: int) -> Rows:
    """Returns the counts of a side's buckets, (N, BUCKETS)."""
    first = first_bucket(side)
    return rows[..., first : first + BUCKETS]


def quantile_ms(counts: Rows, share: float) -> Rows:
    """Returns a quantile [ms] of each row of counts (N, BUCKETS); NaN where there are none."""
    below = np.cumsum(counts, axis=1)
    wanted = share * below[:, -1:]
    at = np.minimum((below < wanted).sum(axis=1), BUCKETS - 1)[:, None]
    inside = np.take_along_axis(counts, at, 1)
    missing = np.take_along_axis(below, at, 1) - wanted
    back = np.divide(missing, inside, out=np.zeros_like(missing), where=inside > 0)
    found: Rows = LEAST_MS * np.exp(_STEP * (at - back))[:, 0]
    return np.where(below[:, -1] > 0, found, np.nan)


class Collecting:
    """Sums of the second under way."""

    def __init__(self) -> None:
        self._row = [0.0] * WIDTH

    def add(self, pair: Pair, in_shadow: bool) -> None:
        """Adds a pair.

        Args:
            pair: one in shadow counts only if both models saw it.
            in_shadow: whether the candidate only gets spare time.
        """
        if in_shadow and (pair.stable is None or pair.candidate is None):
            return
        if pair.stable is not None:
            self._add_side(STABLE, pair.stable, in_shadow)
        if pair.candidate is not None:
            self._add_side(CANDIDATE, pair.candidate, in_shadow)
        self._add_difference(pair)

    def add_scores(self, stable: float, candidate: float, frames: int) -> None:
        """Adds the scores of some frames against truth."""
        self._row[Both.TRUTHS] += frames
        self._row[Both.STABLE_SCORE] += frames * stable
        self._row[Both.CANDIDATE_SCORE] += frames * candidate

    def add_outcomes(self, side: int, useful: int, told: int) -> None:
        """Adds what was told of a model's results."""
        self._row[side + Of.USEFUL] += useful
        self._row[side + Of.TOLD] += told

    def _add_difference(self, pair: Pair) -> None:
        apart, weight = pair.disagreement, pair.weight
        if apart is None or math.isnan(apart) or not 0 < weight < math.inf:
            return
        self._row[Both.PAIRS] += 1
        self._row[Both.COMPARED] += weight
        self._row[Both.DISAGREEMENT] += weight * min(apart, 1.0)

    def row(self) -> Rows:
        """Returns the sums (WIDTH,), and begins anew."""
        row = np.array(self._row)
        self._row = [0.0] * WIDTH
        return row

    def _add_side(self, first: int, side: Side, in_shadow: bool) -> None:
        row = self._row
        row[first + Of.FRAMES] += 1
        row[first + Of.ERRORS] += bool(side.error)
        row[first + Of.INVALID] += not side.valid and not side.error
        if side.spare and not in_shadow:
            return
        row[first + Of.TIMED] += 1
        row[first + Of.LATE] += side.late
        if not math.isnan(side.latency_ms):
            row[first_bucket(first) + bucket(side.latency_ms)] += 1


class Batches:
    """Rows of a stage; neighbors are added up when there are many: none are ever forgotten.

    Longer batches depend less on each other, and no stage takes more memory than another.
    """

    MOST = 64

    def __init__(self) -> None:
        self._rows = np.zeros((self.MOST, WIDTH))
        self._count = 0
        self._of_last = 0
        self._length = 1
        self.blocks = 0
        """Rows that were added."""

    @property
    def rows(self) -> Rows:
        """Sums (N, WIDTH) of batches of the same number of rows, the last one of fewer."""
        return self._rows[: self._count]

    def add(self, row: Rows) -> None:
        """Adds a row (WIDTH,)."""
        self.blocks += 1
        if self._count and self._of_last < self._length:
            self._rows[self._count - 1] += row
            self._of_last += 1
            return
        if self._count == self.MOST:
            self._rows[: self.MOST // 2] = self._rows[::2] + self._rows[1::2]
            self._count, self._length = self.MOST // 2, 2 * self._length
        self._rows[self._count] = row
        self._count, self._of_last = self._count + 1, 1
