"""Runs work beside the serving model without taking the CPU from it."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from ml_integration.errors import SupersededError

T = TypeVar('T')

NICEST = 19
SWITCH_S = 2e-4
"""Time a thread may keep the interpreter while others wait [s]; Python's own 5 ms are too long
when that thread hardly gets a CPU because it is nice."""
_TASKS = Path('/proc/self/task')
_POLL_S = 0.002
_SETTLED_S = 0.1
"""Time without growth after which a thread pool counts as complete, also on a busy machine [s]."""
_numbers = itertools.count()


class Background(Generic[T]):
    """Runs the newest job in a thread, one job at a time.

    A job that has not begun when a newer one comes is superseded; one that has begun is told
    so when it asks.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._newest = 0
        self._pending = 0
        self._thread: threading.Thread | None = None
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))

    def submit(self, job: Callable[[Callable[[], None]], T]) -> Future[T]:
        """Starts `job(check)`; `check()` raises SupersededError when a newer one has come."""
        future: Future[T] = Future()
        with self._lock:
            self._newest += 1
            self._pending += 1
            number, before = self._newest, self._thread
            self._thread = threading.Thread(
                target=self._do, args=(job, future, number, before), name=self._name, daemon=True
            )
            self._thread.start()
        return future

    @property
    def busy(self) -> bool:
        """True while a job runs or waits."""
        return self._pending > 0

    def stop(self) -> None:
        """Supersedes the waiting job and waits for the running one."""
        with self._lock:
            self._newest += 1
            thread = self._thread
        if thread is not None:
            thread.join()

    def _do(
        self,
        job: Callable[[Callable[[], None]], T],
        future: Future[T],
        number: int,
        before: threading.Thread | None,
    ) -> None:
        def check() -> None:
            if number != self._newest:
                raise SupersededError()

        if before is not None:
            before.join()
        try:
            check()
            result = job(check)
        except BaseException as error:
            self._finished()
            future.set_exception(error)
        else:
            self._finished()
            future.set_result(result)

    def _finished(self) -> None:
        with self._lock:
            self._pending -= 1


class InOrder:
    """Runs jobs that may take long in a thread of its own, one after the other."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    def do(self, job: Callable[[], None]) -> Future[None]:
        """Queues a job and returns at once; after `finish` it runs the job itself instead."""
        try:
            future = self._executor.submit(job)
        except RuntimeError:
            future = Future()
            _fulfill(future, job)
        future.add_done_callback(_tell)
        return future

    def finish(self) -> None:
        """Returns when every job is done."""
        self._executor.shutdown()


def _tell(future: Future[None]) -> None:
    """Reports a job's exception as that of a thread, because nobody may ask for its result."""
    error = future.exception()
    if error is not None:
        sys.excepthook(type(error), error, error.__traceback__)


def nicely(work: Callable[[], T]) -> T:
    """Runs work in a thread of the lowest priority, and waits for it.

    Threads inherit niceness, and only a privileged process can take it back: a session whose
    pool was started by a nice thread would be slow for ever. A session starts its pool before
    it does its work, so the niceness comes when the thread has started others and no more
    follow. Threads that somebody else starts meanwhile, such as another node that loads a
    model, do not count. Work that starts no threads is done at normal priority, which is right
    for a model that is loaded already: its pool serves others.

    Only what the engine does belongs in here. A nice thread that runs Python may hold the
    interpreter while it gets no CPU, and then everybody waits for it.
    """
    future: Future[T] = Future()
    name, before = f'ml_nice_{next(_numbers) % 1_000_000}', _tasks()
    thread = threading.Thread(
        target=_fulfill, args=(future, partial(_under_name, name, work)), name=name, daemon=True
    )
    thread.start()
    if _await_pool(future, name, before) and thread.native_id is not None:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread.native_id, NICEST)
    thread.join()
    return future.result()


def _fulfill(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def _under_name(name: str, work: Callable[[], T]) -> T:
    # The kernel's name of a thread, at most 15 characters, passes to those it starts.
    (_TASKS / str(threading.get_native_id()) / 'comm').write_text(name)
    return work()


def _await_pool(future: Future[T], name: str, before: set[str]) -> bool:
    """Waits until a thread pool has been started; false when the work was done without one."""
    seen = set[str]()
    changed_s = time.monotonic()
    while not future.done():
        time.sleep(_POLL_S)
        new = {task for task in _tasks() - before - _python_tasks() if _name(task) == name}
        if new != seen:
            seen, changed_s = new, time.monotonic()
        elif new and time.monotonic() - changed_s > _SETTLED_S:
            return True
    return False


def _tasks() -> set[str]:
    return {task.name for task in _TASKS.iterdir()}


def _name(task: str) -> str:
    try:
        return (_TASKS / task / 'comm').read_text().rstrip()
    except OSError:  # it has ended
        return ''


def _python_tasks() -> set[str]:
    """Returns the threads that Python has started, so that the others are the engine's."""
    return {str(thread.native_id) for thread in threading.enumerate()}
