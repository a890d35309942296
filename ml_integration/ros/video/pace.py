"""Pace of a stream: the instants at which its frames are due."""

from __future__ import annotations


class Pace:
    """A grid of deadlines, so that a late frame neither shifts nor crowds those after it.

    Args:
        period_s: time from one deadline to the next [s].
        now_s: the first deadline, on the caller's steady clock [s].
    """

    def __init__(self, period_s: float, now_s: float) -> None:
        self._period_s = period_s
        self._due_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Returns the time from now to the next deadline [s]; those that passed are skipped."""
        behind = (now_s - self._due_s) // self._period_s
        if behind > 0:
            self._due_s += behind * self._period_s
        wait_s = max(self._due_s - now_s, 0.0)
        self._due_s += self._period_s
        return wait_s
