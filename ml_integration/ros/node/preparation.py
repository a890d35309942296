"""Does the slow part of a transition on a thread of its own, while the executor goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

from ml_integration.core.left_behind import join_or_leave

PATIENCE_S = 1.0
"""Time in which one that is not wanted any more has to end before it is left behind [s]."""


class Preparation:
    """Work under way that puts what it acquires on a stack of its own.

    Args:
        work: is given the stack; it makes no ROS entities.
    """

    def __init__(self, work: Callable[[ExitStack], None]) -> None:
        self._work = work
        self._resources = ExitStack()
        self._lock = threading.Lock()
        self._error: Exception | None = None
        self._abandoned = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._do, name='ml_prepare', daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """True when the work has ended, in whatever way."""
        return self._done.is_set()

    def take(self) -> ExitStack:
        """Waits for the end, and hands over what was acquired.

        Raises:
            Exception: what the work raised; everything is released then.
        """
        self._done.wait()
        error, self._error = self._error, None  # whose traceback leads here
        try:
            if error is not None:
                raise error
            return self._resources.pop_all()
        finally:
            del error

    def abandon(self) -> None:
        """Waits shortly for the end, and releases what was acquired, as soon as it has."""
        with self._lock:
            self._abandoned = True
            done = self.done
        if done:
            self._resources.close()
            return
        join_or_leave(self._thread, PATIENCE_S, 'a transition')

    def _do(self) -> None:
        try:
            self._work(self._resources)
        except Exception as error:
            self._error = error
        with self._lock:
            released = self._abandoned or self._error is not None
            if not released:
                self._done.set()
        if released:
            self._resources.close()
            self._done.set()
        del self  # the error's traceback has this frame, and must not lead to itself
