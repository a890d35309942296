"""Reads how long the threads of this process were ready to run and had no CPU."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

_TASKS = Path('/proc/self/task')
_NS = 1e9


class RunQueue:
    """Compares what Linux counts for each thread from one look to the next."""

    def __init__(self) -> None:
        self._before = _waited_ns()
        self._looked_s = time.monotonic()

    def look(self) -> float | None:
        """Returns the time without a CPU since the last look, all threads added up.

        Returns:
            In % of that time, so that three threads which waited all the time are 300; None
            where the system does not tell (CONFIG_SCHED_INFO of Linux does).
        """
        now, looked_s = _waited_ns(), time.monotonic()
        before, elapsed_s = self._before, looked_s - self._looked_s
        self._before, self._looked_s = now, looked_s
        if not now or elapsed_s <= 0:
            return None
        waited_ns = sum(waited - before.get(thread, 0) for thread, waited in now.items())
        return 100 * waited_ns / _NS / elapsed_s


def _waited_ns() -> dict[str, int]:
    """Returns the time of each thread in a CPU's queue since it began [ns], by its number."""
    waited: dict[str, int] = {}
    with suppress(OSError):
        for thread in _TASKS.iterdir():
            with suppress(OSError, ValueError, IndexError):  # it may have ended
                waited[thread.name] = int((thread / 'schedstat').read_text().split()[1])
    return waited
