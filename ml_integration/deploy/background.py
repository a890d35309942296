"""Runs work beside the serving model without taking the CPU from it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from time import monotonic_ns
from typing import Generic, TypeVar

from ml_integration.core.cpus import keep_thread_on
from ml_integration.core.left_behind import join_or_leave, leave_behind, left_behind
from ml_integration.core.watchdog import WATCHDOG, Watched
from ml_integration.deploy.job import Job
from ml_integration.errors import (
    LoadTimeoutError,
    SupersededError,
    SwapError,
)

T = TypeVar('T')

SWITCH_S = 2e-4
"""Time a thread may keep the interpreter while others wait [s]; Python's own 5 ms are too long
when that thread hardly gets a CPU because it is nice."""
GRACE_S = 2.0
"""Time after its limit in which a job may still end by itself [s]."""
SUPERSEDED_S = 5.0
"""Time in which a superseded job has to end [s]."""
STOP_S = 1.0
"""Time in which everything has to end when its owner goes [s]."""


class _Request(Generic[T]):
    """Work that was asked for, and who does it."""

    def __init__(self, work: Callable[[Job], T], model: str, limit_s: float, urgent: bool) -> None:
        self.work = work
        self.model = model
        self.limit_s = limit_s
        self.urgent = urgent
        self.future: Future[T] = Future()
        self.job: Job | None = None
        self.watched: Watched | None = None
        self.thread: threading.Thread | None = None


class Background(Generic[T]):
    """Does the newest request in a thread, one at a time, each within its time.

    A request that waits when a newer one comes is superseded; one that is being done is told to
    end. What does not come back within its time is left behind, and the next one gets another
    thread. There is no more than one thread, apart from those.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._running: _Request[T] | None = None
        self._waiting: _Request[T] | None = None
        self._closed = False
        WATCHDOG.start()
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))

    def submit(
        self, work: Callable[[Job], T], model: str, limit_s: float, urgent: bool = False
    ) -> Future[T]:
        """Starts `work(job)`, or lets it wait until the one under way has ended.

        Args:
            work: has to call `job.check` before it changes anything.
            model: `name@version` of the model that it loads.
            limit_s: time that it has [s].
            urgent: let no request that is not urgent supersede it.
        """
        request = _Request(work, model, limit_s, urgent)
        with self._lock:
            refused = self._enqueue(request)
            running = self._running
        if running is not None and running is not request and not (running.urgent > urgent):
            self._end(running)
        if refused is not None:
            other = refused is request and not self._closed
            refused.future.set_exception(
                SwapError('a rollback is under way', hint='Ask again.')
                if other
                else SupersededError()
            )
        return request.future

    @property
    def busy(self) -> bool:
        """True while something is done or waits."""
        return self._running is not None or self._waiting is not None

    @property
    def job(self) -> Job | None:
        """Job that is being done, if there is one."""
        running = self._running
        return running.job if running is not None else None

    def supersede(self) -> None:
        """Ends what is under way, and what waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
            running = self._running
        if waiting is not None:
            waiting.future.set_exception(SupersededError())
        if running is not None:
            self._end(running)

    def close(self) -> None:
        """Ends everything, and refuses what comes from now on."""
        with self._lock:
            self._closed = True
        self.supersede()

    def stop(self, patience_s: float = STOP_S) -> None:
        """Ends everything and takes nothing any more.

        Args:
            patience_s: the longest to wait for what is under way [s]; then it is left behind.
        """
        self.close()
        with self._lock:
            self._idle.wait_for(lambda: self._running is None, patience_s)
            running = self._running
        if running is not None and running.job is not None:
            self._abandon(running, running.job)

    def _enqueue(self, request: _Request[T]) -> _Request[T] | None:
        """Begins a request or lets it wait; returns one that is not done; with the lock."""
        waiting = self._waiting
        if self._closed or (waiting is not None and waiting.urgent > request.urgent):
            return request
        self._waiting = request
        if self._running is None:
            self._begin()
        return waiting

    def _begin(self) -> None:
        """Begins what waits; with the lock."""
        self._running, self._waiting = self._waiting, None
        request = self._running
        if request is None:
            self._idle.notify_all()
            return
        request.job = job = Job(request.model, request.limit_s)
        request.thread = threading.Thread(
            target=self._do, args=(request, job), name=self._name, daemon=True
        )
        ring = threading.Thread(target=self._abandon, args=(request, job), daemon=True).start
        request.watched = WATCHDOG.watch(job.until_ns + int(GRACE_S * 1e9), ring)
        request.thread.start()

    def _end(self, request: _Request[T]) -> None:
        """Makes a request end soon; if it does not, the next one must not wait for long.

        When something hangs already it gets its full time, so that requests for models that
        only open slowly do not pile up.
        """
        job, soon_ns = request.job, monotonic_ns() + int(SUPERSEDED_S * 1e9)
        with self._lock:
            watched = request.watched
            due = request is self._running and watched is not None and not left_behind()
            if due and watched is not None and watched.until_ns > soon_ns:
                WATCHDOG.leave(watched)
                request.watched = WATCHDOG.watch(soon_ns, watched.ring)
        if job is not None:
            job.end(SupersededError())

    def _do(self, request: _Request[T], job: Job) -> None:
        keep_thread_on(())  # a frame's thread, which keeps to few CPUs, may have started this one
        outcome: Future[T] = Future()
        fulfill(outcome, partial(_begun, request.work, job))
        if self._finish(request):  # otherwise nobody waits for it any more
            fulfill(request.future, outcome.result)
        del request, outcome, job  # as in `fulfill`

    def _abandon(self, request: _Request[T], job: Job) -> None:
        """Leaves a request behind that has not come back within its time."""
        job.end(LoadTimeoutError(job.model, job.limit_s, hangs=True))
        with self._lock:
            if request is self._running and request.thread is not None:
                leave_behind(request.thread, f'loading {job.model}')
        if self._finish(request):
            request.future.set_exception(job.ended or SupersededError())

    def _finish(self, request: _Request[T]) -> bool:
        """Goes on to the next request; false if somebody else has done so already."""
        with self._lock:
            if request is not self._running:
                return False
            if request.watched is not None:
                WATCHDOG.leave(request.watched)
                request.watched = None  # it leads back here
            self._begin()
            return True


class InOrder:
    """Runs jobs that may take long in a thread of its own, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._queue: SimpleQueue[tuple[Callable[[], None], Future[None]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._finished = False

    def do(self, job: Callable[[], None]) -> Future[None]:
        """Queues a job and returns at once; after `finish` it runs the job itself instead."""
        future: Future[None] = Future()
        future.add_done_callback(_tell)
        with self._lock:
            finished = self._finished
            if not finished:
                self._queue.put((job, future))
            if not finished and self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
                self._thread.start()
        if finished:
            fulfill(future, job)
        return future

    def finish(self, patience_s: float = STOP_S) -> None:
        """Returns when every job is done; what hangs longer than that [s] is left behind."""
        with self._lock:
            self._finished, thread = True, self._thread
            self._queue.put(None)
        if thread is not None:
            join_or_leave(thread, patience_s, self._name)

    def _loop(self) -> None:
        while (item := self._queue.get()) is not None:
            job, future = item
            fulfill(future, job)


def _tell(future: Future[None]) -> None:
    """Reports a job's exception as that of a thread, because nobody may ask for its result."""
    error = future.exception()
    if error is not None:
        sys.excepthook(type(error), error, error.__traceback__)


def fulfill(future: Future[T], work: Callable[[], T]) -> None:
    """Does work and gives a future what it returns or raises."""
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
    finally:
        del future, work  # the error's traceback has this frame, and must not lead to itself


def _begun(work: Callable[[Job], T], job: Job) -> T:
    job.check()
    return work(job)
