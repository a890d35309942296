"""Serves observations on a thread: take, prepare, run, finish, publish, record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic_ns, sleep
from typing import Any

from ml_integration.core.arrivals import MS, Arrival, Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.inputs import KeepRule
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.pair import Pair, Side
from ml_integration.core.work import Work
from ml_integration.deploy.router import Lease, Router
from ml_integration.errors import DeadlineError, MessageError
from ml_integration.serving.frame_record import FrameRecord
from ml_integration.serving.loop_settings import DEFAULTS, LoopSettings
from ml_integration.serving.shift import Shift, Worker
from ml_integration.serving.sides import side_of, side_of_error
from ml_integration.serving.streams import Mailbox, Sink, Stream, Turn

PAUSE_S = 0.1
"""Pause after a fault that no observation caused, so that a lasting one takes no CPU [s]."""
WARM_MARGIN_S = 1.0
"""Longest wait beyond its window for a model that is to take over [s]."""


@dataclass(frozen=True, slots=True)
class _Running:
    """Observation that is ready to run, with its stream."""

    turn: Turn
    work: Work


Sides = list[tuple[Turn, Side]]
"""What became of observations in one model."""


def _ignore(pipeline: Pipeline, sentence: str) -> None:
    """Does not mind that a pipeline is unfit."""


def _not_judged(pair: Pair) -> None:
    """Does not mind how a candidate does."""


class FrameLoop:
    """Serves the newest observation of each stream, on a thread of its own, until it is stopped.

    A thread that does not come back from an observation is left behind, and another one goes on
    with the model that serves then. An observation that a candidate could not do, or of which it
    gave no valid result, goes to the model that serves, unless it is too old by then.

    Args:
        router: lends the pipeline, and records the outcomes.
        streams: the streams to serve.
        monitor: counts how the observations end.
        clock_ns: gives the time of the clock that stamps messages [ns].
        log: is called with the sentences that a person should read.
        settings: time limits; other ones may take their place while it runs.
        unfit: is called with a pipeline that did not come back from an observation in time, and
            with a sentence; it returns soon.
        judge: is called with each observation that a candidate was lent and could not do, after
            the other result is out; it returns soon.

    Attributes:
        candidate_timeout_ms: longest time of a frame in a candidate that was lent it, if it is
            shorter than for all [ms].
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
        judge: Callable[[Pair], None] = _not_judged,
    ) -> None:
        self._router = router
        self._streams = tuple(streams)
        self._by_name = {stream.name: stream for stream in streams}
        self._record = FrameRecord(monitor, clock_ns, log)
        self.settings = settings
        self._mailbox = Mailbox(self._streams, settings.batch_timeout_ms)
        self._unfit = unfit
        self._judge = judge
        self.candidate_timeout_ms = math.inf
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
        self._record.displaced(stream.name, now_ns, displaced)

    def refuse(self, stream: Stream, topic: str, error: MessageError) -> None:
        """Counts a message that no model could use; it is the publisher's fault, not a model's.

        Args:
            stream: the stream of the message.
            topic: the topic in the manifest that it came on.
            error: what is wrong with it.
        """
        self._record.failed(error, stream.name)
        self._record.tell_error(f"message on '{topic}' refused", error, stream.name)

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

    def seen_with(self, pipeline: Pipeline, stream: str, trigger: Arrival) -> Observation | None:
        """Returns what a pipeline sees with a trigger that another one has run on.

        Args:
            pipeline: it is fed from now on, until `forget`.
            stream: name of the trigger's stream.
            trigger: of an observation that was taken.

        Returns:
            None if it lacks messages.
        """
        return self._mailbox.seen_with(pipeline, self._by_name[stream], trigger)

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
            if lease.anew:
                for stream in self._streams:
                    lease.pipeline.forget(stream.name)
            sides: Sides | None = [] if lease.role == 'candidate' else None
            if sides is not None and worker.busy_since_ns:
                worker.begin_anew(self._timeout_ms(lease))
            self._run(worker, lease, self._mailbox.take(lease.pipeline), sides)
        missed = [one for one in sides or () if not one[1].valid]
        if missed and not worker.retired:
            self._serve_instead(worker, missed)

    def _run(
        self, worker: Worker, lease: Lease, turns: Sequence[Turn], sides: Sides | None
    ) -> None:
        """Takes some observations through a pipeline together.

        Args:
            worker: who does it.
            lease: of the pipeline.
            turns: no more than can run together.
            sides: what became of them is added, if somebody wants to know.
        """
        worker.pipeline = lease.pipeline
        deadline_ns = monotonic_ns() + int(self._timeout_ms(lease) * MS)
        running: list[_Running] = []
        for turn in turns:
            with self._costs(worker, lease, sides, turn):
                one = self._begin(lease.pipeline, turn, len(running))
                if one is not None:
                    running.append(one)
        if not running or worker.retired:
            return
        with self._costs(worker, lease, sides, *(one.turn for one in running)):
            lease.pipeline.infer([one.work for one in running], deadline_ns)
            for one in running:
                if worker.retired:
                    return
                with self._costs(worker, lease, sides, one.turn):
                    self._end(lease, one, sides)

    def _serve_instead(self, worker: Worker, missed: Sides) -> None:
        """Serves what a candidate could not do with the model that serves, and tells of both."""
        sides: Sides = []
        if worker.busy_since_ns:  # the time that the candidate took is not this one's
            worker.begin_anew(self.settings.frame_timeout_ms)
        with self._router.lease_serving() as lease:
            turns = self._anew(lease.pipeline, [turn for turn, _ in missed])
            for first in range(0, len(turns), lease.pipeline.batch_size):
                self._run(worker, lease, turns[first:][: lease.pipeline.batch_size], sides)
        stable = {turn.stream.name: side for turn, side in sides}
        for turn, side in missed:
            name, stamp_ns = turn.stream.name, turn.observation.stamp_ns
            try:
                self._judge(Pair(name, stamp_ns, monotonic_ns(), stable.get(name), side))
            except Exception as error:  # the result is out
                self._record.spectator_failed('rollout', error, name)

    def _anew(self, pipeline: Pipeline, turns: Sequence[Turn]) -> list[Turn]:
        """Returns turns as another pipeline sees them; one that it cannot see has failed."""
        again = []
        for turn in turns:
            stream, trigger = turn.stream, turn.observation.trigger
            seen = None if pipeline.stuck else self.seen_with(pipeline, stream.name, trigger)
            if seen is None:
                reason = f'the candidate failed, and {pipeline.model.identity} cannot see it'
                self._record.lost(reason, stream.name)
                continue
            restarted = turn.observation.restarted
            again.append(Turn(stream, seen._replace(restarted=restarted), 0))
        return again

    def _lose(self, pipeline: Pipeline) -> None:
        """Tells of a frame that never came back; another worker goes on already."""
        sentence = self._timed_out(pipeline)
        self._record.left_behind(sentence)
        self._unfit(pipeline, sentence)

    def _timeout_ms(self, lease: Lease) -> float:
        of_all = self.settings.frame_timeout_ms
        return min(of_all, self.candidate_timeout_ms) if lease.role == 'candidate' else of_all

    def _timed_out(self, pipeline: Pipeline) -> str:
        limit_ms = self.settings.frame_timeout_ms
        if pipeline not in self._router.pipelines[:1]:  # the one that serves
            limit_ms = min(limit_ms, self.candidate_timeout_ms)
        return f'a frame of {pipeline.model.identity} did not come back within {limit_ms:g} ms'

    def _begin(self, pipeline: Pipeline, turn: Turn, row: int) -> _Running | None:
        """Prepares an observation for the model; None if it is too old."""
        stream, observation = turn.stream, turn.observation
        now_ns = monotonic_ns()
        self._record.displaced(stream.name, now_ns, turn.displaced)
        if observation.restarted:
            what = 'time has jumped back; states and windows start anew'
            self._record.tell(what, '', stream.name)
        deadline_ms = self.settings.deadline_ms
        if deadline_ms and self._record.age_ms(observation) > deadline_ms:
            if observation.restarted:
                pipeline.forget(stream.name)
            self._record.stale(stream.name, now_ns)
            return None
        return _Running(turn, pipeline.prepare(observation, row))

    def _end(self, lease: Lease, one: _Running, sides: Sides | None) -> None:
        """Makes a result of the model's outputs and publishes it."""
        stream, observation = one.turn.stream, one.turn.observation
        prediction = lease.pipeline.finish(one.work)
        if sides is not None:
            sides.append((one.turn, side_of(prediction)))
        if lease.role == 'candidate' and not prediction.verdict.ok:
            lease.record(False)
            detail = prediction.verdict.reasons[0].detail
            self._record.tell('candidate invalid', detail, stream.name)
            return
        run_ns = monotonic_ns()
        stream.results.take(observation, prediction, lease.pipeline)
        done_ns = monotonic_ns()
        lease.record(prediction.verdict.ok)
        self._record.completed(one.turn, prediction, run_ns, done_ns)
        for spectator in stream.spectators:
            self._show(spectator, one, prediction, lease.pipeline)

    def _show(
        self, spectator: Sink, one: _Running, prediction: Prediction, pipeline: Pipeline
    ) -> None:
        try:
            spectator.take(one.turn.observation, prediction, pipeline)
        except BaseException as error:  # the result is out: this costs the spectator alone
            self._record.spectator_failed(spectator.name, error, one.turn.stream.name)

    @contextmanager
    def _costs(
        self, worker: Worker, lease: Lease, sides: Sides | None, *turns: Turn
    ) -> Iterator[None]:
        """Counts an exception inside as the failure of these observations, and goes on.

        Those of a candidate have not failed yet: the model that serves gets them as well.
        """
        try:
            yield
        except BaseException as error:  # a plug-in may even end the program, or its thread
            if worker.retired or (self._shift.stopped and isinstance(error, DeadlineError)):
                return
            streams = [turn.stream.name for turn in turns]
            candidate = lease.role == 'candidate'
            for turn in turns:
                lease.record(False)
                if sides is not None:
                    sides.append((turn, side_of_error(error)))
                if not candidate:
                    self._record.failed(error, turn.stream.name)
                with suppress(Exception):  # as with spectators: it costs nobody else
                    turn.stream.failed(turn.observation, lease.pipeline, str(error))
            about = 'candidate failed' if candidate else 'frame dropped'
            self._record.tell_error(about, error, ', '.join(streams))
            if isinstance(error, DeadlineError):
                self._unfit(lease.pipeline, self._timed_out(lease.pipeline))

    def _failed(self, error: BaseException) -> None:
        self._record.failed(error, None)
        self._record.tell_error('frame dropped', error, '')
