"""What one node has said, and what follows: newest statuses, rates of counts, advice."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ml_integration.fleet.advice import Advice
from ml_integration.fleet.advice.advisor import Advisor
from ml_integration.fleet.situation import Situation, Statuses
from ml_integration.fleet.status import STALE_S, Status

WINDOW_S = 10.0
"""Time over which counts become rates [s]."""
SPACING_S = 0.5
"""Least time between two counts that are kept [s]; a driver may speak a hundred times a second."""
MOST_STATUSES = 256
"""Statuses of a node that are kept; names on the network may never end."""
COUNTING = ('drops', 'input')
"""Concerns with counts that become rates."""


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts of a node at a time [ns, steady clock]."""

    at_ns: int
    statuses: Statuses

    @property
    def received(self) -> float:
        drops = self.statuses.get('drops')
        return (drops.number('received') if drops else None) or 0.0


class Heard:
    """Keeps what one node says. Not thread-safe.

    Attributes:
        node: its full name without its leading slash.
        heard_ns: when it spoke last [ns, steady clock]; when it is first waited for until then.
    """

    def __init__(self, node: str, now_ns: int) -> None:
        self.node = node
        self.heard_ns = now_ns
        self._newest: dict[str, tuple[int, Status]] = {}
        self._counts: deque[_Counts] = deque()
        self._advisor = Advisor()

    def take(self, statuses: Iterable[Status], now_ns: int) -> None:
        """Takes what it says at a time [ns, steady clock]."""
        self.heard_ns = now_ns
        for status in statuses:
            if status.name in self._newest or len(self._newest) < MOST_STATUSES:
                self._newest[status.name] = (now_ns, status)
        # What the node does not say any more must not count for ever.
        old_ns = now_ns - round(STALE_S * 1e9)
        self._newest = {name: one for name, one in self._newest.items() if one[0] > old_ns}
        self._count(now_ns)

    def is_silent(self, now_ns: int) -> bool:
        """Returns whether it has said nothing for too long."""
        return now_ns - self.heard_ns > STALE_S * 1e9

    @property
    def statuses(self) -> tuple[Status, ...]:
        """The newest of each name; none if it was not heard yet."""
        return tuple(status for _, status in self._newest.values())

    @property
    def by_concern(self) -> dict[str, Status]:
        """The same by what they are about."""
        return {status.concern: status for status in self.statuses}

    @property
    def host(self) -> str:
        """Name of its machine; empty if it does not tell."""
        resources = self.by_concern.get('resources')
        return resources.values.get('host', '') if resources else ''

    def advise(self, machine: Sequence[Statuses], now_ns: int) -> tuple[Advice, ...]:
        """Returns what would make it better; who is silent gets no advice.

        Args:
            machine: newest statuses of all nodes of its machine, its own included.
            now_ns: the time [ns, steady clock].
        """
        if self.is_silent(now_ns):
            return ()
        return self._advisor.advise(self.situation(machine), now_ns)

    def situation(self, machine: Sequence[Statuses] = ()) -> Situation:
        """Returns its situation.

        Args:
            machine: newest statuses of all nodes of its machine, its own included.
        """
        before = self._counts[0] if self._counts else _Counts(self.heard_ns, {})
        elapsed_s = (self.heard_ns - before.at_ns) / 1e9
        return Situation(self.node, self.by_concern, before.statuses, elapsed_s, machine)

    def _count(self, now_ns: int) -> None:
        """Keeps the counts of now; those of another activation mean nothing any more."""
        counted = {one.concern: one for one in self.statuses if one.concern in COUNTING}
        new, last = _Counts(now_ns, counted), self._counts[-1] if self._counts else None
        if last is not None and new.received < last.received:
            self._counts.clear()
        elif last is not None and now_ns - last.at_ns < SPACING_S * 1e9:
            return
        self._counts.append(new)
        while now_ns - self._counts[0].at_ns > WINDOW_S * 1e9:
            self._counts.popleft()


def machines(nodes: Iterable[Heard], now_ns: int) -> dict[str, list[Statuses]]:
    """Returns the newest statuses of nodes by the machine they run on; silent ones do not count.

    Args:
        nodes: all that are followed.
        now_ns: the time [ns, steady clock].
    """
    found: dict[str, list[Statuses]] = {}
    for node in nodes:
        if not node.is_silent(now_ns):
            found.setdefault(node.host, []).append(node.by_concern)
    return found
