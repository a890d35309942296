"""Where the executor leaves messages for the worker: the newest one of each camera wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Any

from ml_integration.ros.inference.rhythm import Rhythm


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, its number since activation, its arrival [ns, steady clock] and its camera."""

    message: Any
    sequence: int
    arrived_ns: int
    camera: int = 0


@dataclass(slots=True, eq=False)
class _Slot:
    """One camera's letter, how many it had, and which of all letters taken was its last one."""

    letter: Letter | None = None
    sequence: int = 0
    served: int = 0
    rhythm: Rhythm = field(default_factory=Rhythm)


class Mailbox:
    """Holds at most one letter per camera. Thread-safe.

    Args:
        cameras: how many there are.
        timeout_ms: the longest that the first letter of a batch waits for others [ms].
        now_ns: the steady time [ns].
    """

    def __init__(
        self,
        cameras: int = 1,
        timeout_ms: float = 0.0,
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._condition = threading.Condition()
        self._slots = [_Slot() for _ in range(cameras)]
        self._timeout_ns = int(timeout_ms * 1e6)
        self._now_ns = now_ns
        self._served = 0
        self._closed = False

    def put(self, message: Any, now_ns: int, camera: int = 0) -> bool:
        """Leaves a message; returns whether it displaced one that nobody had taken."""
        with self._condition:
            slot = self._slots[camera]
            displaced = slot.letter is not None
            slot.letter = Letter(message, slot.sequence, now_ns, camera)
            slot.sequence += 1
            slot.rhythm.beat(now_ns)
            self._condition.notify()
            return displaced

    def take(self, most: int = 1) -> list[Letter]:
        """Waits for letters and takes them, at most one of each camera.

        A letter waits for those of other cameras that are due before its time is up. Where they
        are more than `most`, the cameras whose last turn is the longest ago have theirs.

        Returns:
            The letters in the order of the cameras; none when the mailbox is closed.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._full_slots())
            if most > 1:
                self._wait_for_more(most)
            if self._closed:
                return []
            turn = sorted(self._full_slots(), key=lambda slot: slot.served)[:most]
            letters = [self._taken(slot) for slot in turn]
            return sorted(letters, key=lambda letter: letter.camera)

    def close(self) -> None:
        """Lets the worker go; letters that are still here are dropped."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _full_slots(self) -> list[_Slot]:
        return [slot for slot in self._slots if slot.letter is not None]

    def _wait_for_more(self, most: int) -> None:
        arrivals = [slot.letter.arrived_ns for slot in self._slots if slot.letter is not None]
        deadline_ns = min(arrivals, default=0) + self._timeout_ns
        while not self._closed and len(self._full_slots()) < most:
            now_ns = self._now_ns()
            due = any(
                slot.rhythm.is_due(now_ns, deadline_ns)
                for slot in self._slots
                if slot.letter is None
            )
            if not due or now_ns >= deadline_ns:
                return
            self._condition.wait((deadline_ns - now_ns) / 1e9)

    def _taken(self, slot: _Slot) -> Letter:
        letter, slot.letter = slot.letter, None
        self._served += 1
        slot.served = self._served
        assert letter is not None
        return letter
