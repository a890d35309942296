"""Counts durations in buckets that are always the same, so that those of many nodes add up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

BOUNDS_MS = (1, 2, 5, 10, 20, 33, 50, 100, 200, 500)
"""Upper bounds of the buckets [ms]; one more bucket has no bound."""
BUCKETS = (*map(str, BOUNDS_MS), 'inf')
"""Names of the buckets."""
NO_COUNTS = (0,) * len(BUCKETS)


class Histograms:
    """Counts durations by name and bucket since it was made. Not thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def add(self, spent_ms: Mapping[str, float]) -> None:
        """Counts durations by their names [ms]; one that equals a bound is counted below it."""
        known = self._counts
        for name, ms in spent_ms.items():
            if name not in known:
                known[name] = list(NO_COUNTS)
            known[name][bisect_left(BOUNDS_MS, ms)] += 1

    def cumulative(self) -> dict[str, tuple[int, ...]]:
        """Returns, by name, how many were at most as long as the bound of each bucket."""
        return {name: tuple(accumulate(counts)) for name, counts in self._counts.items()}
