"""Tells memory that grows without an end from memory that goes up and down, or up once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

BLOCK_S = 60.0
"""Time of which only the least memory counts [s]; what is given back in between is no growth."""
BLOCKS = 30
"""Blocks that are looked at, one after another."""
MOST_PAUSES = 3
"""Blocks among them that may be no larger than the one before."""
LEAST_MB = 16.0
"""Growth over all of them from which there is something to tell [MB]."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth of a process.

    Attributes:
        mb_per_h: over the blocks that are known [MB/h]; None if it is too early to tell.
        steady: whether it grows without an end.
    """

    mb_per_h: float | None = None
    steady: bool = False


class MemoryGrowth:
    """Keeps the least memory of each of the last minutes."""

    def __init__(self) -> None:
        self._least: deque[float] = deque(maxlen=BLOCKS)
        self._block_ns: int | None = None

    def begin(self) -> None:
        """Forgets everything."""
        self._least.clear()
        self._block_ns = None

    def take(self, rss_mb: float, now_ns: int) -> None:
        """Takes the memory [MB] at a time [ns, steady clock]."""
        if self._block_ns is None or now_ns - self._block_ns >= BLOCK_S * 1e9:
            self._block_ns = now_ns
            self._least.append(rss_mb)
        else:
            self._least[-1] = min(self._least[-1], rss_mb)

    def growth(self) -> Growth:
        """Judges the blocks that are over; the one under way may still become smaller."""
        least = list(self._least)[:-1]
        if len(least) < BLOCKS - 1:
            return Growth()
        pauses = sum(after <= before for before, after in pairwise(least))
        grown_mb = least[-1] - least[0]
        hours = (len(least) - 1) * BLOCK_S / 3600.0
        return Growth(grown_mb / hours, pauses <= MOST_PAUSES and grown_mb >= LEAST_MB)
