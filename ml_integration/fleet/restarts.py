"""Notices from its statuses that a node was started again."""

from __future__ import annotations

from collections.abc import Iterable

from ml_integration.fleet.status import Status

COUNTERS = (
    ('drops', 'received'),
    ('results', 'published'),
    ('', 'Events since startup'),
)
"""Concern and key of counts that only a new start takes back; '' is any concern."""
TOLERANCE_S = 1.0


class Restarts:
    """Counts the starts of one node after the first one that was seen.

    Where the process tells its uptime or its number, these decide; else counts that go back. They
    also go back when a node is deactivated and activated again, which is no start.

    Attributes:
        count: of starts since it was first heard.
    """

    def __init__(self) -> None:
        self.count = 0
        self._uptime_s: float | None = None
        self._pid: float | None = None
        self._counts: dict[tuple[str, str], float] = {}
        self._was_inactive = False

    def take(self, statuses: Iterable[Status]) -> bool:
        """Takes what the node says; returns whether it was started again."""
        known = tuple(statuses)
        told = self._by_process(known)
        counted = self._by_counts(known)
        again = counted if told is None else told
        self.count += again
        return again

    def _by_process(self, statuses: Iterable[Status]) -> bool | None:
        """Returns whether the process is another one; None where it does not tell."""
        for status in statuses:
            if status.concern != 'resources':
                continue
            uptime_s, pid = status.number('uptime [s]'), status.number('pid')
            if uptime_s is None and pid is None:
                continue
            before_s, before = self._uptime_s, self._pid
            self._uptime_s, self._pid = uptime_s, pid
            shorter = None not in (before_s, uptime_s) and uptime_s < before_s - TOLERANCE_S  # type: ignore[operator]
            return shorter or (None not in (before, pid) and before != pid)
        return None

    def _by_counts(self, statuses: Iterable[Status]) -> bool:
        """Returns whether a count went back and nobody had deactivated the node."""
        back = False
        for status in statuses:
            if status.concern == 'model' and status.values.get('state') == 'inactive':
                self._was_inactive = True
            for concern, key in COUNTERS:
                count = status.number(key)
                if count is None or concern not in ('', status.concern):
                    continue
                place = (status.name, key)
                back |= count < self._counts.get(place, 0.0)
                self._counts[place] = count
        again = back and not self._was_inactive
        self._was_inactive &= not back
        return again
