"""Finds the result that a ground truth is about, by their stamps."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import numpy as np

MOST_RESULTS = 2048
MOST_TRUTHS = 256
"""As many wait for the other, whatever their size."""
SMALL_BYTES = 1024
"""About what a result takes besides its arrays."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Result that waits for its truth.

    Attributes:
        stamp_ns: of the frame [ns].
        result: a copy of the task's result; None if it was held back.
        task: made it.
    """

    stamp_ns: int
    result: Any
    task: Any


@dataclass(frozen=True, slots=True)
class Pair:
    """Result and the messages of its truth, by the name of their topic."""

    kept: Kept
    messages: Mapping[str, Any]


@dataclass(slots=True)
class _Truth:
    messages: dict[str, Any]
    serialized_bytes: int = 0


class TruthListener(Protocol):
    """Somebody else who wants to know the truth."""

    def truth(self, stream: str, stamp_ns: int, topic: str, message: Any, size: int) -> None:
        """Puts a message of a truth aside, and returns at once.

        Args:
            stream: '' for the only one of a node.
            stamp_ns: of the message [ns].
            topic: its name among those of the results.
            message: serialized or not.
            size: of the message [bytes].
        """


class Truths:
    """Results and truths of one stream that wait for each other.

    A truth belongs to the result of the same stamp, or to the nearest one within a tolerance as
    soon as a later result says that none comes that is nearer. A result has one truth at most.

    Args:
        topics: those that a truth consists of.

    Attributes:
        unmatched: truths that had no result: the frame was dropped, is forgotten or never was.
    """

    def __init__(self, topics: tuple[str, ...]) -> None:
        self._topics = topics
        self._results: dict[int, Kept] = {}
        self._stamps: list[int] = []
        self._bytes = 0
        self._newest_ns: int | None = None
        self._truths: dict[int, _Truth] = {}
        self._truth_bytes = 0
        self._ready: deque[Pair] = deque()
        self.unmatched = 0

    def add_result(self, kept: Kept, tolerance_ns: int, most_bytes: int) -> None:
        """Adds a result; stamps that go back mean that time began again.

        Args:
            kept: the result.
            tolerance_ns: distance of a truth that is not exact [ns].
            most_bytes: memory of results that wait; the oldest one goes first.
        """
        if self._newest_ns is not None and kept.stamp_ns < self._newest_ns:
            self._forget()
        if kept.stamp_ns not in self._results:
            self._stamps.append(kept.stamp_ns)
            self._bytes += size_of(kept.result)
        self._newest_ns = kept.stamp_ns
        self._results[kept.stamp_ns] = kept
        while len(self._stamps) > MOST_RESULTS or (self._bytes > most_bytes and self._stamps):
            self._drop(self._stamps[0])
        self._match(tolerance_ns)

    def add_truth(
        self,
        stamp_ns: int,
        topic: str,
        message: Any,
        serialized_bytes: int,
        tolerance_ns: int,
        most_bytes: int,
    ) -> None:
        """Adds one message of a truth; one of the same stamp and topic takes its place.

        Args:
            stamp_ns: of the message [ns].
            topic: its name among those of the results.
            message: serialized or not; it is not looked into.
            serialized_bytes: its size.
            tolerance_ns: distance of a truth that is not exact [ns].
            most_bytes: memory of truths that wait; the oldest one goes first.
        """
        truth = self._truths.setdefault(stamp_ns, _Truth({}))
        truth.messages[topic] = message
        truth.serialized_bytes += serialized_bytes
        self._truth_bytes += serialized_bytes
        while len(self._truths) > MOST_TRUTHS or self._truth_bytes > most_bytes:
            self._give_up(next(iter(self._truths)))
        self._match(tolerance_ns)

    def take(self) -> list[Pair]:
        """Returns the pairs that were found since the last call."""
        ready, self._ready = list(self._ready), deque()
        return ready

    @property
    def found(self) -> int:
        """Number of pairs that wait to be taken."""
        return len(self._ready)

    def _match(self, tolerance_ns: int) -> None:
        newest_ns = self._newest_ns
        for stamp_ns, truth in list(self._truths.items()):
            if len(truth.messages) < len(self._topics):
                continue
            is_over = newest_ns is not None and newest_ns >= stamp_ns
            found = stamp_ns if stamp_ns in self._results else None
            if found is None and is_over:
                found = self._nearest(stamp_ns, tolerance_ns)
            if found is not None:
                self._ready.append(Pair(self._results[found], truth.messages))
                self._drop(found)
                self._truth_bytes -= self._truths.pop(stamp_ns).serialized_bytes
            elif is_over:
                self._give_up(stamp_ns)

    def _nearest(self, stamp_ns: int, tolerance_ns: int) -> int | None:
        """Returns the stamp of the nearest result that is not too far away."""
        at = bisect_left(self._stamps, stamp_ns)
        near = self._stamps[max(at - 1, 0) : at + 1]
        best = min(near, key=lambda one: abs(one - stamp_ns), default=None)
        return best if best is not None and abs(best - stamp_ns) <= tolerance_ns else None

    def _drop(self, stamp_ns: int) -> None:
        self._bytes -= size_of(self._results.pop(stamp_ns).result)
        del self._stamps[bisect_left(self._stamps, stamp_ns)]

    def _give_up(self, stamp_ns: int) -> None:
        self._truth_bytes -= self._truths.pop(stamp_ns).serialized_bytes
        self.unmatched += 1

    def _forget(self) -> None:
        self.unmatched += len(self._truths)
        self._results, self._stamps, self._bytes = {}, [], 0
        self._truths, self._truth_bytes = {}, 0


def size_of(result: Any) -> int:
    """Returns about how much memory a result takes [bytes]: that of its arrays and a bit."""
    if not is_dataclass(result):
        return SMALL_BYTES
    parts = [getattr(result, one.name) for one in fields(result)]
    arrays = sum(one.nbytes for one in parts if isinstance(one, np.ndarray))
    return SMALL_BYTES + arrays + sum(size_of(one) for one in parts if is_dataclass(one))
