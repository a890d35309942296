"""Serves recorded messages on the caller's thread, each before the next one comes.

Streams, mailbox and frame loop are those of a node, so the results are as well. Nothing is dropped
for want of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic_ns

from ml_integration.core.arrivals import CLOCK, Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stats import Stats
from ml_integration.deploy.assembly import Read
from ml_integration.deploy.router import Router
from ml_integration.ops.compressed_pictures import COMPRESSED_IMAGE, raw_picture
from ml_integration.recordings import Recorded
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.streams import Stream

PATIENCE_MS = 120_000.0
"""Time for one run: there is no hurry [ms]."""
WHOLE_S = 1e6
"""Window of the statistics, which are about all of it [s]."""


def read_recorded(type_name: str) -> Read:
    """Returns a function that takes the message out of what was recorded, for `Loader`.

    Where a raw picture is wanted, a compressed one becomes it: a recording has what it has.
    """
    if type_name == COMPRESSED_IMAGE:
        return lambda recorded: recorded.message
    return lambda recorded: (
        raw_picture(recorded.message)
        if recorded.message_type == COMPRESSED_IMAGE
        else recorded.message
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message that started a run.

    Attributes:
        recorded: the message.
        prediction: its result; None if there is none.
        error: reason why there is none.
    """

    recorded: Recorded
    prediction: Prediction | None = None
    error: str = ''


class Ticks:
    """Ticks of a clock that starts runs, in the time of a recording.

    Args:
        rate_hz: ticks per second [Hz]; 0 for none.
    """

    def __init__(self, rate_hz: float) -> None:
        self._period_ns = round(1e9 / rate_hz) if rate_hz else 0
        self._due_ns: int | None = None

    def until(self, now_ns: int) -> Iterator[Recorded]:
        """Yields the ticks that are due by a time of the recording; none by the first one."""
        if self._due_ns is None:
            self._due_ns = now_ns + self._period_ns
        while self._period_ns and self._due_ns <= now_ns:
            name = f'the clock at {self._due_ns / 1e9:.2f} s'
            yield Recorded(CLOCK, '', None, self._due_ns, name, self._due_ns)
            self._due_ns += self._period_ns


class _Collector:
    """Keeps the results, which are written where an error is told."""

    name = 'results'

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        self.outcomes.append(Outcome(observation.trigger.message, prediction))


class _Failures(Monitor):
    """Monitor that also tells which sentence the last failure had."""

    sentence = ''

    def failed(
        self, sentence: str, now_ns: int, stream: str | None = None, kind: str = 'Exception'
    ) -> None:
        super().failed(sentence, now_ns, stream, kind)
        self.sentence = sentence


class Playback:
    """Runs a model on recorded messages.

    Args:
        pipeline: the model, loaded with `read_recorded`.
        log: is called with sentences that a person should read.
    """

    def __init__(self, pipeline: Pipeline, log: Callable[[str], None]) -> None:
        self.pipeline = pipeline
        self._wiring = pipeline.wiring
        self._results = _Collector()
        self._stream = Stream('', self._wiring.trigger_topic, self._results)
        self._monitor = _Failures(monotonic_ns(), self._wiring.input_keys(), WHOLE_S)
        self._now_ns = 0
        router = Router()
        router.swap(pipeline)
        self._loop = FrameLoop(
            router,
            [self._stream],
            self._monitor,
            lambda: self._now_ns,
            log,
            LoopSettings(frame_timeout_ms=PATIENCE_MS),
        )
        self.begin()

    def begin(self) -> None:
        """Begins another recording: states and windows start anew."""
        self._loop.begin()
        self._ticks = Ticks(self._wiring.trigger.rate_hz)

    def play(self, topic: str, recorded: Recorded) -> list[Outcome]:
        """Brings in a message, after the ticks of the clock that are due, and serves what can run.

        Args:
            topic: the topic in the manifest that it is for.
            recorded: the message.

        Returns:
            The outcomes of the runs that it made possible, mostly one.
        """
        ticks = [(CLOCK, tick) for tick in self._ticks.until(recorded.recorded_ns)]
        return [outcome for one in (*ticks, (topic, recorded)) for outcome in self._serve(*one)]

    def stats(self) -> Stats:
        """Returns the statistics since the start."""
        return self._monitor.stats(monotonic_ns(), self._loop.missing())

    def _serve(self, topic: str, recorded: Recorded) -> list[Outcome]:
        self._now_ns = recorded.stamp_ns
        self._monitor.received('', topic, monotonic_ns(), 0, recorded.stamp_ns)
        self._loop.receive(self._stream, topic, recorded, recorded.stamp_ns)
        self._loop.serve_waiting()
        if self._monitor.sentence:
            self._results.outcomes.append(Outcome(recorded, error=self._monitor.sentence))
            self._monitor.sentence = ''
        outcomes, self._results.outcomes = self._results.outcomes, []
        return outcomes


def types_of(pipeline: Pipeline) -> dict[str, str]:
    """Returns the message type of each topic in the manifest that the model needs."""
    return {item.source.topic: item.sensor.message_type for item in pipeline.wiring.sources}
