"""Tells whether the machine has CPU time that nobody wants."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic_ns
from typing import NamedTuple

import psutil

LOOK_NS = 250_000_000
"""Time that is looked at [ns]; the kernel counts in steps of 10 ms."""
LEAST_CPUS = 0.25
"""Least room [CPUs]. With less, what has a low priority is hardly ever scheduled, and keeps the
interpreter meanwhile from those who have a higher one."""
_SPARE, _GUEST = ('nice', 'idle', 'iowait'), ('guest', 'guest_nice')


class CpuTimes(NamedTuple):
    """Time of all CPUs together since the start [s].

    Attributes:
        spare: that was idle, or went to what is nice.
        whole: all of it.
        cpus: how many there are.
    """

    spare: float
    whole: float
    cpus: int


def read_cpu_times() -> CpuTimes | None:
    """Reads them; None where nobody tells."""
    try:
        times = psutil.cpu_times()._asdict()
    except (psutil.Error, OSError, ValueError, RuntimeError):
        return None
    spare = sum(times.get(name, 0.0) for name in _SPARE)
    # That of guests is in the others already.
    whole = sum(times.values()) - sum(times.get(name, 0.0) for name in _GUEST)
    return CpuTimes(spare, whole, psutil.cpu_count() or 1)


class SpareCpu:
    """Looks at the last quarter of a second. Used by one thread at a time.

    A limit of CPU time that the system sets for this process alone is not seen.

    Args:
        read: gives the times of the machine's CPUs.
        now_ns: the steady time [ns].
    """

    def __init__(
        self,
        read: Callable[[], CpuTimes | None] = read_cpu_times,
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._read = read
        self._now_ns = now_ns
        self._last = read()
        self._looked_ns = now_ns()
        self._spare = math.inf if self._last is None else 0.0

    def has_room(self, least: float = LEAST_CPUS) -> bool:
        """Tells whether there is some: not before that is known, and always if nobody tells.

        Args:
            least: room that is enough [CPUs]; 0: there is always some.
        """
        now_ns, last = self._now_ns(), self._last
        if last is not None and now_ns - self._looked_ns >= LOOK_NS:
            self._look(now_ns, last)
        return least <= 0 or self._spare >= least

    def _look(self, now_ns: int, last: CpuTimes) -> None:
        times = self._read()
        if times is not None and times.whole > last.whole:
            share = (times.spare - last.spare) / (times.whole - last.whole)
            self._spare = share * times.cpus
            self._last = times
        self._looked_ns = now_ns
