"""Looks at what was collected, first close together and then ever farther apart."""

from __future__ import annotations

import math

from ml_integration.core.rollout.sums import Batches, Rows

FIRST_LOOK, FARTHER = 10, 1.4
"""Seconds before the first look, and how much later each further one is."""


class Series:
    """Seconds that are looked at together.

    Args:
        most: seconds after which it begins anew; 0: never.

    Attributes:
        batches: of the seconds.
        looks: number of looks so far, over all beginnings.
    """

    def __init__(self, most: int = 0) -> None:
        self._most, self._next = most, FIRST_LOOK
        self.batches = Batches()
        self.looks = 0

    def add(self, row: Rows) -> None:
        """Adds a second, sums (WIDTH,)."""
        if self._most and self.batches.blocks >= self._most:
            self.batches, self._next = Batches(), FIRST_LOOK
        self.batches.add(row)

    @property
    def is_due(self) -> bool:
        """Whether it is time for a look."""
        return self.batches.blocks >= self._next

    def look(self) -> Rows:
        """Counts a look, and returns what there is to be seen (N, WIDTH)."""
        self.looks += 1
        self._next = math.ceil(self.batches.blocks * FARTHER)
        return self.batches.rows
