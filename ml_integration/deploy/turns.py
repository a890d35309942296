"""Says whose turn it is while a candidate serves a share of the frames; no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ml_integration.core.pipeline import Pipeline

SLICE_S = 10.0
"""Shortest time for which a model that follows things over time serves [s]: what it has learned
of them would be forgotten at each change."""


@dataclass(frozen=True, slots=True)
class Share:
    """Part of the work that a candidate gets.

    Attributes:
        part: 0 to 1.
        slice_s: time of each turn [s], in which all frames go to the same model; 0: each frame is
            a turn.
    """

    part: float
    slice_s: float = 0.0


def share_for(pipelines: Iterable[Pipeline], part: float, slice_s: float = SLICE_S) -> Share:
    """Returns how a candidate may share the work: in slices where results build on others.

    Args:
        pipelines: the candidate, and what serves.
        part: of the work, 0 to 1.
        slice_s: length of a slice [s].
    """
    in_slices = any(pipeline.remembers for pipeline in pipelines)
    return Share(part, slice_s if in_slices else 0.0)


class Turns:
    """Spaces the turns of a candidate evenly: turn n is its own if floor((n + 1) s) > floor(n s).

    Args:
        share: s, and whether a turn is a frame or a slice of time.
        now_ns: when the first slice begins [ns, steady clock].
    """

    def __init__(self, share: Share, now_ns: int) -> None:
        self._share = share
        self._since_ns = now_ns
        self._frames = 0

    @property
    def sliced(self) -> bool:
        """True if all frames of a slice of time belong to the same model."""
        return self._share.slice_s > 0

    def is_candidates(self, now_ns: int) -> bool:
        """Tells whether the next frame is the candidate's.

        Args:
            now_ns: the time [ns, steady clock].
        """
        number = self._frames
        self._frames += 1
        if self.sliced:
            number = int((now_ns - self._since_ns) / (self._share.slice_s * 1e9))
        part = self._share.part
        return int((number + 1) * part) > int(number * part)
