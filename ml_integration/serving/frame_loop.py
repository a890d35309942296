"""Serves observations on a thread: take, prepare, run, finish, publish, record."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic, monotonic_ns, sleep
from typing import Any

from ml_integration.core.arrivals import MS, Arrival, Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.inputs import KeepRule
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.work import Work
from ml_integration.deploy.router import Lease, Router
from ml_integration.errors import DeadlineError, MessageError, MlIntegrationError
from ml_integration.serving.loop_settings import DEFAULTS, LoopSettings
from ml_integration.serving.shift import Shift, Worker
from ml_integration.serving.streams import Mailbox, Sink, Stream, Turn

LOG_PERIOD_S = 5.0
PAUSE_S = 0.1
"""Pause after a fault that no observation caused, so that a lasting one takes no CPU [s]."""
WARM_MARGIN_S = 1.0
"""Longest wait beyond its window for a model that is to take over [s]."""


@dataclass(frozen=True, slots=True)
class _Running:
    """Observation that is ready to run, with its stream."""

    turn: Turn
    work: Work


def _ignore(pipeline: Pipeline, sentence: str) -> None:
    """Does not mind that a pipeline is unfit."""


class FrameLoop:
    """Serves the newest observation of each stream, on a thread of its own, until it is stopped.

    A thread that does not come back from an observation is left behind, and another one goes on
    with the model that serves then.

    Args:
        router: lends the pipeline, and records the outcomes.
        streams: the streams to serve.
        monitor: counts how the observations end.
        clock_ns: gives the time of the clock that stamps messages [ns].
        log: is called with the sentences that a person should read.
        settings: time limits; other ones may take their place while it runs.
        unfit: is called with a pipeline that did not come back from an observation in time, and
            with a sentence; it returns soon.
    """

    def __init__(
        self,
        router: Router,
        streams: Sequence[Stream],
        monitor: Monitor,
        clock_ns: Callable[[], int],
        log: Callable[[str], None],
        settings: LoopSettings = DEFAULTS,
        unfit: Callable[[Pipeline, str], None] = _ignore,
    ) -> None:
        self._router = router
        self._streams = tuple(streams)
        self._monitor = monitor
        self._clock_ns = clock_ns
        self._log = log
        self.settings = settings
        self._mailbox = Mailbox(self._streams, settings.batch_timeout_ms)
        self._unfit = unfit
        self._told_s: dict[str, float] = {}
        self._shift = Shift(self._loop, self._lose)

    def start(self) -> None:
        self.begin()
        self._shift.start()

    def begin(self) -> None:
        """Begins anew without a thread, for a caller who serves: nothing is waiting any more."""
        for stream in self._streams:
            stream.reset()
        for pipeline in self._router.pipelines:
            self._mailbox.feed(pipeline)

    def serve_waiting(self) -> None:
        """Serves what waits and can run, on the caller's thread."""
        while self._mailbox.can_run(self._router.pipeline):
            self.serve()

    def stop(self) -> None:
        """Finishes what is under way and ends the thread; if that hangs, it is left behind."""
        self._shift.stop(self._mailbox.close)
        for stream in self._streams:
            stream.reset()

    def receive(self, stream: Stream, topic: str, message: Any, stamp_ns: int) -> None:
        """Queues a message and returns at once; called by subscriptions and timers.

        Args:
            stream: the stream of the message.
            topic: the topic in the manifest that it came on, or `CLOCK`.
            message: as it came.
            stamp_ns: the publisher's stamp [ns]; the time of arrival where it has none.
        """
        now_ns = monotonic_ns()
        displaced = self._mailbox.put(stream, topic, message, stamp_ns, now_ns)
        if displaced:
            self._monitor.displaced(stream.name, now_ns, displaced)

    def refuse(self, stream: Stream, topic: str, error: MessageError) -> None:
        """Counts a message that no model could use; it is the publisher's fault, not a model's.

        Args:
            stream: the stream of the message.
            topic: the topic in the manifest that it came on.
            error: what is wrong with it.
        """
        self._count_failure(error, stream.name)
        self._tell(f"message on '{topic}' refused", _sentence(error), stream.name)

    def prepare(self, pipeline: Pipeline) -> None:
        """Starts to feed a pipeline; returns when it can serve, or after a bounded time.

        A kept one is fed already, and remembers what it saw when it served last.
        """
        for stream in self._streams:
            pipeline.forget(stream.name)
        self._mailbox.feed(pipeline)
        keeps = [item.source.keep for item in pipeline.wiring.inputs]
        windows_ms = (keep.limit_ms for keep in keeps if keep.rule is KeepRule.WINDOW)
        timeout_s = max(windows_ms, default=0.0) / 1e3 + WARM_MARGIN_S
        self._mailbox.wait_until_warm(pipeline, self._router.pipeline, timeout_s)

    def forget(self, pipeline: Pipeline) -> None:
        """Stops feeding a pipeline."""
        self._mailbox.forget(pipeline)

    def missing(self) -> dict[str, tuple[str, ...]]:
        """Returns the topics that the serving model still needs messages of, by stream."""
        return self._mailbox.missing(self._router.pipeline)

    def has_work(self) -> bool:
        """Tells whether something is under way, or waits and can run."""
        return self.busy_s() > 0 or self._mailbox.can_run(self._router.pipeline)

    def busy_s(self) -> float:
        """Returns the time since work on the current batch began [s]; 0 if there is none."""
        since_ns = self._shift.worker.busy_since_ns
        return (monotonic_ns() - since_ns) / 1e9 if since_ns else 0.0

    def _loop(self, worker: Worker) -> None:
        while not worker.retired:
            try:
                if not self._mailbox.wait(lambda: self._router.pipeline):
                    return
                worker.begin(self.settings.frame_timeout_ms)
                self.serve(worker)
            except BaseException as error:  # such as: no model is loaded; nothing ends the loop
                with suppress(BaseException):
                    self._failed(error)
                sleep(PAUSE_S)
            finally:
                worker.end()

    def serve(self, worker: Worker | None = None) -> None:
        """Serves one batch: at most one waiting observation of each stream.

        Args:
            worker: who serves it.
        """
        worker = worker or self._shift.worker
        with self._router.lease(self._mailbox.can_run) as lease:
            worker.keep_to(lease.pipeline.session.cpus)
            if lease.pipeline.stuck:
                sleep(PAUSE_S)
                return
            worker.pipeline = lease.pipeline
            deadline_ns = monotonic_ns() + int(self.settings.frame_timeout_ms * MS)
            running: list[_Running] = []
            for turn in self._mailbox.take(lease.pipeline):
                with self._costs(worker, lease, turn):
                    one = self._begin(lease.pipeline, turn, len(running))
                    if one is not None:
                        running.append(one)
            if not running or worker.retired:
                return
            with self._costs(worker, lease, *(one.turn for one in running)):
                lease.pipeline.infer([one.work for one in running], deadline_ns)
                for one in running:
                    if worker.retired:
                        return
                    with self._costs(worker, lease, one.turn):
                        self._end(lease, one)

    def _lose(self, pipeline: Pipeline) -> None:
        """Tells of a frame that never came back; another worker goes on already."""
        sentence = self._timed_out(pipeline)
        self._monitor.failed(sentence, monotonic_ns(), kind=DeadlineError.__name__)
        self._tell('frame dropped', f'{sentence} and was left behind', '')
        self._unfit(pipeline, sentence)

    def _timed_out(self, pipeline: Pipeline) -> str:
        limit_ms = self.settings.frame_timeout_ms
        return f'a frame of {pipeline.model.identity} did not come back within {limit_ms:g} ms'

    def _begin(self, pipeline: Pipeline, turn: Turn, row: int) -> _Running | None:
        """Prepares an observation for the model; None if it is too old."""
        stream, observation = turn.stream, turn.observation
        now_ns = monotonic_ns()
        if turn.displaced:
            self._monitor.displaced(stream.name, now_ns, turn.displaced)
        if observation.restarted:
            what = 'time has jumped back; states and windows start anew'
            self._tell(what, '', stream.name)
        deadline_ms = self.settings.deadline_ms
        if deadline_ms and self._age_ms(observation) > deadline_ms:
            if observation.restarted:
                pipeline.forget(stream.name)
            self._monitor.stale(stream.name, now_ns)
            return None
        return _Running(turn, pipeline.prepare(observation, row))

    def _end(self, lease: Lease, one: _Running) -> None:
        """Makes a result of the model's outputs and publishes it."""
        stream, observation = one.turn.stream, one.turn.observation
        prediction = lease.pipeline.finish(one.work)
        run_ns = monotonic_ns()
        stream.results.take(observation, prediction, lease.pipeline)
        done_ns = monotonic_ns()
        lease.record(prediction.verdict.ok)
        self._measure(one, prediction, run_ns, done_ns)
        for spectator in stream.spectators:
            self._show(spectator, one, prediction, lease.pipeline)

    def _measure(self, one: _Running, prediction: Prediction, run_ns: int, done_ns: int) -> None:
        arrival: Arrival = one.turn.observation.trigger
        publish_ms = (done_ns - run_ns) / MS
        # In the mailbox, and while other observations of the batch were in work.
        work_ms = publish_ms + sum(prediction.stage_ms.values())
        wait_ms = (done_ns - arrival.arrived_ns) / MS - work_ms
        stage_ms = {'wait': wait_ms, **prediction.stage_ms, 'publish': publish_ms}
        self._monitor.completed(
            one.turn.stream.name,
            prediction.verdict,
            self._age_ms(one.turn.observation),
            stage_ms,
            done_ns,
            prediction.together,
            prediction.omitted,
        )
        if prediction.verdict.ok and prediction.omitted:
            detail = prediction.omitted[0].detail
            self._tell('result incomplete', detail, one.turn.stream.name)

    def _age_ms(self, observation: Observation) -> float:
        """Returns the time since the stamp [ms], by the stamps' clock, which may be simulated.

        Of a stamp from the future nothing is known but that it came: it ages from then on.
        """
        age_ns = self._clock_ns() - observation.stamp_ns
        if age_ns < 0:
            age_ns = monotonic_ns() - observation.trigger.arrived_ns
        return age_ns / MS

    def _show(
        self, spectator: Sink, one: _Running, prediction: Prediction, pipeline: Pipeline
    ) -> None:
        try:
            spectator.take(one.turn.observation, prediction, pipeline)
        except BaseException as error:  # the result is out: this costs the spectator alone
            self._monitor.spectator_failed(spectator.name)
            self._tell(f'{spectator.name} failed', _sentence(error), one.turn.stream.name)

    @contextmanager
    def _costs(self, worker: Worker, lease: Lease, *turns: Turn) -> Iterator[None]:
        """Counts an exception inside as the failure of these observations, and goes on."""
        try:
            yield
        except BaseException as error:  # a plug-in may even end the program, or its thread
            if worker.retired or (self._shift.stopped and isinstance(error, DeadlineError)):
                return
            streams = [turn.stream.name for turn in turns]
            for turn in turns:
                lease.record(False)
                self._count_failure(error, turn.stream.name)
                with suppress(Exception):  # as with spectators: it costs nobody else
                    turn.stream.failed(turn.observation, lease.pipeline, str(error))
            self._tell('frame dropped', _sentence(error), ', '.join(streams))
            if isinstance(error, DeadlineError):
                self._unfit(lease.pipeline, self._timed_out(lease.pipeline))

    def _failed(self, error: BaseException) -> None:
        self._count_failure(error, None)
        self._tell('frame dropped', _sentence(error), '')

    def _count_failure(self, error: BaseException, stream: str | None) -> None:
        sentence = str(error) or type(error).__name__
        kind = type(error).__name__
        self._monitor.failed(_of(stream or '') + sentence, monotonic_ns(), stream, kind)

    def _tell(self, about: str, reason: str, stream: str) -> None:
        """Logs something about a stream unless the same was logged of it a moment ago."""
        now_s, about = monotonic(), _of(stream) + about
        if now_s - self._told_s.get(about, -LOG_PERIOD_S) >= LOG_PERIOD_S:
            self._told_s[about] = now_s
            self._log(f'{about}: {reason}' if reason else about)


def _of(stream: str) -> str:
    """Returns the beginning of a sentence about a stream; empty for the only one of a node."""
    return f'{stream}: ' if stream else ''


def _sentence(error: BaseException) -> str:
    """Returns an error in words; those that are not our own come with their traceback."""
    if isinstance(error, MlIntegrationError):
        return str(error)
    details = ''.join(traceback.format_exception(error))
    return f'{type(error).__name__}: {error}\n{details}'
