"""Scores the last pairs of result and truth, by scorers that can only add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ml_integration.core.abilities import Score, Scorer


class RollingScores:
    """Scores of the last pairs: at least half a window of them, and at most a whole one.

    Two scorers are half a window apart. The older one answers, and when it has seen a whole
    window the younger one takes its place; nothing has to be kept of the pairs.

    Args:
        make: makes a scorer.

    Attributes:
        pairs: number of the pairs that the scores are about.
    """

    def __init__(self, make: Callable[[], Scorer]) -> None:
        self._make = make
        self._older, self._younger = make(), make()
        self.pairs = self._young = 0
        self.names = tuple(score.name for score in make().scores())
        """Names of the scores that there are whatever is seen."""

    def add(self, result: Any, truth: Any, window: int) -> None:
        """Adds a pair.

        Raises:
            ValueError: the two cannot be compared, such as maps of different sizes.
        """
        if self.pairs >= window:
            self._older, self.pairs = self._younger, self._young
            self._younger, self._young = self._make(), 0
        self._older.add(result, truth)
        self.pairs += 1
        if self.pairs > window // 2:
            self._younger.add(result, truth)
            self._young += 1

    def scores(self) -> Sequence[Score]:
        """Returns the scores that there are whatever is seen, the most telling first."""
        return [score for score in self._older.scores() if score.name in self.names]
