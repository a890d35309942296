"""Lends pipelines to frames; a replaced pipeline is closed after its last lease has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.probation import Trial
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
    """

    pipeline: Pipeline
    role: Role
    record: Callable[[bool], None]


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
    """

    def __init__(
        self,
        retire: Callable[[Pipeline], None] = Pipeline.close,
        proven: Callable[[Pipeline], None] = _nobody,
        useful: Callable[[Pipeline], None] = _nobody,
    ) -> None:
        self._retire = retire
        self._proven = proven
        self._useful = useful
        self._lock = threading.Lock()
        self._lease_ended = threading.Condition(self._lock)
        self._ended = 0
        self._occupants: list[_Occupant] = []
        self._serving: _Occupant | None = None
        self._kept: _Occupant | None = None
        self._candidate: _Occupant | None = None
        self._share, self._routed = 0.0, 0

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
            occupant.leases += 1
        try:
            yield Lease(occupant.pipeline, role, partial(self._record, occupant))
        finally:
            with self._lock:
                occupant.leases -= 1
                self._ended += 1
                self._lease_ended.notify_all()
                idle = self._take_idle()
            self._retire_all(idle)

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

    def drop_kept(self) -> None:
        """Keeps no pipeline any more beside the serving one and the candidate."""
        with self._lock:
            self._kept = None
            idle = self._take_idle()
        self._retire_all(idle)

    def try_out(self, pipeline: Pipeline, share: float, trial: Trial | None = None) -> None:
        """Gives a candidate a share of the frames, evenly spaced, from the next frame on.

        Args:
            pipeline: the candidate; another one before it is withdrawn.
            share: of the frames, 0 to 1.
            trial: counts its outcomes.
        """
        with self._lock:
            self._candidate = self._enter(pipeline, trial)
            self._share, self._routed = share, 0
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
        before, self._routed = self._routed, self._routed + 1
        due = int(self._routed * self._share) > int(before * self._share)
        if due and can_run(self._candidate.pipeline):
            return self._candidate, 'candidate'
        return self._serving, 'serving'

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
