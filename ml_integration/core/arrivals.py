"""Keeps the messages of one stream and selects those that one run of the model gets.

Nothing here reads a clock or takes a lock: the caller does both.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from ml_integration.core.inputs import KeepRule, KeepSpec, Trigger

MS = 1_000_000
TOLERATED_NS = 100 * MS
"""A message this much older than the one before it was overtaken on the way; more is a jump."""
BEFORE_ALL_NS = -(2**62)
"""Stamp of what was said before time jumped [ns]."""
WAITING = 8
"""Triggers that wait for companions which come later, such as a lidar after its picture."""
MOST = 4096
"""Most messages that are kept for one input, even if the manifest asks for more."""
CLOCK = ''
"""Name under which ticks of the clock arrive if the clock triggers the runs."""

_BY_STAMP = attrgetter('stamp_ns')


# These two are made for each message: a NamedTuple takes a third of the time of a dataclass.
class Arrival(NamedTuple):
    """A message as it came, not yet decoded.

    Attributes:
        message: what the middleware handed over.
        stamp_ns: the publisher's stamp [ns]; the time of arrival where it has none.
        arrived_ns: when it came [ns, steady clock].
        number: counts the messages of one input of one stream from 0.
    """

    message: Any
    stamp_ns: int
    arrived_ns: int
    number: int


class Observation(NamedTuple):
    """Messages of one stream that one run of the model gets.

    Attributes:
        stream: name of the stream.
        trigger: the arrival that started the run; its message is None if the clock started it.
        arrivals: the messages by the name of tensor or companion, the oldest first.
        restarted: whether time has jumped back since the run before.
    """

    stream: str
    trigger: Arrival
    arrivals: Mapping[str, Sequence[Arrival]]
    restarted: bool = False

    @property
    def stamp_ns(self) -> int:
        return self.trigger.stamp_ns


# Straight to the tuple, which takes half the time: each message is one of them.
new_arrival: Callable[[tuple[Any, int, int, int]], Arrival] = partial(tuple.__new__, Arrival)
_new_observation: Callable[[tuple[Any, ...]], Observation] = partial(tuple.__new__, Observation)


class Keep(Protocol):
    """Selects the messages of one input that a run gets together with a trigger."""

    def put(self, arrival: Arrival) -> None:
        """Adds a message."""

    def at(self, stamp_ns: int) -> Sequence[Arrival]:
        """Returns the messages for a trigger's stamp, the oldest first; empty if too few came."""

    def clear(self) -> None:
        """Forgets everything."""

    def held(self) -> Sequence[Arrival]:
        """Returns the kept messages."""


class Newest:
    """Keeps the newest triggers that still wait for a run.

    Args:
        depth: the most triggers that wait.
    """

    def __init__(self, depth: int = 1) -> None:
        self.waiting: deque[Arrival] = deque(maxlen=depth)

    def put(self, arrival: Arrival) -> None:
        self.waiting.append(arrival)

    def at(self, stamp_ns: int) -> Sequence[Arrival]:
        return [arrival for arrival in self.waiting if arrival.stamp_ns == stamp_ns][-1:]

    def clear(self) -> None:
        self.waiting.clear()

    def held(self) -> Sequence[Arrival]:
        return tuple(self.waiting)


class Nearest:
    """Selects the message whose stamp is nearest to the trigger's.

    Args:
        tolerance_ns: largest difference of the stamps [ns]; 0 for exactly the same stamp.
        holds: whether the last message outlives a jump of time: who says a thing once, such as a
            camera info, does not say it again.
    """

    def __init__(self, tolerance_ns: int, holds: bool = False) -> None:
        self._tolerance_ns = tolerance_ns
        self._holds = holds
        self._kept: deque[Arrival] = deque(maxlen=4 * WAITING)

    def put(self, arrival: Arrival) -> None:
        self._kept.append(arrival)

    def at(self, stamp_ns: int) -> Sequence[Arrival]:
        best = min(self._kept, key=lambda one: abs(one.stamp_ns - stamp_ns), default=None)
        near = best is not None and abs(best.stamp_ns - stamp_ns) <= self._tolerance_ns
        return (best,) if near and best is not None else ()

    def clear(self) -> None:
        last = self._kept[-1] if self._kept and self._holds else None
        self._kept.clear()
        if last is not None:
            # Whatever comes from now on is nearer.
            self._kept.append(last._replace(stamp_ns=BEFORE_ALL_NS))

    def held(self) -> Sequence[Arrival]:
        return tuple(self._kept)


