"""Means of what frames tell over blocks of about a second: single frames depend on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import add

REPEATS = 'repeats'
"""Share of frames that tell exactly what the frame before told; nearly none of a live camera."""
HASH = 'content_hash'
"""Ending of names of numbers that only tell whether frames are the same."""


@dataclass(frozen=True, slots=True)
class BlockRule:
    """Rule that ends a block: when it is so long, and has so many frames.

    Attributes:
        seconds: least length [s]; 0 where stamps mean nothing.
        frames: fewest frames; a slower stream makes longer blocks, whose means are as steady.
    """

    seconds: float = 1.0
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """Means over a block.

    Attributes:
        means: by name; NaN where no frame told anything.
        begun_ns: stamp of its first frame [ns].
        frames: how many frames it has.
    """

    means: Mapping[str, float]
    begun_ns: int
    frames: int


class BlockMaker:
    """Makes blocks of the frames of one stream.

    Args:
        rule: says when a block ends.
    """

    def __init__(self, rule: BlockRule) -> None:
        self._least_ns, self._least_frames = round(rule.seconds * 1e9), rule.frames
        self._last: Mapping[str, float] = {}
        self._names: tuple[str, ...] = ()
        self._begin(0)

    def add(
        self, stamp_ns: int, measures: Mapping[str, float], signals: Mapping[str, float]
    ) -> Block | None:
        """Adds a frame; returns the block that ends before it, if one does.

        A stamp that jumps back begins anew, and so do other names; what was collected is
        forgotten.

        Args:
            stamp_ns: of the frame [ns].
            measures: what goes in, by name.
            signals: what comes out, by name.
        """
        block = None
        names = (*measures, *signals)
        if not self._frames or stamp_ns < self._begun_ns or names != self._names:
            self._names = names
            self._begin(stamp_ns)
        elif stamp_ns - self._begun_ns >= self._least_ns and self._frames >= self._least_frames:
            block = self._block()
            self._begin(stamp_ns)
        self._collect((*measures.values(), *signals.values()))
        if measures:
            self._repeated += measures == self._last
            self._last = measures
        return block

    def _begin(self, stamp_ns: int) -> None:
        self._begun_ns, self._frames, self._repeated = stamp_ns, 0, 0
        self._sums = [0.0] * len(self._names)
        self._unknown = [0] * len(self._names)

    def _collect(self, values: tuple[float, ...]) -> None:
        self._frames += 1
        if not math.isfinite(sum(values)):  # rarely looked at one by one
            for at, value in enumerate(values):
                self._unknown[at] += not math.isfinite(value)
            values = tuple(value if math.isfinite(value) else 0.0 for value in values)
        self._sums = list(map(add, self._sums, values))

    def _block(self) -> Block:
        counts = [self._frames - unknown for unknown in self._unknown]
        means = {
            name: total / count if count else math.nan
            for name, total, count in zip(self._names, self._sums, counts, strict=True)
            if not name.endswith(HASH)
        }
        if self._last:
            means[REPEATS] = self._repeated / self._frames
        return Block(means, self._begun_ns, self._frames)
