"""Runs a candidate beside the model that serves, on the same observations, in spare time.

Both are run here, one after the other: the candidate, and an understudy of the model that serves.
Results and times are compared between these two, because they are then alike in everything but
the model: one thread, the lowest priority, the same observations seen and skipped before. What
the model that serves has done itself costs it nothing but handing over a reference. Its own result
would have to be copied while the next frame waits, its times are those of another priority and
other threads, and its memory is of frames that were skipped here.

Each of the two takes what it sees from an inbox of its own, by the trigger of the observation: a
new version may have other tensors, and windows of another length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic_ns
from typing import Protocol

from ml_integration.core.abilities import Comparing, Weighed
from ml_integration.core.arrivals import MS, Arrival, Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.pair import Pair, Side
from ml_integration.core.spare_cpu import SpareCpu
from ml_integration.errors import DeadlineError
from ml_integration.serving.offers import Offer, Offers
from ml_integration.serving.shift import Shift, Worker
from ml_integration.serving.sides import side_of, side_of_error

TIMEOUT_MS = 5000.0
"""Time after which an observation in a model does not come back any more [ms]."""


class Feeding(Protocol):
    """Keeps messages for pipelines, such as a frame loop."""

    def seen_with(self, pipeline: Pipeline, stream: str, trigger: Arrival) -> Observation | None:
        """Returns what a pipeline sees on a stream with a trigger; None if it lacks messages."""

    def forget(self, pipeline: Pipeline) -> None:
        """Keeps nothing for a pipeline any more."""


class Comparer(Protocol):
    """Somebody who compares results in a way of his own, such as with the truth."""

    def wants(self, stream: str) -> bool:
        """Tells whether he has any use for results of a stream."""

    def take(
        self,
        stream: str,
        models: tuple[Pipeline, Pipeline],
        stable: Prediction,
        candidate: Prediction,
    ) -> None:
        """Takes valid results of both models; the next run may overwrite them."""

    def end(self) -> None:
        """Forgets what waits: no more results of these models come."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Observations since the start.

    Attributes:
        run: both models have come back from them.
        skipped: there was no time for them, or messages of the candidate were missing.
        failed: the candidate ended with an error, did not come back, or its result is not valid.
        untold: whoever gets the pairs could not take one.
    """

    run: int = 0
    skipped: int = 0
    failed: int = 0
    untold: int = 0


NO_COUNTS = Counts()


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two models that are to be compared.

    Attributes:
        stable: an understudy of the model that serves, which nobody else uses.
        candidate: likewise of the new one.
    """

    stable: Pipeline
    candidate: Pipeline


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of an observation in one of the two."""

    side: Side
    prediction: Prediction | None = None


class Shadow:
    """Compares two models on what is served.

    The newest observation of each stream waits; one that waited before is skipped. The candidate
    can neither delay a result nor fail for anybody but itself: what hangs is ended by the engine,
    or left behind with its thread. On a machine without time to spare everything is skipped: a
    thread that is hardly ever scheduled would keep the interpreter from those that serve.

    Args:
        pairing: the models; their sessions should be nice ones of a single thread.
        feeding: gives what each of them sees.
        tell: gets the pairs, also of what was skipped, on the shadow's own thread.
        deadline_ms: gives the time after which a result is late [ms]; 0: never.
        timeout_ms: time after which a model does not come back from an observation [ms].
        has_room: tells whether the machine has time to spare; None: as the system says.
        comparer: gets the results as well.

    Attributes:
        apart: whether somebody else tells what became of what is served: then a pair has the
            other model's side only, and what was skipped is not told.
    """

    name = 'shadow'

    def __init__(
        self,
        pairing: Pairing,
        feeding: Feeding,
        tell: Callable[[Pair], None],
        deadline_ms: Callable[[], float] = lambda: 0.0,
        timeout_ms: float = TIMEOUT_MS,
        has_room: Callable[[], bool] | None = None,
        comparer: Comparer | None = None,
    ) -> None:
        self._pairing = pairing
        self._feeding = feeding
        self._tell = tell
        self._deadline_ms = deadline_ms
        self._timeout_ms = timeout_ms
        self._has_room = has_room or SpareCpu().has_room
        self._comparer = comparer
        self._offers = Offers()
        self._in_work: Offer | None = None
        self.apart = False
        self.counts = Counts()
        self._shift = Shift(self._loop, self._lose)
        self._shift.start()

    @property
    def has_lost_candidate(self) -> bool:
        """Whether the candidate hangs in a run that could not be ended."""
        return self._pairing.candidate.stuck

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Takes what was served just now, and returns at once."""
        self._offer(observation, pipeline, side_of(prediction, self._deadline_ms()))

    def failed(self, observation: Observation, pipeline: Pipeline, reason: str) -> None:
        """Takes an observation that the model that serves could not do."""
        self._offer(observation, pipeline, Side(math.nan, False, error='unknown'))

    def close(self) -> None:
        """Ends what is under way and closes both models; what hangs is closed when it is back."""
        self._shift.stop(self._offers.close)
        if self._comparer is not None:
            self._comparer.end()
        for pipeline in (self._pairing.stable, self._pairing.candidate):
            self._feeding.forget(pipeline)
        self._close_idle()

    def _offer(self, observation: Observation, pipeline: Pipeline, side: Side) -> None:
        stream, trigger = observation.stream, observation.trigger
        by = str(pipeline.model.identity)
        self._offers.add(Offer(stream, trigger, observation.restarted, by, side))

    def _loop(self, worker: Worker) -> None:
        while (offer := self._offers.next(lambda: worker.retired)) is not None:
            # Twice: one limit is for each of the models.
            worker.begin(2 * self._timeout_ms)
            try:
                self._compare(worker, offer)
            except BaseException:  # of whoever takes the pairs: measuring is no fault of a model
                self._count(untold=1)
            finally:
                worker.end()
        if worker.retired:
            self._close_idle()

    def _compare(self, worker: Worker, offer: Offer) -> None:
        """Runs both models on an observation and tells how they did."""
        for skipped in self._offers.take_skipped():
            self._skip(skipped)
        pairing = self._pairing
        both = (pairing.stable, pairing.candidate)
        if any(one.stuck for one in both):
            self._skip(offer)
            return
        if offer.restarted:
            for one in both:
                one.forget(offer.stream)
        if not self._has_room():
            self._skip(offer)
            return
        seen = {one: self._feeding.seen_with(one, offer.stream, offer.trigger) for one in both}
        if any(one is None for one in seen.values()):
            self._skip(offer)
            return
        self._in_work = offer
        # In turn, as the second one finds the picture in the CPU's cache.
        order = both if self.counts.run % 2 else both[::-1]
        outcomes = {}
        for pipeline in order:
            observation = seen[pipeline]
            assert observation is not None
            outcomes[pipeline] = self._run(worker, pipeline, observation)
            if worker.retired or self._offers.closed:
                return  # a run that was ended is no fault of a model
        self._in_work = None
        self._report(offer, outcomes[pairing.stable], outcomes[pairing.candidate])

    def _run(self, worker: Worker, pipeline: Pipeline, observation: Observation) -> _Outcome:
        """Runs one model; it costs only itself."""
        worker.pipeline = pipeline
        deadline_ns = monotonic_ns() + int(self._timeout_ms * MS)
        try:
            work = pipeline.prepare(observation)
            pipeline.infer([work], deadline_ns)
            prediction = pipeline.finish(work)
        except BaseException as error:  # a plug-in may even end the program, or its thread
            return _Outcome(side_of_error(error))
        return _Outcome(side_of(prediction, self._deadline_ms(), spare=True), prediction)

    def _report(self, offer: Offer, stable: _Outcome, candidate: _Outcome) -> None:
        difference, side = None, candidate.side
        if stable.side.valid and side.valid:
            try:
                difference = self._difference(stable, candidate)
            except Exception as error:  # a result that is not even of the task's type
                side = replace(side, valid=False, error=type(error).__name__)
        self._count(run=1, failed=int(not side.valid))
        sides: list[Side | None] = [stable.side, side]
        if self.apart:
            sides[self._is_candidates(offer)] = None
        self._hand_over(offer, sides[0], sides[1], difference)
        if stable.side.valid and side.valid:
            self._share(offer.stream, stable.prediction, candidate.prediction)

    def _share(self, stream: str, stable: Prediction | None, candidate: Prediction | None) -> None:
        """Shows the results to who else compares them."""
        comparer, models = self._comparer, (self._pairing.stable, self._pairing.candidate)
        if stable is None or candidate is None or comparer is None:
            return
        if comparer.wants(stream):
            comparer.take(stream, models, stable, candidate)

    def _difference(self, stable: _Outcome, candidate: _Outcome) -> tuple[float, float] | None:
        """Returns the disagreement and its weight; None where nothing can be compared."""
        task, model = self._pairing.stable.task, self._pairing.candidate.model
        if stable.prediction is None or candidate.prediction is None:
            return None
        if not isinstance(task, Comparing):
            return None
        first, second = stable.prediction.result, candidate.prediction.result
        found = task.compare(first, second, model)
        weight = found.weight if isinstance(found, Weighed) else 1.0
        return float(found.disagreement), float(weight)

    def _skip(self, offer: Offer) -> None:
        """Tells of an observation that only the model that served it has seen."""
        self._count(skipped=1)
        if not self.apart:
            served = (None, offer.side) if self._is_candidates(offer) else (offer.side, None)
            self._hand_over(offer, served[0], served[1], None)

    def _is_candidates(self, offer: Offer) -> bool:
        return offer.by == str(self._pairing.candidate.model.identity)

    def _hand_over(
        self,
        offer: Offer,
        stable: Side | None,
        candidate: Side | None,
        difference: tuple[float, float] | None,
    ) -> None:
        stamp_ns, now_ns = offer.trigger.stamp_ns, monotonic_ns()
        apart, weight = difference or (None, 1.0)
        self._tell(Pair(offer.stream, stamp_ns, now_ns, stable, candidate, apart, weight))

    def _count(self, run: int = 0, skipped: int = 0, failed: int = 0, untold: int = 0) -> None:
        now = self.counts
        self.counts = Counts(
            now.run + run, now.skipped + skipped, now.failed + failed, now.untold + untold
        )

    def _lose(self, pipeline: Pipeline) -> None:
        """Tells of a model that never came back; another worker goes on without it."""
        offer, self._in_work = self._in_work, None
        if offer is None:
            return
        lost = side_of_error(DeadlineError)
        if pipeline is self._pairing.candidate:
            self._count(failed=1)
            self._hand_over(offer, offer.side, lost, None)
        else:
            self._hand_over(offer, lost, None, None)

    def _close_idle(self) -> None:
        """Closes the models in which nothing hangs; a second time does nothing."""
        if not self._offers.closed:
            return
        for pipeline in (self._pairing.stable, self._pairing.candidate):
            if not pipeline.stuck:
                pipeline.close()
