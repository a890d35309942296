"""When the next message of a stream is due, learned from those before it."""

from __future__ import annotations

SHARE = 4
"""Each gap counts this fraction; the older ones fade away."""


class Rhythm:
    """The period of a stream that is roughly regular."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._period_ns: int | None = None

    def beat(self, now_ns: int) -> None:
        """Takes the arrival of a message; a long pause counts as a period twice as long."""
        if self._last_ns is not None:
            gap_ns, known_ns = now_ns - self._last_ns, self._period_ns
            if known_ns is None:
                self._period_ns = gap_ns
            else:
                self._period_ns = known_ns + (min(gap_ns, 2 * known_ns) - known_ns) // SHARE
        self._last_ns = now_ns

    def is_due(self, now_ns: int, deadline_ns: int) -> bool:
        """Whether the next message should come between now and the deadline.

        One that is more than a period late is not expected any more: the stream has gone silent.
        """
        if self._last_ns is None or self._period_ns is None:
            return False
        due_ns = self._last_ns + self._period_ns
        return due_ns <= deadline_ns and now_ns <= due_ns + self._period_ns
