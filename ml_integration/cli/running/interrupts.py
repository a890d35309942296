"""Lets a person end a long run and still have its results."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from ml_integration.cli.last_resort import ENGINES

T = TypeVar('T')


@contextmanager
def interruptible(interrupt: Callable[[], None]) -> Iterator[threading.Event]:
    """Sets an event at Ctrl-C instead of raising an error where no frame could tell it apart.

    Args:
        interrupt: ends what is under way; called when Ctrl-C comes again.
    """
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():  # asked twice: what is under way does not come back soon
            interrupt()
        stopped.set()

    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = signal.signal(signal.SIGINT, stop)
    ENGINES.append(interrupt)  # where Python is not asked, `stop` cannot be called either
    try:
        yield stopped
    finally:
        ENGINES.remove(interrupt)
        signal.signal(signal.SIGINT, before)


def until(stopped: threading.Event, items: Iterable[T]) -> Iterator[T]:
    """Yields items until the event is set."""
    for item in items:
        if stopped.is_set():
            return
        yield item
