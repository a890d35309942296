"""Runs the engine beside the serving model without taking the CPU from it."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from ml_integration.deploy.background import fulfill

T = TypeVar('T')

NICEST = 19
_TASKS = Path('/proc/self/task')
_POLL_S = 0.002
_SETTLED_S = 0.1
"""Time without growth after which a thread pool counts as complete, also on a busy machine [s]."""
_numbers = itertools.count()


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
        target=fulfill, args=(future, partial(_under_name, name, work)), name=name, daemon=True
    )
    thread.start()
    if _await_pool(future, name, before) and thread.native_id is not None:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread.native_id, NICEST)
    thread.join()
    return future.result()


def _under_name(name: str, work: Callable[[], T]) -> T:
    # The kernel's name of a thread, at most 15 characters, passes to those it starts.
    (_TASKS / str(threading.get_native_id()) / 'comm').write_text(name)
    return work()


def _await_pool(future: Future[T], name: str, before: set[str]) -> bool:
    """Waits until a thread pool has been started; false when the work was done without one."""
    seen = set[str]()
    changed_s = time.monotonic()
    poll_s = _POLL_S
    while not future.done():
        time.sleep(poll_s)
        poll_s = min(poll_s * 1.01, _SETTLED_S / 2)  # what takes long need not be seen at once
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
