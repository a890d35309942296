"""Scores of two models against the truth, in blocks of observations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ml_integration.core.abilities import Score, Scorer
from ml_integration.core.rollout.pair import TruthScores
from ml_integration.errors import MessageError

BLOCK = 50
"""Observations of a block: a mean average precision needs some."""
FEWEST, LONGEST_NS = 10, 30_000_000_000
"""Observations of a block that ends after so long [ns]."""
GIVEN_UP_NS = 600_000_000_000
"""Time after which fewer of them count for nothing [ns]."""


class ScoredBlocks:
    """Collects results with their truth until a block is full; the next one begins anew.

    Args:
        make: makes a scorer.
    """

    def __init__(self, make: Callable[[], Scorer]) -> None:
        self._make = make
        self._count = self._begun_ns = 0
        self._full_ns: int | None = None
        self._begin()

    def add(self, stable: Any, candidate: Any, truth: Any, now_ns: int) -> None:
        """Adds results of both models.

        Raises:
            MessageError: the truth cannot be compared with what the stable model says.
            Exception: it can, but not with what the candidate says; the block begins anew.
        """
        try:
            self._stable.add(stable, truth)
        except Exception as error:
            raise MessageError('truth', str(error), 'one of such a result') from error
        try:
            self._candidate.add(candidate, truth)
        except Exception:
            self._begin()
            raise
        if not self._count:
            self._begun_ns = now_ns
        self._count += 1

    def comes(self, now_ns: int) -> bool:
        """Tells whether there are scores now and then, or will be [ns, steady clock]."""
        lately = self._full_ns is not None and now_ns - self._full_ns < GIVEN_UP_NS
        return lately or self._count > 0

    def take(self, now_ns: int, name: str) -> Iterator[TruthScores]:
        """Yields the scores of the block if it is full, or has waited long.

        Args:
            now_ns: the time [ns, steady clock].
            name: of the score that counts; empty: the first one.
        """
        waited_ns = now_ns - self._begun_ns
        if self._count < (FEWEST if waited_ns >= LONGEST_NS else BLOCK):
            if waited_ns >= GIVEN_UP_NS:
                self._begin()
            return
        both = [_named(one, name) for one in (self._stable, self._candidate)]
        count, self._full_ns = self._count, now_ns
        self._begin()
        stable, candidate = both
        if stable is None or candidate is None:
            return
        yield TruthScores(
            stable.value, candidate.value, count, stable.higher_is_better, stable.name
        )

    def _begin(self) -> None:
        self._stable, self._candidate = self._make(), self._make()
        self._count = 0


def _named(scorer: Scorer, name: str) -> Score | None:
    scores = scorer.scores()
    named = (score for score in scores if score.name == name)
    return next(named, scores[0] if scores else None)
