"""What the stable model did in the stages before, for stages in which it sees nothing."""

from __future__ import annotations

import numpy as np

from ml_integration.core.rollout.sums import CANDIDATE, STABLE, WIDTH, Of, Rows, first_bucket

ENOUGH = 100
"""Frames of a stage from which on those of the stages before are not needed."""
_LATENCIES = range(first_bucket(STABLE), first_bucket(CANDIDATE))
_TOGETHER = tuple(
    list(columns)
    for columns in (
        (Of.FRAMES, Of.ERRORS, Of.INVALID),
        (Of.TIMED, Of.LATE, *_LATENCIES),
        (Of.TOLD, Of.USEFUL),
    )
)
"""Columns of the stable model that go together, what they count first."""


class Remembered:
    """Sums of the stable model over the stages so far."""

    def __init__(self) -> None:
        self.sums = np.zeros(WIDTH)
        """(WIDTH,), nothing but its own columns."""

    def add(self, rows: Rows) -> None:
        """Adds a stage that is over, batches (N, WIDTH)."""
        total = rows.sum(axis=0)
        for columns in _TOGETHER:
            self.sums[columns] += total[columns]

    def beside(self, rows: Rows) -> Rows:
        """Returns the sums (WIDTH,) that are needed beside the batches (N, WIDTH) of a stage."""
        total, needed = rows.sum(axis=0), np.zeros(WIDTH)
        for columns in _TOGETHER:
            if total[columns[0]] < ENOUGH:
                needed[columns] = self.sums[columns]
        return needed
