"""Keeps a thread at work on frames, and lets another one go on when it does not come back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from time import monotonic_ns

from ml_integration.core.arrivals import MS
from ml_integration.core.cpus import keep_thread_on
from ml_integration.core.left_behind import leave_behind, left_behind
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.watchdog import WATCHDOG, Watched

GRACE_MS = 1000.0
"""Time after its limit in which the engine may still end a run by itself [ms]."""
FINISH_S, INTERRUPTED_S = 1.0, 0.3
"""Time in which an observation has to be finished when the work is stopped, and then to end when
it is interrupted [s]."""


class Worker:
    """Thread that serves batches, until it is retired because it does not come back from one.

    Args:
        work: what the thread does.
        late: is called when it does not come back.

    Attributes:
        thread: serves.
        busy_since_ns: when work on the current batch began [ns, steady clock]; 0 if there is none.
        pipeline: the one that the batch is in, if there is one.
        retired: whether another one has taken its place.
    """

    def __init__(self, work: Callable[[Worker], None], late: Callable[[Worker], None]) -> None:
        self.thread = threading.Thread(target=work, args=(self,), name='ml_frames', daemon=True)
        self.busy_since_ns = 0
        self.pipeline: Pipeline | None = None
        self.retired = False
        self._late = partial(late, self)
        self._cpus = frozenset[int]()
        self._watched: Watched | None = None

    def begin(self, limit_ms: float) -> None:
        """Begins a batch, from which it should come back within `limit_ms` and some grace."""
        self.busy_since_ns = now_ns = monotonic_ns()
        self._watched = WATCHDOG.watch(now_ns + int((limit_ms + GRACE_MS) * MS), self._call_late)

    def end(self) -> None:
        """Ends a batch."""
        self.busy_since_ns = 0
        if self._watched is not None:
            WATCHDOG.leave(self._watched)
        if self.retired and self.pipeline is not None:
            self.pipeline.stuck = False  # it has come back after all
        self.pipeline = None  # which may be replaced, and has to be closed then

    def begin_anew(self, limit_ms: float) -> None:
        """Begins the batch under way once more, with the time that it has from now on."""
        self.end()
        self.begin(limit_ms)

    def keep_to(self, cpus: frozenset[int]) -> None:
        """Keeps the thread to some CPUs; to all of the process if empty.

        Called by another thread it does nothing: who serves by hand goes on with other work, and
        what the main thread keeps to is all that the process seems to have.
        """
        if cpus != self._cpus and threading.current_thread() is self.thread:
            self._cpus = cpus
            keep_thread_on(cpus)

    def interrupt(self) -> None:
        """Ends the run of the engine that is under way, if it can be ended."""
        pipeline = self.pipeline
        if pipeline is not None:
            pipeline.interrupt()

    def retire(self) -> Pipeline | None:
        """Leaves the thread behind; it sees to it that nobody notices it any more.

        Returns:
            The pipeline that it hangs in.
        """
        self.retired, pipeline = True, self.pipeline
        if pipeline is not None:
            pipeline.stuck = True
        model = pipeline.model.identity if pipeline is not None else 'no model'
        leave_behind(self.thread, f'a frame of {model}')
        return pipeline

    def _call_late(self) -> None:
        threading.Thread(target=self._late, name='ml_late', daemon=True).start()


class Shift:
    """Keeps one worker at work until it is stopped.

    Args:
        work: what a worker does until it is retired, or there is nothing more to do.
        lost: is called after another worker has taken the place of one that hangs in a pipeline.
    """

    def __init__(self, work: Callable[[Worker], None], lost: Callable[[Pipeline], None]) -> None:
        self._work = work
        self._lost = lost
        self._lock = threading.Lock()
        self.stopped = False
        WATCHDOG.start()
        self.worker = Worker(work, self._replace)

    def start(self) -> None:
        self.worker.thread.start()

    def stop(self, close: Callable[[], None]) -> None:
        """Ends the work after the batch under way; if that hangs, it is left behind.

        Args:
            close: takes the work from the worker.
        """
        with self._lock:
            self.stopped, worker = True, self.worker
        close()
        if not worker.thread.is_alive():
            return
        # What hangs already has cost the time that others would have.
        worker.thread.join(INTERRUPTED_S if left_behind() else FINISH_S)
        if worker.thread.is_alive():
            worker.interrupt()
            worker.thread.join(INTERRUPTED_S)
        if worker.thread.is_alive():
            worker.retire()

    def _replace(self, worker: Worker) -> None:
        with self._lock:
            if self.stopped or worker is not self.worker or not worker.busy_since_ns:
                return
            pipeline = worker.retire()
            self.worker = Worker(self._work, self._replace)
            self.worker.thread.start()
        if pipeline is not None:
            pipeline.interrupt()
            self._lost(pipeline)
