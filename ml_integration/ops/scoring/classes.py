"""Scores classes of pictures."""

from __future__ import annotations

import numpy as np

from ml_integration.core.contracts import Score
from ml_integration.core.datatypes import Array


class AccuracyScorer:
    """Share of pictures whose true class is the best one, or among the best."""

    def __init__(self, ranks: tuple[int, ...] = (1, 5)) -> None:
        self._ranks = ranks
        self._right = dict.fromkeys(ranks, 0)
        self._pictures = 0

    def add(self, class_ids: Array, true_class_ids: Array) -> None:
        """Adds a picture.

        Args:
            class_ids: (K,) int, the best one first.
            true_class_ids: (M,) int, of which the first is the true one; none: does not count.
        """
        if not len(true_class_ids):
            return
        self._pictures += 1
        for rank in self._ranks:
            self._right[rank] += int(np.any(class_ids[:rank] == true_class_ids[0]))

    def scores(self) -> list[Score]:
        """Returns the accuracy at each rank."""
        count = self._pictures
        return [
            Score(f'top-{rank} accuracy', right / count if count else float('nan'))
            for rank, right in self._right.items()
        ]
