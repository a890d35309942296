"""What nodes have said over a while: levels, sentences, numbers; in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from ml_integration.core.findings import Level
from ml_integration.fleet.advice import Advice
from ml_integration.fleet.latest import Latest
from ml_integration.fleet.report.series import Series
from ml_integration.fleet.status import STALE_S, Report, Status

MOST_NODES = 20
MOST_STATUSES = 40
MOST_STRETCHES = 2000
MOST_SENTENCES = 100
MOST_MODELS = 20
ADVISE_S = 1.0
"""Time between two looks for what would make nodes better [s]."""
IDENTITY = ('model', 'sha256', 'provider', 'verified by')
NUMBER = re.compile(r'\d+(\.\d+)?')


class Shown(IntEnum):
    """How a status is shown, the worst one last."""

    OK = 0
    WARN = 1
    STALE = 2
    ERROR = 3


SHOWN = {Level.OK: Shown.OK, Level.WARN: Shown.WARN, Level.ERROR: Shown.ERROR}


@dataclass(slots=True)
class Stretch:
    """Time in which a status did not change its level [s since the begin]."""

    begin_s: float
    end_s: float
    shown: Shown


@dataclass(slots=True)
class Sentence:
    """A sentence that was not good news, without regard to the figures in it.

    Attributes:
        concern: what it is about.
        level: how bad it is.
        text: as it was said last.
        first_s: when it was said first [s since the begin].
        last_s: when it was said last [s since the begin].
        count: how often it was said.
    """

    concern: str
    level: Level
    text: str
    first_s: float
    last_s: float
    count: int = 1


@dataclass(slots=True)
class Advised:
    """An opportunity to make a node better.

    Attributes:
        advice: with its newest numbers.
        first_s: when it was told first [s since the begin].
        last_s: when it was told last [s since the begin].
    """

    advice: Advice
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Identity:
    """What served: the values of the status `model`, and since when [s since the begin]."""

    model: str
    sha256: str
    provider: str
    verified_by: str
    since_s: float


@dataclass(slots=True)
class StatusHistory:
    """One status over time."""

    stretches: list[Stretch] = field(default_factory=list)
    series: Series = field(default_factory=Series)
    latest: Status = field(default_factory=lambda: Status('', Level.OK))

    def take(self, at_s: float, status: Status) -> None:
        """Takes what it says at a time [s since the begin]."""
        self.latest = status
        self._show(at_s, Shown.STALE if status.stale else SHOWN[status.level])
        pairs = ((key, status.number(key)) for key in status.values)
        self.series.take(at_s, {key: number for key, number in pairs if number is not None})

    def end(self, at_s: float) -> None:
        """Ends the last stretch: nothing more will come."""
        if self.stretches:
            self._close(at_s)

    def _show(self, at_s: float, shown: Shown) -> None:
        if self.stretches:
            self._close(at_s)
            last = self.stretches[-1]
            if last.shown == shown or len(self.stretches) >= MOST_STRETCHES:
                last.shown = max(last.shown, shown)
                return
        self.stretches.append(Stretch(at_s, at_s, shown))

    def _close(self, at_s: float) -> None:
        """Extends the last stretch to a time; what was not said for long is stale."""
        last = self.stretches[-1]
        if at_s - last.end_s > STALE_S and last.shown != Shown.STALE:
            self.stretches.append(Stretch(last.end_s, at_s, Shown.STALE))
        else:
            last.end_s = max(at_s, last.end_s)

    def seconds(self, shown: Shown) -> float:
        """Returns for how long it was shown like this [s]."""
        return sum(one.end_s - one.begin_s for one in self.stretches if one.shown == shown)


@dataclass(slots=True)
class NodeHistory:
    """One node over time.

    Attributes:
        name: its full name without its leading slash.
        statuses: by concern; by name where it tells no concern.
        sentences: those of level WARN and ERROR, by what is the same in them.
        identities: the models that served.
        advised: what would have made it better, by kind.
    """

    name: str
    statuses: dict[str, StatusHistory] = field(default_factory=dict)
    sentences: dict[tuple[str, Level, str], Sentence] = field(default_factory=dict)
    identities: list[Identity] = field(default_factory=list)
    advised: dict[str, Advised] = field(default_factory=dict)

    def of(self, concern: str) -> Series:
        """Returns the numbers of a status; none if there is no such status."""
        found = self.statuses.get(concern)
        return found.series if found else Series()

    @property
    def worst(self) -> Shown:
        """The worst that any of its statuses was."""
        return max(
            (s.shown for h in self.statuses.values() for s in h.stretches), default=Shown.OK
        )

    def seconds(self, shown: Shown) -> float:
        """Returns for how long its worst status of this kind was so [s]."""
        return max((one.seconds(shown) for one in self.statuses.values()), default=0.0)

    def take(self, at_s: float, status: Status) -> None:
        """Takes a status at a time [s since the begin]."""
        key = status.concern or status.name
        if key not in self.statuses:
            if len(self.statuses) >= MOST_STATUSES:
                return
            self.statuses[key] = StatusHistory()
        self.statuses[key].take(at_s, status)
        if status.concern == 'model':
            self._identify(at_s, status)
        if status.level > Level.OK and not status.stale:
            self._say(at_s, key, status)

    def advise(self, at_s: float, advice: Iterable[Advice]) -> None:
        """Takes what would make it better at a time [s since the begin]."""
        for one in advice:
            found = self.advised.setdefault(one.kind, Advised(one, at_s, at_s))
            found.advice, found.last_s = one, at_s

    def _identify(self, at_s: float, status: Status) -> None:
        values = [status.values.get(key, '') for key in IDENTITY]
        last = self.identities[-1] if self.identities else None
        known = [last.model, last.sha256, last.provider, last.verified_by] if last else None
        if values[0] and values != known and len(self.identities) < MOST_MODELS:
            self.identities.append(Identity(values[0], values[1], values[2], values[3], at_s))

    def _say(self, at_s: float, concern: str, status: Status) -> None:
        key = (concern, status.level, NUMBER.sub('#', status.message))
        found = self.sentences.get(key)
        if found is not None:
            found.text, found.last_s, found.count = status.message, at_s, found.count + 1
        elif len(self.sentences) < MOST_SENTENCES:
            new = Sentence(concern, status.level, status.message, at_s, at_s)
            self.sentences[key] = new


class History:
    """What all nodes have said.

    Attributes:
        nodes: by name.
        seconds: time from the first word to the last one [s].
        unread: messages that could not be read.
        untold: nodes that there was no room for.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, NodeHistory] = {}
        self.seconds = 0.0
        self.unread = 0
        self.untold: set[str] = set()
        self._begin_ns: int | None = None
        self._latest = Latest()
        self._advised_ns: int | None = None

    def take(self, report: Report, now_ns: int) -> None:
        """Takes a report that came at a time [ns]; of whichever clock, but always the same."""
        if self._begin_ns is None:
            self._begin_ns = now_ns
        at_s = max((now_ns - self._begin_ns) / 1e9, self.seconds)
        self.seconds = at_s
        for status in report.statuses:
            node = self._node(status.node)
            if node is not None:
                node.take(at_s, status)
        self._latest.take(report, now_ns)
        if self._advised_ns is None or now_ns - self._advised_ns >= ADVISE_S * 1e9:
            self._advise(at_s, now_ns)

    def _advise(self, at_s: float, now_ns: int) -> None:
        self._advised_ns = now_ns
        for name, advice in self._latest.advice(now_ns).items():
            if name in self.nodes:
                self.nodes[name].advise(at_s, advice)

    def end(self) -> None:
        """Ends it: who has been silent since is stale."""
        for node in self.nodes.values():
            for status in node.statuses.values():
                status.end(self.seconds)

    def sorted(self) -> list[NodeHistory]:
        """Returns the nodes, the worst ones first."""
        return sorted(self.nodes.values(), key=lambda node: (-node.worst, node.name))

    def _node(self, name: str) -> NodeHistory | None:
        if name not in self.nodes:
            if len(self.nodes) >= MOST_NODES:
                if len(self.untold) < 1000:
                    self.untold.add(name)
                return None
            self.nodes[name] = NodeHistory(name)
        return self.nodes[name]
