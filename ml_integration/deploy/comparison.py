"""Compares ways to execute a model, at the pace of a camera.

Threads that sleep between two frames wake up late, so a rate without pauses would tell something
else; and what costs least is taken unless another choice is clearly faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median

from ml_integration.core.contracts import Session
from ml_integration.core.cpus import doubling, keep_thread_on, thread_cpus
from ml_integration.core.datatypes import Tensors
from ml_integration.deploy.job import Job
from ml_integration.deploy.way import Load, Way, usual_way

LIMIT_S = 1.5
"""Longest time for runs; what has to be opened for them comes on top [s]."""
PERIOD_S = 1.0 / 30.0
"""Time from one run to the next, as a camera has it [s]."""
QUICK_MS = 1.0
"""Time of a run on one thread, up to which others are not worth being woken [ms]."""
SLOW_MS = 20.0
"""Time of a run on all threads from which they are surely worth it [ms]."""
SLOW_TO_OPEN_S = 1.0
"""Time of opening from which there is none left for a comparison [s]."""
TOLERANCE = 0.05
"""Share by which what costs less may be slower than the fastest."""
BLOCK, BLOCKS = 5, 3
"""Runs of a candidate one after another, the first of which does not count, and how often."""
LEAST_RUNS = 3
"""Runs that count without which nothing is known of a candidate."""


def cheapest(spent_ms: Mapping[Way, Sequence[float]]) -> Way | None:
    """Returns the first way that is about as fast as the fastest.

    Args:
        spent_ms: times of runs in each way [ms], the way that costs least first.

    Returns:
        None if there are too few runs of any to tell.
    """
    if any(len(every) < LEAST_RUNS for every in spent_ms.values()):
        return None
    medians = {way: median(every) for way, every in spent_ms.items()}
    good = (1.0 + TOLERANCE) * min(medians.values())
    return next(way for way, spent in medians.items() if spent <= good)


class Comparison:
    """Runs one model in several ways, at the pace of a camera. Used by one thread.

    Args:
        usual: the model, open in the usual way.
        open_in: opens it in another way.
        tensors: what it is run on.
        load: what it is used for.
        pause: waits for a gap between the frames of what serves.
        job: ends it.
        is_alone: whether nothing serves meanwhile.
    """

    def __init__(
        self,
        usual: Session,
        open_in: Callable[[Way], Session],
        tensors: Tensors,
        load: Load,
        pause: Callable[[], None],
        job: Job,
        is_alone: bool,
    ) -> None:
        self.sessions = {usual_way(): usual}
        self._usual = usual
        self._open_in = open_in
        self._tensors = tensors
        self.load = load
        self._pause = pause
        self._job = job
        self._period_s = PERIOD_S if is_alone else PERIOD_S / 2
        self._spent_ms: dict[Way, list[float]] = {}

    def best(self) -> Way | None:
        """Returns the way that costs least among the fastest; None if that cannot be told."""
        all_cpus, one = usual_way(), Way(1)
        if all_cpus == one or self._quickest_ms(all_cpus) > SLOW_MS:
            return None  # not to be remembered: the machine may only be busy now
        began_s = time.monotonic()
        self._session(one)
        if time.monotonic() - began_s > SLOW_TO_OPEN_S:
            return all_cpus
        if self._quickest_ms(one) <= QUICK_MS:
            return one
        # A load that would end in its time has to end in its time.
        left_s = (self._job.until_ns - time.monotonic_ns()) / 1e9
        limit_s = min(LIMIT_S, left_s / 4.0)
        more = [count for count in doubling(all_cpus.threads) if count > 1]
        counts = [one, *(Way(count, self.load.spinning) for count in more)]
        best = self._cheapest(counts, 2.0 * limit_s / 3.0)
        if best is None or best.spinning == 'never':
            return best
        return self._cheapest([Way(best.threads), best], limit_s / 3.0)

    def taken(self, way: Way) -> Session:
        """Returns the model open in a way; it is the caller's from then on."""
        session = self._session(way)
        del self.sessions[way]
        return session

    def close(self, discard: Callable[[Callable[[], None]], None]) -> None:
        """Closes what was opened and not taken.

        Args:
            discard: closes something, when it is called or later.
        """
        for session in self.sessions.values():
            if session is not self._usual:
                discard(session.close)
        self.sessions.clear()

    def told(self) -> str:
        """Returns the medians behind the choice; empty if there are none."""
        medians = {way: median(spent) for way, spent in self._spent_ms.items() if spent}
        return ''.join(f'; {way}: {spent:.1f} ms' for way, spent in medians.items())

    def _cheapest(self, ways: Sequence[Way], limit_s: float) -> Way | None:
        """Compares ways, those that cost least first, for some time [s]."""
        for way in ways:
            self._session(way)
        until_s = time.monotonic() + limit_s
        for _ in range(BLOCKS):
            for way in ways:
                self._run_block(way, until_s)
        return cheapest({way: self._spent_ms.get(way, []) for way in ways})

    def _run_block(self, way: Way, until_s: float) -> None:
        session = self._session(way)
        with _on_cpus(session.cpus):
            for number in range(BLOCK):
                if time.monotonic() >= until_s:
                    return
                time.sleep(self._period_s)
                self._pause()
                spent_ms = self._run_ms(session)
                if number:
                    self._spent_ms.setdefault(way, []).append(spent_ms)

    def _quickest_ms(self, way: Way) -> float:
        """Returns the time of the quickest of a few runs without pauses [ms]."""
        session = self._session(way)
        quickest_ms = float('inf')
        with _on_cpus(session.cpus):
            for _ in range(3):
                self._pause()
                quickest_ms = min(quickest_ms, self._run_ms(session))
                if quickest_ms > 2.0 * SLOW_MS:
                    break
        return quickest_ms

    def _run_ms(self, session: Session) -> float:
        self._job.interruptible(session.interrupt)
        began_s = time.perf_counter()
        session.run(self._tensors, self._job.until_ns)
        return 1e3 * (time.perf_counter() - began_s)

    def _session(self, way: Way) -> Session:
        session = self.sessions.get(way)
        if session is None:
            self._job.check()
            session = self.sessions[way] = self._open_in(way)
        return session


@contextmanager
def _on_cpus(cpus: Iterable[int]) -> Iterator[None]:
    """Keeps the calling thread on CPUs, as the frame loop's is with such a session."""
    before = thread_cpus()
    keep_thread_on(frozenset(cpus) or before)
    try:
        yield
    finally:
        keep_thread_on(before)
