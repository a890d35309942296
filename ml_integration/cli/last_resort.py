"""Ends a program by Ctrl-C while an engine holds its main thread and Python is not asked."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

PATIENCE_S = 1.0
"""Time between two Ctrl-C from which the first one was not obeyed [s]."""
AGAIN_S = 10.0
"""Time after which another Ctrl-C is a first one [s]."""
INTERRUPTED = 130
ENGINES: list[Callable[[], None]] = []
"""What ends the runs of a verb that goes on behind them; without any, the process ends."""


@contextmanager
def ended_by_second_interrupt() -> Iterator[None]:
    """Ends the process at a second Ctrl-C, if the main thread has not run Python since the first.

    A signal's handler runs between two steps of Python; a model without an end has no such steps.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread = threading.Thread(target=_watch, args=(reading,), name='ml_interrupt', daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)  # ends the thread
        thread.join()
        os.close(reading)


def _watch(reading: int) -> None:
    first, stood = -AGAIN_S, ('', 0)
    while number := os.read(reading, 1):
        if number[0] != signal.SIGINT:
            continue
        now = monotonic()
        if now - first >= AGAIN_S or stood != _place():
            first, stood = now, _place()
        elif now - first >= PATIENCE_S:
            if not ENGINES:
                os._exit(INTERRUPTED)
            for engine in ENGINES:
                engine()


def _place() -> tuple[str, int]:
    """Returns where the main thread is: the same place after a second, if it is held."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    return ('', 0) if frame is None else (str(id(frame)), frame.f_lasti)
