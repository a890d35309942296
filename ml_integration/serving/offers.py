"""Observations that were served and wait to be looked at again: the newest of each stream."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ml_integration.core.arrivals import Arrival
from ml_integration.core.rollout.pair import Side

MOST_SKIPPED = 1000
"""Observations that are remembered to have been skipped, at most, while nobody looks."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Observation that was served.

    Attributes:
        stream: that it belongs to.
        trigger: that it was taken with.
        restarted: whether time has jumped back since the last one that was looked at.
        by: `name@version` of the model that it was served by.
        side: what became of it there.
    """

    stream: str
    trigger: Arrival
    restarted: bool
    by: str
    side: Side


class Offers:
    """Keeps the newest offer of each stream; what waited before is skipped. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, Offer] = {}
        self._skipped: deque[Offer] = deque(maxlen=MOST_SKIPPED)
        self.closed = False

    def add(self, offer: Offer) -> None:
        """Lets an offer wait in the place of the one before it; returns at once."""
        with self._changed:
            before = self._waiting.get(offer.stream)
            if before is not None:
                self._skipped.append(before)
                offer = replace(offer, restarted=offer.restarted or before.restarted)
            self._waiting[offer.stream] = offer
            self._changed.notify()

    def next(self, is_over: Callable[[], bool]) -> Offer | None:
        """Waits for an offer, those of all streams in turn; None if there is nothing more to do.

        Args:
            is_over: tells, when something has changed, whether nobody wants one any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.closed or is_over() or self._waiting)
            if self.closed or is_over():
                return None
            return self._waiting.pop(next(iter(self._waiting)))

    def take_skipped(self) -> Iterator[Offer]:
        """Takes what was skipped, the oldest first."""
        while self._skipped:
            yield self._skipped.popleft()

    def close(self) -> None:
        """Lets nobody wait any more."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
