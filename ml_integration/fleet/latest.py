"""How each node is as it was last heard of, for who looks at them for a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ml_integration.core.findings import Level
from ml_integration.fleet.advice import Advice
from ml_integration.fleet.figures import Figures, figures
from ml_integration.fleet.heard import Heard, machines
from ml_integration.fleet.status import STALE_S, Report, Status

FORGOTTEN_S = 300.0
"""Time without a word after which a node is forgotten [s]."""
MOST_NODES = 1000


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it was last heard of.

    Attributes:
        name: its full name without its leading slash.
        statuses: the newest of each name.
        figures: what stands in them.
        drop_ratio: share of dropped frames of the last ten seconds, 0 to 1; since the activation
            if it was heard once; None if it does not count frames.
        silent_s: time since it was heard [s].
        said_stale: whether all its statuses say that they are old.
        advice: what would make it better, the surest gain first.
    """

    name: str
    statuses: tuple[Status, ...]
    figures: Figures
    drop_ratio: float | None
    silent_s: float
    said_stale: bool = False
    advice: tuple[Advice, ...] = ()

    @property
    def stale(self) -> bool:
        return self.said_stale or self.silent_s > STALE_S

    @property
    def badness(self) -> tuple[float, float, float]:
        """Key that orders nodes by how much they need a look; silence is worse than a warning."""
        found = self.figures
        level = (Level.WARN + Level.ERROR) / 2 if self.stale else float(found.level)
        return (level, self.drop_ratio or 0.0, found.total.p95 or 0.0)


class Latest:
    """Keeps what nodes have said last. Not thread-safe."""

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}

    def take(self, report: Report, now_ns: int) -> None:
        """Takes a report at a time [ns, steady clock]."""
        for name, statuses in report.by_node().items():
            if name in self._heard or len(self._heard) < MOST_NODES:
                self._heard.setdefault(name, Heard(name, now_ns)).take(statuses, now_ns)

    def nodes(self, now_ns: int) -> tuple[Node, ...]:
        """Returns the nodes by name, and forgets those that have long been silent."""
        old_ns = now_ns - round(FORGOTTEN_S * 1e9)
        self._heard = {name: one for name, one in self._heard.items() if one.heard_ns > old_ns}
        advice = self.advice(now_ns)
        return tuple(_node(self._heard[name], advice[name], now_ns) for name in sorted(advice))

    def advice(self, now_ns: int) -> dict[str, tuple[Advice, ...]]:
        """Returns what would make each node better.

        Ask about once a second: what lasts is advice, what comes and goes is none.
        """
        on = machines(self._heard.values(), now_ns)
        return {
            name: heard.advise(on.get(heard.host, ()), now_ns)
            for name, heard in self._heard.items()
        }


def worst_first(nodes: Iterable[Node]) -> list[Node]:
    """Returns nodes in the order in which they need a look."""
    return sorted(nodes, key=lambda node: node.badness, reverse=True)


def _node(heard: Heard, advice: tuple[Advice, ...], now_ns: int) -> Node:
    statuses, situation = heard.statuses, heard.situation()
    found, before = figures(statuses), None
    if situation.elapsed_s > 0:
        before = figures(tuple(situation.before.values())).counts
    return Node(
        heard.node,
        statuses,
        found,
        found.counts.drop_ratio(before),
        (now_ns - heard.heard_ns) / 1e9,
        all(status.stale for status in statuses),
        advice,
    )
