"""Remembers which model made the result with a stamp, also where two versions share the frames."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from ml_integration.core.datatypes import ModelIdentity

MOST_SPANS = 4096
"""Changes of the model that are remembered: two that share the frames change with each one."""
MOST_JUMPS = 8
"""Jumps of time that are remembered."""


class _Spans:
    """Spans of stamps [ns], one after the other, each with results of one model."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        self._made_by: list[ModelIdentity] = []

    @property
    def newest_ns(self) -> int:
        return self._last[-1] if self._last else 0

    def add(self, stamp_ns: int, made_by: ModelIdentity) -> None:
        if self._made_by and self._made_by[-1] == made_by:
            self._last[-1] = stamp_ns
            return
        if len(self._first) >= MOST_SPANS:  # half of them at once: each costs little then
            for column in (self._first, self._last, self._made_by):
                del column[: MOST_SPANS // 2]
        self._first.append(stamp_ns)
        self._last.append(stamp_ns)
        self._made_by.append(made_by)

    def of(self, stamp_ns: int) -> ModelIdentity | None:
        at = bisect_right(self._first, stamp_ns) - 1
        return self._made_by[at] if at >= 0 and stamp_ns <= self._last[at] else None


class Makers:
    """Makers of the results of one stream. Not thread-safe."""

    def __init__(self) -> None:
        self._spans: deque[_Spans] = deque([_Spans()], maxlen=MOST_JUMPS)

    def add(self, stamp_ns: int, made_by: ModelIdentity) -> None:
        """Adds a result; stamps that go back mean that time began again."""
        if stamp_ns < self._spans[-1].newest_ns:
            self._spans.append(_Spans())
        self._spans[-1].add(stamp_ns, made_by)

    def of(self, stamp_ns: int) -> ModelIdentity | None:
        """Returns which model made the result with a stamp; the last one if time has jumped."""
        found = (spans.of(stamp_ns) for spans in reversed(self._spans))
        return next((one for one in found if one is not None), None)
