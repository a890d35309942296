"""One stream of observations: what comes in for each model, and where results go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ml_integration.core.arrivals import Inbox, Observation, new_arrival
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline

SHARE = 4
"""Each gap between triggers counts this fraction; the older ones fade away."""


class Sink(Protocol):
    """Takes what became of an observation: a publisher, an overlay, a recorder."""

    name: str
    """What it is called where its failures are told."""

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Takes one prediction. Called on the thread of the frame loop, after one another."""


class Stream:
    """What has come for one stream. The mailbox locks.

    Each arrival goes by reference into the inbox of every model that is loaded, so that one with
    a window of two seconds is ready before it takes over.

    Args:
        name: '' for the only stream of a node.
        trigger: the topic in the manifest whose messages start runs, or `CLOCK`; it is the same
            for all models that replace one another.
        results: publishes; what it raises is a failure of the observation.
        spectators: are told afterwards; what they raise is their own.
    """

    def __init__(
        self, name: str, trigger: str, results: Sink, spectators: Sequence[Sink] = ()
    ) -> None:
        self.name = name
        self.results = results
        self.spectators = tuple(spectators)
        self._trigger = trigger
        self.reset()

    def reset(self) -> None:
        """Forgets everything that has come."""
        self.turn = 0  # which of all turns its last one was
        self._inboxes: dict[Pipeline, Inbox] = {}
        self._numbers: dict[str, int] = {}
        self._seen = self._passed = -1
        self._depth = 1
        self._last_ns: int | None = None
        self._period_ns: int | None = None

    def feed(self, pipeline: Pipeline) -> Inbox:
        """Lets a pipeline have what comes from now on, and what others have kept."""
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
        """Takes a message of a topic of the manifest, or `CLOCK`; see `Arrival` for the rest.

        Returns:
            How many triggers it has displaced, which nobody has seen and nobody will.
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
        """Whether the pipeline could run; one that is not fed yet is from now on."""
        return (self._inboxes.get(pipeline) or self.feed(pipeline)).ready(self._seen)

    def take(self, pipeline: Pipeline) -> tuple[Observation, int] | None:
        """What the pipeline sees next, and how many triggers it has displaced by that."""
        observation = (self._inboxes.get(pipeline) or self.feed(pipeline)).take(self._seen)
        if observation is None:
            return None
        displaced = self._pass_over(observation.trigger.number - 1)
        self._seen = self._passed = observation.trigger.number
        return observation, displaced

    def missing(self, pipeline: Pipeline) -> tuple[str, ...]:
        """The topics without which the pipeline cannot run."""
        inbox = self._inboxes.get(pipeline)
        return inbox.missing() if inbox is not None else ()

    def arrived_ns(self) -> int:
        """When the last trigger came [ns]; 0 before the first one."""
        return self._last_ns or 0

    def is_due(self, now_ns: int, deadline_ns: int) -> bool:
        """Whether the next trigger should come between now and the deadline.

        One that is more than a period late is not expected any more: the stream is silent.
        """
        if self._last_ns is None or self._period_ns is None:
            return False
        due_ns = self._last_ns + self._period_ns
        return due_ns <= deadline_ns and now_ns <= due_ns + self._period_ns

    def _pass_over(self, number: int) -> int:
        """Counts the triggers up to a number that were neither seen nor counted before."""
        displaced = number - self._passed
        if displaced <= 0:
            return 0
        self._passed = number
        return displaced

    def _beat(self, now_ns: int) -> None:
        """Learns the period; a long pause counts as one twice as long."""
        if self._last_ns is not None:
            gap_ns, known_ns = now_ns - self._last_ns, self._period_ns
            if known_ns is None:
                self._period_ns = gap_ns
            else:
                self._period_ns = known_ns + (min(gap_ns, 2 * known_ns) - known_ns) // SHARE
        self._last_ns = now_ns
