"""Holds the pipeline that serves: a lease per frame, retired when the last lease ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import ModelError


class _Occupant:
    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.leases = 0
        self.retired = False


class Slot:
    """One serving pipeline that can be replaced between two frames. Thread-safe.

    Args:
        pipeline: what serves first.
        retire: is called once with each pipeline that was replaced, when its last lease has
            ended, on the thread that ended it.
    """

    def __init__(
        self, pipeline: Pipeline, retire: Callable[[Pipeline], None] = Pipeline.close
    ) -> None:
        self._lock = threading.Lock()
        self._frame_ended = threading.Condition(self._lock)
        self._frames = 0
        self._retire = retire
        self._occupant: _Occupant | None = _Occupant(pipeline)

    @contextmanager
    def lease(self) -> Iterator[Pipeline]:
        """Keeps the serving pipeline open while a frame is in it.

        Raises:
            ModelError: the slot is closed.
        """
        with self._lock:
            occupant = self._occupant
            if occupant is None:
                raise ModelError('no model is loaded')
            occupant.leases += 1
        try:
            yield occupant.pipeline
        finally:
            with self._lock:
                occupant.leases -= 1
                self._frames += 1
                self._frame_ended.notify_all()
                last = occupant.retired and not occupant.leases
            if last:
                self._retire(occupant.pipeline)

    def await_gap(self, timeout_s: float) -> None:
        """Returns when a frame has just ended, so that the next one is not there yet.

        Args:
            timeout_s: the longest to wait [s], as there may be no frames.
        """
        with self._lock:
            frames = self._frames
            self._frame_ended.wait_for(lambda: self._frames != frames, timeout_s)

    def swap(self, pipeline: Pipeline) -> None:
        """Serves `pipeline` from the next frame on."""
        self._replace(_Occupant(pipeline))

    def close(self) -> None:
        """Serves nothing from now on; frames under way are finished."""
        self._replace(None)

    def _replace(self, new: _Occupant | None) -> None:
        with self._lock:
            old, self._occupant = self._occupant, new
            idle = False
            if old is not None:
                old.retired = True
                idle = not old.leases
        if old is not None and idle:
            self._retire(old.pipeline)