class Window:
    """Selects the messages of a stretch of time that ends with the trigger.

    A run gets them only if messages have come for the whole stretch: a model that was trained
    on two seconds gets two seconds.

    Args:
        length_ns: length of the stretch [ns].
    """

    def __init__(self, length_ns: int) -> None:
        self._length_ns = length_ns
        self._kept: list[Arrival] = []
        self._since_ns: int | None = None

    def put(self, arrival: Arrival) -> None:
        _put_in_order(self._kept, arrival)
        since_ns = self._since_ns
        self._since_ns = arrival.stamp_ns if since_ns is None else min(since_ns, arrival.stamp_ns)
        # Twice the length, for triggers that are older than the newest message.
        _drop_before(self._kept, self._kept[-1].stamp_ns - 2 * self._length_ns)

    def at(self, stamp_ns: int) -> Sequence[Arrival]:
        begin_ns = stamp_ns - self._length_ns
        if self._since_ns is None or self._since_ns > begin_ns:
            return ()
        return tuple(one for one in self._kept if begin_ns <= one.stamp_ns <= stamp_ns)

    def clear(self) -> None:
        self._kept.clear()
        self._since_ns = None

    def held(self) -> Sequence[Arrival]:
        return tuple(self._kept)


class Latest:
    """Selects the last message before the trigger.

    Args:
        max_age_ns: the most that it may be older than the trigger [ns].
    """

    def __init__(self, max_age_ns: int) -> None:
        self._max_age_ns = max_age_ns
        self._kept: list[Arrival] = []

    def put(self, arrival: Arrival) -> None:
        _put_in_order(self._kept, arrival)
        _drop_before(self._kept, self._kept[-1].stamp_ns - 2 * self._max_age_ns)

    def at(self, stamp_ns: int) -> Sequence[Arrival]:
        for arrival in reversed(self._kept):
            if arrival.stamp_ns <= stamp_ns:
                fresh = stamp_ns - arrival.stamp_ns <= self._max_age_ns
                return (arrival,) if fresh else ()
        return ()

    def clear(self) -> None:
        self._kept.clear()

    def held(self) -> Sequence[Arrival]:
        return tuple(self._kept)


class Source(Protocol):
    """Messages of a topic, by the name under which a run gets them."""

    @property
    def tensor(self) -> str:
        """The name."""

    @property
    def topic(self) -> str:
        """Default name of the topic."""

    @property
    def keep(self) -> KeepSpec:
        """Selects the messages that a run gets."""


