"""Lends pipelines to frames; a replaced pipeline is closed after its last lease has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic_ns
from typing import Literal
from weakref import ref

from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.probation import Trial
from ml_integration.deploy.turns import Share, Turns
from ml_integration.errors import ModelError

Role = Literal['serving', 'candidate']


@dataclass(frozen=True, slots=True)
class Lease:
    """Keeps a pipeline open while frames are in it, and records their outcomes.

    Attributes:
        pipeline: runs the frames.
        role: whether it serves or is a candidate.
        record: records the outcome of one frame (True: good) for this pipeline's model, even if
            another one serves by then.
        anew: whether another model had the slice of time before: what this one remembers is old.
    """

    pipeline: Pipeline
    role: Role
    record: Callable[[bool], None]
    anew: bool = False


class _Occupant:
    """Pipeline in the router, with the trial of its model while that is not proven."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.trial: Trial | None = None
        self.leases = 0


def _nobody(pipeline: Pipeline) -> None:
    """Ignores news of a pipeline."""


def _any(pipeline: Pipeline) -> bool:
    """Says of every candidate that it can run."""
    return True


class Router:
    """Lends each frame the serving pipeline, or the candidate for a share of the frames.

    A pipeline that neither serves, nor is a candidate, nor is kept is retired when its last lease
    has ended. Thread-safe.

    Args:
        retire: is called once with each pipeline that is not needed any more, on the thread that
            ended its last lease or took its place.
        proven: is called once with each pipeline that has passed its trial, on the thread that
            recorded the last outcome.
        useful: is called once with each pipeline whose first frame on trial was good, likewise.
        now_ns: the steady time [ns].
    """

    def __init__(
        self,
        retire: Callable[[Pipeline], None] = Pipeline.close,
        proven: Callable[[Pipeline], None] = _nobody,
        useful: Callable[[Pipeline], None] = _nobody,
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._retire = retire
        self._proven = proven
        self._useful = useful
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._lease_ended = threading.Condition(self._lock)
        self._ended = 0
        self._occupants: list[_Occupant] = []
        self._serving: _Occupant | None = None
        self._kept: _Occupant | None = None
        self._candidate: _Occupant | None = None
        self._turns = Turns(Share(0.0), 0)
        self._last: ref[_Occupant] | None = None

    @property
    def pipeline(self) -> Pipeline:
        """Pipeline that serves at the moment.

        Raises:
            ModelError: nothing does.
        """
        serving = self._serving
        if serving is None:
            raise ModelError('no model is loaded')
        return serving.pipeline

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """Pipelines that are open: the serving one, the candidate and the kept one."""
        with self._lock:
            needed = (self._serving, self._candidate, self._kept)
            return tuple(item.pipeline for item in needed if item is not None)

    @contextmanager
    def lease(self, can_run: Callable[[Pipeline], bool] = _any) -> Iterator[Lease]:
        """Keeps a pipeline open while a frame, or several that came together, are in it.

        Args:
            can_run: whether a candidate could have them; they are the serving one's otherwise.

        Raises:
            ModelError: nothing serves.
        """
        with self._lock:
            occupant, role = self._route(can_run)
            anew = self._turns.sliced and self._takes_over(occupant)
            occupant.leases += 1
        try:
            yield Lease(occupant.pipeline, role, partial(self._record, occupant), anew)
        finally:
            self._give_back(occupant)

    @contextmanager
    def lease_serving(self) -> Iterator[Lease]:
        """Keeps the serving pipeline open for frames that the candidate could not do.

        Raises:
            ModelError: nothing serves.
        """
        with self._lock:
            occupant = self._serving
            if occupant is None:
                raise ModelError('no model is loaded')
            occupant.leases += 1
        try:
            yield Lease(occupant.pipeline, 'serving', partial(self._record, occupant))
        finally:
            self._give_back(occupant)

    def await_gap(self, timeout_s: float) -> None:
        """Waits until a lease ends, so that the next frame is likely not there yet.

        Args:
            timeout_s: the longest to wait [s], as there may be no frames.
        """
        with self._lock:
            ended = self._ended
            self._lease_ended.wait_for(lambda: self._ended != ended, timeout_s)

    def swap(
        self, pipeline: Pipeline, trial: Trial | None = None, keep: Pipeline | None = None
    ) -> None:
        """Serves `pipeline` from the next frame on.

        Args:
            pipeline: the new one, the candidate or the kept one.
            trial: counts its outcomes; None if its model has proven itself.
            keep: the pipeline to keep open; it served or was kept until now.
        """
        with self._lock:
            kept = self._find(keep)
            self._serving = self._enter(pipeline, trial)
            self._kept = kept if kept is not self._serving else None
            if self._candidate is self._serving:
                self._candidate = None
            idle = self._take_idle()
        self._retire_all(idle)

    def keep(self, pipeline: Pipeline) -> None:
        """Keeps a pipeline open beside the serving one; another one is not kept any more."""
        with self._lock:
            self._kept = self._enter(pipeline, None)
            idle = self._take_idle()
        self._retire_all(idle)

    def drop_kept(self) -> None:
        """Keeps no pipeline any more beside the serving one and the candidate."""
        with self._lock:
            self._kept = None
            idle = self._take_idle()
        self._retire_all(idle)

    def try_out(self, pipeline: Pipeline, share: Share, trial: Trial | None = None) -> None:
        """Gives a candidate a share of the work, evenly spaced, from the next frame on.

        Args:
            pipeline: the candidate; another one before it is withdrawn.
            share: of the frames, or of the time.
            trial: counts its outcomes.
        """
        with self._lock:
            self._candidate = self._enter(pipeline, trial)
            self._turns = Turns(share, self._now_ns())
            idle = self._take_idle()
        self._retire_all(idle)

    def withdraw(self) -> None:
        """Gives the candidate no more frames."""
        with self._lock:
            self._candidate = None
            idle = self._take_idle()
        self._retire_all(idle)

    def close(self) -> None:
        """Retires every pipeline; frames under way are finished first."""
        with self._lock:
            self._serving = self._candidate = self._kept = None
            idle = self._take_idle()
        self._retire_all(idle)

    def _route(self, can_run: Callable[[Pipeline], bool]) -> tuple[_Occupant, Role]:
        if self._serving is None:
            raise ModelError('no model is loaded')
        if self._candidate is None:
            return self._serving, 'serving'
        due, candidate = self._turns.is_candidates(self._now_ns()), self._candidate.pipeline
        if due and not candidate.stuck and can_run(candidate):
            return self._candidate, 'candidate'
        return self._serving, 'serving'

    def _takes_over(self, occupant: _Occupant) -> bool:
        """Tells whether another one had the frame before."""
        last, self._last = self._last, ref(occupant)
        return last is not None and last() is not occupant

    def _give_back(self, occupant: _Occupant) -> None:
        with self._lock:
            occupant.leases -= 1
            self._ended += 1
            self._lease_ended.notify_all()
            idle = self._take_idle()
        self._retire_all(idle)

    def _record(self, occupant: _Occupant, good: bool) -> None:
        with self._lock:
            trial = occupant.trial
            passed = trial is not None and trial.passed(good)
            first = good and trial is not None and trial.good_frames == 1
            if passed:
                occupant.trial = None
        if first:
            self._useful(occupant.pipeline)
        if passed:
            self._proven(occupant.pipeline)

    def _find(self, pipeline: Pipeline | None) -> _Occupant | None:
        return next((item for item in self._occupants if item.pipeline is pipeline), None)

    def _enter(self, pipeline: Pipeline, trial: Trial | None) -> _Occupant:
        """Returns the pipeline's entry, a new one unless it is still open, with a new trial."""
        occupant = self._find(pipeline)
        if occupant is None:
            occupant = _Occupant(pipeline)
            self._occupants.append(occupant)
        occupant.trial = trial
        return occupant

    def _take_idle(self) -> list[_Occupant]:
        needed = (self._serving, self._candidate, self._kept)
        idle = [item for item in self._occupants if not item.leases and item not in needed]
        if idle:
            self._occupants = [item for item in self._occupants if item not in idle]
        return idle

    def _retire_all(self, idle: list[_Occupant]) -> None:
        for occupant in idle:
            self._retire(occupant.pipeline)
