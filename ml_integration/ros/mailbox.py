"""Where the executor leaves a message for the worker: the newest one wins."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, its number since activation and its arrival [ns, steady clock]."""

    message: Any
    sequence: int
    arrived_ns: int


class Mailbox:
    """Holds at most one letter. Thread-safe."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._letter: Letter | None = None
        self._sequence = 0
        self._closed = False

    def put(self, message: Any, now_ns: int) -> bool:
        """Leaves a message; returns whether it displaced one that nobody had taken."""
        with self._condition:
            displaced = self._letter is not None
            self._letter = Letter(message, self._sequence, now_ns)
            self._sequence += 1
            self._condition.notify()
            return displaced

    def take(self) -> Letter | None:
        """Waits for a letter and takes it; None when the mailbox is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._letter is not None or self._closed)
            letter, self._letter = self._letter, None
            return None if self._closed else letter

    def close(self) -> None:
        """Lets the worker go; a letter that is still here is dropped."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
