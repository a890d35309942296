"""Scores classes of pictures: accuracy, or F1 where a picture has several."""

from __future__ import annotations

from collections.abc import Callable

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


class F1Scorer:
    """Harmonic mean of precision and recall of each label, and the mean of all of them."""

    def __init__(self, label: Callable[[int], str]) -> None:
        self._label = label
        self._counts: dict[int, tuple[int, int]] = {}

    def add(self, class_ids: Array, true_class_ids: Array) -> None:
        """Adds a picture: labels that were found (K,) int and true ones (M,) int."""
        found, true = set(class_ids.tolist()), set(true_class_ids.tolist())
        for class_id in found | true:
            both, one = self._counts.get(class_id, (0, 0))
            right = class_id in found and class_id in true
            self._counts[class_id] = (both + right, one + (not right))

    def scores(self) -> list[Score]:
        """Returns the mean of the labels that were found or true anywhere, and each."""
        each = {i: 2 * both / (2 * both + one) for i, (both, one) in sorted(self._counts.items())}
        mean = sum(each.values()) / len(each) if each else float('nan')
        labels = [Score(f'F1 {self._label(class_id)}', value) for class_id, value in each.items()]
        return [Score('mean F1', mean), *labels]
