"""Watches look beside the frames: at what goes in, at what comes out, and at the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ml_integration.core.datatypes import Prediction
from ml_integration.core.findings import Finding, Level
from ml_integration.core.pipeline import Pipeline

Value = str | int | float | None
"""One number or one text on `/diagnostics`; None: not known."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One run as the watches see it, after its result went out.

    Attributes:
        stream: '' for the only stream of a node.
        now_ns: the time [ns, steady clock].
        measures: what the encoders tell of the newest frames, by name.
        signals: what the task tells of the result without labels, by name.
        prediction: the frames, the result and the verdict.
        pipeline: what made it.
        lent: whether it was lent the frame, to be tried, and another one serves.
    """

    stream: str
    now_ns: int
    measures: Mapping[str, float]
    signals: Mapping[str, float]
    prediction: Prediction
    pipeline: Pipeline
    lent: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Judgment of one concern in one second, with the numbers behind it.

    Attributes:
        finding: the judgment; the one judge steadies it.
        values: pairs of a key, with its unit, and a value. What is not known is None; a key never
            goes away for it.
    """

    finding: Finding
    values: tuple[tuple[str, Value], ...]


class Watch(Protocol):
    """Watches one concern of a node; a status of `/diagnostics` tells what it has found.

    It lasts as long as the node. `take` is called on the thread of the frame loop, everything else
    on that of the executor.
    """

    concern: str
    """Name of the status, such as 'content'."""
    of_frames: bool
    """True if there is nothing to be told of a node that is not active."""

    def begin(self, now_ns: int) -> None:
        """Forgets everything: the node is being activated [ns, steady clock]."""

    def take(self, seen: Seen) -> None:
        """Takes one run; the next frame waits for it."""

    def look(self, now_ns: int) -> Look:
        """Judges what is known, once a second; it returns at once and keeps its keys."""


def idle_look(watch: Watch, state: str, now_ns: int) -> Look:
    """Looks at a node that is not active: the same keys, without what only frames can tell.

    Args:
        watch: the watch.
        state: of the node's lifecycle.
        now_ns: the time [ns, steady clock].
    """
    look = watch.look(now_ns)
    if not watch.of_frames:
        return look
    idle = Finding(watch.concern, Level.OK, state)
    return Look(idle, tuple((key, None) for key, _ in look.values))
