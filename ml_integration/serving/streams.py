"""Streams: keep what arrives for each model, wait for the frame loop, and take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Any, NamedTuple, Protocol

from ml_integration.core.arrivals import Arrival, Inbox, Observation, new_arrival
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline

SHARE = 4
"""Divisor of a gap's weight in the running mean of the period: the newest counts 1/4."""
WAITING = 2
"""Number of threads that may wait for messages: the frame loop and the loader of a model."""


class Sink(Protocol):
    """Receiver of predictions, such as a publisher, an overlay or a recorder."""

    name: str
    """Name for reports of its failures."""

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Takes one prediction. Called on the thread of the frame loop, one after another."""


Failed = Callable[[Observation, Pipeline, str], None]
"""Takes an observation that failed in a pipeline, and the reason."""


def _not_minded(observation: Observation, pipeline: Pipeline, reason: str) -> None:
    """Does not mind that an observation failed."""


class Stream:
    """Messages of one stream that wait for a run. Not thread-safe: the mailbox holds the lock.

    Each arrival goes by reference into the inbox of every model that is loaded, so that one with
    a window of two seconds is ready before it takes over.

    Args:
        name: '' for the only stream of a node.
        trigger: the topic in the manifest whose messages start runs, or `CLOCK`; it is the same
            for all models that replace one another.
        results: publishes; its exception is a failure of the observation.
        spectators: get the prediction afterwards; their exceptions cost no observation.
        failed: gets observations that failed, on the same thread.
    """

    def __init__(
        self,
        name: str,
        trigger: str,
        results: Sink,
        spectators: Sequence[Sink] = (),
        failed: Failed = _not_minded,
    ) -> None:
        self.name = name
        self.results = results
        self.spectators = tuple(spectators)
        self.failed = failed
        self._trigger = trigger
        self.reset()

    def reset(self) -> None:
        """Forgets all messages and all pipelines."""
        self.turn = 0  # which of all turns its last one was
        self._inboxes: dict[Pipeline, Inbox] = {}
        self._numbers: dict[str, int] = {}
        self._seen = self._passed = -1
        self._depth = 1
        self._last_ns: int | None = None
        self._period_ns: int | None = None

    def feed(self, pipeline: Pipeline) -> Inbox:
        """Starts to feed a pipeline, first with the messages that others have kept."""
        inbox = self._inboxes.get(pipeline)
        if inbox is None:
            inbox = pipeline.inbox(self.name)
            held = {(n, a.number): a for box in self._inboxes.values() for n, a in box.held()}
            for (name, _), arrival in sorted(held.items(), key=lambda one: one[1].arrived_ns):
                inbox.put(name, arrival)
            self._inboxes[pipeline] = inbox
            self._depth = max(self._depth, inbox.depth)
        return inbox

    def forget(self, pipeline: Pipeline) -> None:
        """Stops feeding a pipeline."""
        self._inboxes.pop(pipeline, None)

    def put(self, topic: str, message: Any, stamp_ns: int, now_ns: int) -> int:
        """Adds a message of a topic of the manifest, or of `CLOCK`; see `Arrival` for the rest.

        Returns:
            The number of triggers that it displaced: no run has seen them, and none will.
        """
        number = self._numbers.get(topic, -1) + 1
        self._numbers[topic] = number
        arrival = new_arrival((message, stamp_ns, now_ns, number))
        for inbox in self._inboxes.values():
            inbox.put(topic, arrival)
        if topic != self._trigger:
            return 0
        self._beat(now_ns)
        return self._pass_over(number - self._depth)

    def ready(self, pipeline: Pipeline) -> bool:
        """Tells whether the pipeline can run; starts to feed it if it is not fed yet."""
        return (self._inboxes.get(pipeline) or self.feed(pipeline)).ready(self._seen)

    def take(self, pipeline: Pipeline) -> tuple[Observation, int] | None:
        """Takes the next observation, if any, with the number of triggers that it displaced."""
        observation = (self._inboxes.get(pipeline) or self.feed(pipeline)).take(self._seen)
        if observation is None:
            return None
        displaced = self._pass_over(observation.trigger.number - 1)
        self._seen = self._passed = observation.trigger.number
        return observation, displaced

    def seen_with(self, pipeline: Pipeline, trigger: Arrival) -> Observation | None:
        """Returns what a pipeline sees with a trigger that another one has taken.

        Each has tensors and keep rules of its own. Starts to feed it if it is not fed yet.

        Returns:
            None if messages are missing.
        """
        return (self._inboxes.get(pipeline) or self.feed(pipeline)).seen_with(trigger)

    def missing(self, pipeline: Pipeline) -> tuple[str, ...]:
        """Returns the topics that the pipeline still needs messages of."""
        inbox = self._inboxes.get(pipeline)
        return inbox.missing() if inbox is not None else ()

    def arrived_ns(self) -> int:
        """Returns when the last trigger arrived [ns, steady clock]; 0 before the first one."""
        return self._last_ns or 0

    def is_due(self, now_ns: int, deadline_ns: int) -> bool:
        """Tells whether the next trigger should come between now and the deadline.

        One that is more than a period late is not expected any more: the stream is silent.
        """
        if self._last_ns is None or self._period_ns is None:
            return False
        due_ns = self._last_ns + self._period_ns
        return due_ns <= deadline_ns and now_ns <= due_ns + self._period_ns

    def _pass_over(self, number: int) -> int:
        """Returns how many triggers up to a number were neither seen nor counted before."""
        displaced = number - self._passed
        if displaced <= 0:
            return 0
        self._passed = number
        return displaced

    def _beat(self, now_ns: int) -> None:
        """Learns the period between triggers; a long pause counts as two periods."""
        if self._last_ns is not None:
            gap_ns, known_ns = now_ns - self._last_ns, self._period_ns
            if known_ns is None:
                self._period_ns = gap_ns
            else:
                self._period_ns = known_ns + (min(gap_ns, 2 * known_ns) - known_ns) // SHARE
        self._last_ns = now_ns


class Turn(NamedTuple):
    """Taken observation with its stream and the number of triggers that it displaced."""

    stream: Stream
    observation: Observation
    displaced: int


class Mailbox:
    """Messages of several streams that wait for a run. Thread-safe.

    Args:
        streams: the streams whose messages wait here.
        timeout_ms: the longest that the first observation of a batch waits for others [ms].
        now_ns: the steady time [ns].
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        timeout_ms: float = 0.0,
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        # Taken by itself where nobody waits: entering a condition is Python, a lock is not.
        self._lock = threading.Lock()
        self._condition = threading.Condition(self._lock)
        self._streams = tuple(streams)
        self._timeout_ns = int(timeout_ms * 1e6)
        self._now_ns = now_ns
        self._turns = 0
        self._waiting = 0
        self._closed = False

    def put(self, stream: Stream, topic: str, message: Any, stamp_ns: int, now_ns: int) -> int:
        """Adds a message; see `Stream.put`."""
        with self._lock:
            displaced = stream.put(topic, message, stamp_ns, now_ns)
            if self._waiting:
                self._condition.notify(WAITING)
            return displaced

    def feed(self, pipeline: Pipeline) -> None:
        """Starts to feed a pipeline with the messages of every stream, if not closed."""
        with self._lock:
            for stream in () if self._closed else self._streams:
                stream.feed(pipeline)

    def forget(self, pipeline: Pipeline) -> None:
        """Stops feeding a pipeline."""
        with self._lock:
            for stream in self._streams:
                stream.forget(pipeline)

    def wait(self, serving: Callable[[], Pipeline]) -> bool:
        """Waits until the serving pipeline can run; False if the mailbox was closed.

        An observation waits for others that are due within `timeout_ms`, to run together.
        """
        with self._lock:
            while not self._closed:
                # No name for the pipeline: it would live as long as nothing comes.
                if not self._is_ready(serving()):
                    self._wait(None)
                    continue
                if serving().batch_size > 1:
                    self._wait_for_more(serving)
                return not self._closed
            return False

    def can_run(self, pipeline: Pipeline) -> bool:
        """Tells whether a pipeline could run now, on any stream."""
        with self._lock:
            return self._is_ready(pipeline)

    def wait_until_warm(self, pipeline: Pipeline, serving: Pipeline, timeout_s: float) -> bool:
        """Waits until a pipeline lacks no topic that the serving one has; False after the time."""

        def warm() -> bool:
            return all(
                set(stream.missing(pipeline)) <= set(stream.missing(serving))
                for stream in self._streams
            )

        with self._lock:
            self._waiting += 1
            try:
                return self._condition.wait_for(lambda: self._closed or warm(), timeout_s)
            finally:
                self._waiting -= 1

    def take(self, pipeline: Pipeline) -> list[Turn]:
        """Takes at most one observation of each stream, and as many as can run together.

        If more are ready, the streams whose last turn is the longest ago come first.

        Returns:
            The turns in the order of the streams.
        """
        with self._lock:
            ready: Sequence[Stream] = self._streams
            if len(ready) > 1:
                ready = sorted(self._ready(pipeline), key=lambda stream: stream.turn)
            turns: list[Turn] = []
            for stream in ready[: pipeline.batch_size]:
                taken = stream.take(pipeline)
                if taken is not None:
                    self._turns += 1
                    stream.turn = self._turns
                    turns.append(Turn(stream, *taken))
        if len(turns) > 1:
            turns.sort(key=lambda turn: self._streams.index(turn.stream))
        return turns

    def seen_with(
        self, pipeline: Pipeline, stream: Stream, trigger: Arrival
    ) -> Observation | None:
        """Returns what a pipeline sees with a trigger that another one has taken; see `Stream`."""
        with self._lock:
            return None if self._closed else stream.seen_with(pipeline, trigger)

    def missing(self, pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
        """Returns the topics that a pipeline still needs messages of, by stream."""
        with self._lock:
            return {stream.name: stream.missing(pipeline) for stream in self._streams}

    def close(self) -> None:
        """Ends the waiting of the frame loop; waiting messages are dropped."""
        with self._lock:
            self._closed = True
            self._condition.notify_all()

    def _is_ready(self, pipeline: Pipeline) -> bool:
        for stream in self._streams:  # noqa: SIM110 (twice as quick as any() of a generator)
            if stream.ready(pipeline):
                return True
        return False

    def _ready(self, pipeline: Pipeline) -> list[Stream]:
        return [stream for stream in self._streams if stream.ready(pipeline)]

    def _wait_for_more(self, serving: Callable[[], Pipeline]) -> None:
        while not self._closed:
            pipeline = serving()
            ready = self._ready(pipeline)
            if len(ready) >= pipeline.batch_size:
                return
            now_ns = self._now_ns()
            first_ns = min((stream.arrived_ns() for stream in ready), default=0)
            deadline_ns = first_ns + self._timeout_ns
            others = (stream for stream in self._streams if stream not in ready)
            due = any(stream.is_due(now_ns, deadline_ns) for stream in others)
            if not due or now_ns >= deadline_ns:
                return
            self._wait((deadline_ns - now_ns) / 1e9)

    def _wait(self, timeout_s: float | None) -> None:
        self._waiting += 1
        try:
            self._condition.wait(timeout_s)
        finally:
            self._waiting -= 1
