"""Memory of the process while a candidate is in it."""

from __future__ import annotations

import math

from ml_integration.core.rollout.judgment import Evidence, Says

BLOCK_S = 10.0
"""Time of which only the least memory counts [s]; what is given back in between is no growth."""
SETTLING = 1
"""Blocks at the beginning that are not compared: caches fill."""
IN_A_ROW = 3
"""Blocks beyond the limit that make a leak."""


class MemoryOfStage:
    """Least memory in each stretch of a stage. Growth is what a stage has more than its start."""

    def __init__(self) -> None:
        self._begun_ns: int | None = None
        self._least_mb = math.inf
        self._first_mb = self._last_mb = math.nan
        self._blocks = self._beyond = 0

    def take(self, mb: float, limit_mb: float, now_ns: int) -> None:
        """Takes the memory [MB] at a time [ns, steady clock]."""
        if self._begun_ns is None:
            self._begun_ns = now_ns
        elif now_ns - self._begun_ns >= BLOCK_S * 1e9:
            self._close(limit_mb)
            self._begun_ns, self._least_mb = now_ns, math.inf
        self._least_mb = min(self._least_mb, mb)

    def evidence(self, limit_mb: float, seconds: float) -> Evidence:
        """Says what is known."""
        grown_mb = self._last_mb - self._first_mb
        says = Says.FINE if grown_mb <= limit_mb else Says.MARGINAL
        if self._beyond >= IN_A_ROW:
            says = Says.WORSE
        if math.isnan(grown_mb):
            says = Says.NO_DATA
        n = max(0, self._blocks - SETTLING)
        words = f'memory {self._last_mb:.0f} MB instead of {self._first_mb:.0f} MB'
        words = f'{words} (limit +{limit_mb:g} MB, n = {n})'
        if says is Says.NO_DATA:
            words = 'memory: not enough data'
        return Evidence(
            'memory', says, self._first_mb, self._last_mb, grown_mb, limit_mb, grown_mb, grown_mb,
            n, seconds, words,
        )  # fmt: skip

    def _close(self, limit_mb: float) -> None:
        self._blocks += 1
        if self._blocks <= SETTLING:
            return
        if math.isnan(self._first_mb):
            self._first_mb = self._least_mb
        self._last_mb = self._least_mb
        beyond = self._last_mb - self._first_mb > limit_mb
        self._beyond = self._beyond + 1 if beyond else 0