class Inbox:
    """Keeps the messages of one stream for one model, by the keep rule of each input.

    Args:
        stream: the stream's name.
        inputs: the model's inputs that are made of messages, and what accompanies them.
        trigger: what starts a run.
    """

    def __init__(self, stream: str, inputs: Sequence[Source], trigger: Trigger) -> None:
        self._stream = stream
        self._tensors = {item.topic: item.tensor for item in inputs}
        topics = {item.tensor: item.topic for item in inputs}
        self._name = topics[trigger.tensor] if trigger.tensor else CLOCK
        late = any(item.keep.rule is KeepRule.NEAREST for item in inputs)
        self.depth = WAITING if late else 1
        self._trigger = Newest(self.depth)
        others = (item for item in inputs if item.tensor != trigger.tensor)
        self._others = {item.topic: keep(item.keep) for item in others}
        self._only = trigger.tensor if len(inputs) == 1 else ''
        self._last_ns: dict[str, int] = {}
        self._asked_ns: deque[int] = deque(maxlen=self.depth)
        self._restarted = False

    def put(self, name: str, arrival: Arrival) -> None:
        """Takes a message, or the clock.

        Args:
            name: the topic in the manifest that it came on; `CLOCK` for the clock. Models that
                replace one another have the same topics, and other tensors.
            arrival: the message, or the tick of the clock.
        """
        stamp_ns, last_ns = arrival.stamp_ns, self._last_ns.get(name)
        if last_ns is None or stamp_ns > last_ns:
            self._last_ns[name] = stamp_ns
        elif stamp_ns < last_ns - TOLERATED_NS:
            self._restart()
            self._last_ns[name] = stamp_ns
        if name == self._name:
            self._asked_ns.append(stamp_ns)
            self._trigger.waiting.append(arrival)
        else:
            self._others[name].put(arrival)

    def ready(self, after: int) -> bool:
        """Tells whether a trigger newer than number `after` waits with all that its run needs."""
        waiting = self._trigger.waiting
        if not waiting or waiting[-1].number <= after:
            return False
        return not self._others or self._complete(after) is not None

    def take(self, after: int) -> Observation | None:
        """Takes the newest complete observation, or None, and drops the older triggers.

        Args:
            after: number of the last trigger that any model ran on.
        """
        waiting = self._trigger.waiting
        if self._only and waiting and waiting[-1].number > after:  # the straight way of a picture
            first = waiting[-1]
            arrivals: Mapping[str, Sequence[Arrival]] = {self._only: (first,)}
        else:
            found = self._complete(after)
            if found is None:
                return None
            first, arrivals = found
        while waiting and waiting[0].number <= first.number:
            waiting.popleft()
        restarted, self._restarted = self._restarted, False
        return _new_observation((self._stream, first, arrivals, restarted))

    def seen_with(self, trigger: Arrival) -> Observation | None:
        """Returns what this model sees with a trigger that another one has run on.

        It takes nothing, and tells nothing of jumps of time.

        Returns:
            None if messages are missing.
        """
        arrivals = self._with(trigger)
        if arrivals is None:
            return None
        return _new_observation((self._stream, trigger, arrivals, False))

    def held(self) -> Iterator[tuple[str, Arrival]]:
        """Yields each kept message with the name that it was put under."""
        for name, kept in ((self._name, self._trigger), *self._others.items()):
            yield from ((name, arrival) for arrival in kept.held())

    def missing(self) -> tuple[str, ...]:
        """Returns the topics whose messages all of the last triggers lack.

        A message that comes later than its trigger, but in time, is not missing.
        """
        return tuple(
            name
            for name, kept in self._others.items()
            if not any(kept.at(asked_ns) for asked_ns in self._asked_ns)
        )

    def _complete(self, after: int) -> tuple[Arrival, dict[str, Sequence[Arrival]]] | None:
        for first in reversed(self._trigger.waiting):
            if first.number <= after:
                return None
            arrivals = self._with(first)
            if arrivals is not None:
                return first, arrivals
        return None

    def _with(self, trigger: Arrival) -> dict[str, Sequence[Arrival]] | None:
        """Returns the messages of a trigger's run; None if some are missing."""
        arrivals: dict[str, Sequence[Arrival]] = {}
        if self._name != CLOCK:
            arrivals[self._tensors[self._name]] = (trigger,)
        for name, kept in self._others.items():
            seen = arrivals[self._tensors[name]] = kept.at(trigger.stamp_ns)
            if not seen:
                return None
        return arrivals

    def _restart(self) -> None:
        """Forgets all messages: time has jumped back, as when a recording starts again."""
        self._restarted = True
        self._last_ns.clear()
        self._asked_ns.clear()
        for kept in (self._trigger, *self._others.values()):
            kept.clear()


def of_one(tensor: str, message: Any, stamp_ns: int = 0) -> Observation:
    """Makes an observation of one message, for a model with no other input."""
    arrival = Arrival(message, stamp_ns, 0, 0)
    return Observation('', arrival, {tensor: (arrival,)})


def keep(spec: KeepSpec) -> Keep:
    """Makes the `Keep` that an input's `keep:` in the manifest asks for."""
    limit_ns = int(spec.limit_ms * MS)
    match spec.rule:
        case KeepRule.NEAREST:
            return Nearest(limit_ns, spec.holds)
        case KeepRule.LATEST:
            return Latest(limit_ns)
        case KeepRule.WINDOW:
            return Window(limit_ns)
    return Newest()


def _put_in_order(kept: list[Arrival], arrival: Arrival) -> None:
    if kept and arrival.stamp_ns < kept[-1].stamp_ns:  # it was overtaken on the way
        insort(kept, arrival, key=_BY_STAMP)
    else:
        kept.append(arrival)


def _drop_before(kept: list[Arrival], stamp_ns: int) -> None:
    """Drops the messages that are older than a stamp, and the oldest if there are too many."""
    count = max(0, len(kept) - MOST)
    while kept[count].stamp_ns < stamp_ns:
        count += 1
    if count:
        del kept[:count]
