"""Rings when something has taken too long: one thread watches everything in a process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic_ns

OVERSLEPT_NS = 1_000_000_000
"""Delay of its own waking from which the watchdog concludes that the whole process stood still,
as after SIGSTOP or on a machine that is far too busy [ns]; nobody is to blame for such time."""
_NEVER_NS = 2**63 - 1


class Watched:
    """Something that may take until a time.

    Attributes:
        until_ns: when the alarm rings [ns, steady clock].
    """

    __slots__ = ('ring', 'until_ns')

    def __init__(self, until_ns: int, ring: Callable[[], object]) -> None:
        self.until_ns = until_ns
        self.ring = ring


class Watchdog:
    """Calls back when something that is watched has taken too long. Thread-safe.

    It costs each frame two short locks and no switch of threads: the thread sleeps until the
    earliest time that it knew when it fell asleep, and later ones do not wake it.

    Args:
        now_ns: the steady time [ns].
    """

    def __init__(self, now_ns: Callable[[], int] = monotonic_ns) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._watched: dict[Watched, None] = {}
        self._wake_ns = _NEVER_NS
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread, if it is not there yet.

        It inherits priority and CPUs from the calling thread, and passes them on to those that
        it starts when it rings, so that neither a nice nor a pinned thread should be the first.
        """
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name='ml_watch', daemon=True)
                self._thread.start()

    def watch(self, until_ns: int, ring: Callable[[], object]) -> Watched:
        """Starts to watch.

        Args:
            until_ns: when to call back unless `leave` comes first [ns, steady clock].
            ring: is called once, on the watchdog's thread, for which everything else waits: it
                must be quick and must not use the watchdog.
        """
        watched = Watched(until_ns, ring)
        if self._thread is None:
            self.start()
        with self._lock:
            self._watched[watched] = None
            if until_ns < self._wake_ns:
                self._wake_ns = until_ns
                self._changed.notify()
        return watched

    def leave(self, watched: Watched) -> None:
        """Stops watching; `ring` is not called from then on."""
        with self._lock:
            self._watched.pop(watched, None)

    def _loop(self) -> None:
        with self._lock:
            while True:
                self._sleep()
                now_ns = self._now_ns()
                late = [one for one in self._watched if one.until_ns <= now_ns]
                for one in late:
                    del self._watched[one]
                    one.ring()

    def _sleep(self) -> None:
        until_ns = min((one.until_ns for one in self._watched), default=_NEVER_NS)
        self._wake_ns = until_ns
        if until_ns == _NEVER_NS:
            self._changed.wait()
            return
        left_ns = until_ns - self._now_ns()
        if left_ns <= 0:
            return
        notified = self._changed.wait(min(left_ns / 1e9, threading.TIMEOUT_MAX))
        overslept_ns = self._now_ns() - until_ns
        if not notified and overslept_ns > OVERSLEPT_NS:
            for one in self._watched:
                one.until_ns += overslept_ns


WATCHDOG = Watchdog()
"""Watchdog of this process."""
