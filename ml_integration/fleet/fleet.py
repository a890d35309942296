"""The nodes of one machine or robot, as far as `/diagnostics` tells of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.judge import Judge
from ml_integration.core.resources import NEAR_BUDGET
from ml_integration.fleet.advice import Advice
from ml_integration.fleet.availability import (
    Ledger,
    Outcome,
    Seconds,
    outcome,
    seconds_of,
    together,
)
from ml_integration.fleet.figures import Figures, StageTimes, figures
from ml_integration.fleet.heard import Heard, machines
from ml_integration.fleet.restarts import Restarts
from ml_integration.fleet.situation import Statuses
from ml_integration.fleet.status import STALE_S, Report, Status

LONGEST_NAME = 256
"""Characters of a node's name that are kept."""
RECENT_S = 600.0
"""Time over which restarts are counted as recent [s]."""
MOST_RECENT = 100


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as it is in this second.

    Attributes:
        name: its full name without its leading slash.
        statuses: the newest of each name that is not old.
        figures: what stands in them.
        finding: how it is, steadied.
        silent_s: time since it was heard [s]; since the monitor began if it was not yet.
        stale: whether that is too long.
        outcome: what this second counts as.
        availability: over each window.
        booked: time since the monitor began.
        restarts: starts after the first one that was seen.
        recent_restarts: those of the last ten minutes.
        advice: what would make it better, the surest gain first.
    """

    name: str
    statuses: tuple[Status, ...]
    figures: Figures
    finding: Finding
    silent_s: float
    stale: bool
    outcome: Outcome
    availability: tuple[Seconds, ...]
    booked: Seconds
    restarts: int
    recent_restarts: int
    advice: tuple[Advice, ...] = ()

    def of(self, concern: str) -> Status | None:
        """Returns its status about a concern; None if it has none."""
        return next((one for one in self.statuses if one.concern == concern), None)

    @property
    def over(self) -> tuple[str, ...]:
        """Budgets that it exceeds, as it says itself."""
        budgets = {'latency': 'latency', 'drops': 'drops', 'resources': 'memory'}
        return tuple(
            budget
            for concern, budget in budgets.items()
            if (status := self.of(concern)) and status.level > Level.OK
            and (budget != 'memory' or _memory_is_short(status))
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Overview:
    """All nodes in this second.

    Attributes:
        nodes: by name.
        windows_h: of the availability [h].
        availability: of all together, over each window.
        refused: how many further names were heard lately and are not followed.
    """

    nodes: tuple[NodeView, ...]
    windows_h: tuple[float, ...]
    availability: tuple[Seconds, ...]
    refused: int = 0

    @property
    def silent(self) -> tuple[NodeView, ...]:
        return tuple(node for node in self.nodes if node.stale)

    @property
    def worst_stage(self) -> tuple[NodeView, StageTimes] | None:
        """The stage that takes most of the latency of all nodes, by its median."""
        stages = [
            (stage.p50, node, stage)
            for node in self.nodes
            if not node.stale
            for stage in node.figures.stages
            if stage.p50 is not None
        ]
        worst = max(stages, key=lambda one: one[0], default=None)
        return None if worst is None else worst[1:]


class Fleet:
    """Follows nodes. Not thread-safe.

    Args:
        windows_h: windows of the availability [h].
        most_nodes: how many are followed; further ones are told of.
        forget_s: time without a word after which a node is forgotten [s].
        own: name of the node that listens, whose statuses are left out.
        kept: what is known of nodes from before, and of all of them under ''.
        now_ns: the time [ns, steady clock].
    """

    def __init__(
        self,
        windows_h: Sequence[float],
        most_nodes: int,
        forget_s: float,
        own: str,
        kept: Mapping[str, Ledger],
        now_ns: int,
    ) -> None:
        self._windows_h = tuple(windows_h)
        self._most, self._forget_s = most_nodes, forget_s
        self._own = own.lstrip('/')
        self._total = kept.get('', Ledger())
        self._nodes = {name: _Node(name, ledger, now_ns) for name, ledger in kept.items() if name}
        self._refused: dict[str, int] = {}
        self._ticked_ns = now_ns

    def take(self, report: Report, now_ns: int) -> None:
        """Takes a report at a time [ns, steady clock]."""
        for full_name, statuses in report.by_node().items():
            name = full_name[:LONGEST_NAME]
            if not name or name == self._own:
                continue
            if name in self._nodes:
                self._nodes[name].take(statuses, now_ns)
            elif len(self._nodes) < self._most:
                node = self._nodes[name] = _Node(name, Ledger(), now_ns)
                node.take(statuses, now_ns)
            elif name in self._refused or len(self._refused) < self._most:
                self._refused[name] = now_ns

    def tick(self, now_ns: int, wall_s: float) -> Overview:
        """Books the time since the last tick, and returns how all nodes are.

        Args:
            now_ns: the time [ns, steady clock].
            wall_s: the same [s since 1970].
        """
        self._forget(now_ns)
        passed_s = (now_ns - self._ticked_ns) / 1e9
        self._ticked_ns = now_ns
        if passed_s > STALE_S:  # nobody listened
            passed_s = 0.0
        for node in self._nodes.values():
            node.tick(now_ns, passed_s, wall_s)
        self._total.book(together(node.outcome for node in self._nodes.values()), passed_s, wall_s)
        on = machines((node.heard for node in self._nodes.values()), now_ns)
        nodes = (self._nodes[name] for name in sorted(self._nodes))
        return Overview(
            tuple(
                node.view(self._windows_h, now_ns, wall_s, on.get(node.heard.host, ()))
                for node in nodes
            ),
            self._windows_h,
            tuple(self._total.within(hours, wall_s) for hours in self._windows_h),
            len(self._refused),
        )

    def ledgers(self) -> dict[str, Ledger]:
        """Returns what is to be kept: by name, and of all together under ''."""
        return {'': self._total, **{name: node.ledger for name, node in self._nodes.items()}}

    def _forget(self, now_ns: int) -> None:
        old_ns = now_ns - round(self._forget_s * 1e9)
        self._nodes = {n: one for n, one in self._nodes.items() if one.heard.heard_ns > old_ns}
        stale_ns = now_ns - round(STALE_S * 1e9)
        self._refused = {n: ns for n, ns in self._refused.items() if ns > stale_ns}


class _Node:
    """What one node has said, and what is counted of it."""

    def __init__(self, name: str, ledger: Ledger, now_ns: int) -> None:
        self.ledger = ledger
        self.heard = Heard(name, now_ns)
        self.outcome = Outcome.UNKNOWN
        self._judge = Judge()
        self._finding = Finding('node', Level.OK, '')
        self._booked = Seconds()
        self._restarts = Restarts()
        self._recent: deque[int] = deque(maxlen=MOST_RECENT)

    def take(self, statuses: Iterable[Status], now_ns: int) -> None:
        self.heard.take(statuses, now_ns)
        if self._restarts.take(self.heard.statuses):
            self._recent.append(now_ns)

    def tick(self, now_ns: int, passed_s: float, wall_s: float) -> None:
        statuses, silent = self.heard.statuses, self.heard.is_silent(now_ns)
        self.outcome = outcome(statuses, silent) if statuses or silent else Outcome.UNKNOWN
        self.ledger.book(self.outcome, passed_s, wall_s)
        self._booked += seconds_of(self.outcome, passed_s)
        health = Health((self._found(now_ns, silent),))
        self._finding = self._judge.steady(health).findings[0]
        while self._recent and now_ns - self._recent[0] > RECENT_S * 1e9:
            self._recent.popleft()

    def view(
        self,
        windows_h: Sequence[float],
        now_ns: int,
        wall_s: float,
        machine: Sequence[Statuses],
    ) -> NodeView:
        heard, statuses = self.heard, self.heard.statuses
        windows = tuple(self.ledger.within(hours, wall_s) for hours in windows_h)
        return NodeView(
            heard.node, statuses, figures(statuses), self._finding,
            (now_ns - heard.heard_ns) / 1e9, heard.is_silent(now_ns), self.outcome, windows,
            self._booked, self._restarts.count, len(self._recent),
            heard.advise(machine, now_ns),
        )  # fmt: skip

    def _found(self, now_ns: int, silent: bool) -> Finding:
        if silent:
            sentence = f'silent for {(now_ns - self.heard.heard_ns) / 1e9:.0f} s'
            return Finding('node', Level.ERROR, sentence, hard=True, kind='silent')
        worst = max(self.heard.statuses, key=lambda one: one.level, default=None)
        if worst is None:
            return Finding('node', Level.OK, 'not heard yet')
        if worst.level == Level.OK:
            return Finding('node', Level.OK, 'all is well')
        what = ': '.join(filter(None, (worst.concern, worst.message)))
        return Finding('node', worst.level, what)


def _memory_is_short(status: Status) -> bool:
    rss, budget = status.number('rss [MB]'), status.number('memory budget [MB]')
    return bool(budget) and rss is not None and rss > NEAR_BUDGET * (budget or 0.0)
