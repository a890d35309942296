"""Keeps messages until the frame loop takes them: streams take turns, and the newest wins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Any, NamedTuple

from ml_integration.core.arrivals import Observation
from ml_integration.core.pipeline import Pipeline
from ml_integration.serving.stream import Stream

WAITING = 2
"""Number of threads that may wait for messages: the frame loop and the loader of a model."""


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
        """Whether a pipeline could run now, on any stream."""
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
