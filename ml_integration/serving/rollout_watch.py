"""Tells on `/diagnostics` how a rollout goes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from ml_integration.core.findings import Finding, Level
from ml_integration.core.rollout import criteria
from ml_integration.core.watches import Look, Seen, Value
from ml_integration.serving.rollout_snapshot import Snapshot
from ml_integration.store.state.rollout_state import Phase, RolloutState

CONCERN = 'rollout'
CRITERIA = (*criteria.EVERY, 'memory')


def _none() -> Snapshot:
    return Snapshot(RolloutState())


class RolloutWatch:
    """Tells of a rollout; a watch.

    Attributes:
        snapshot: gives it as it is.
    """

    concern = CONCERN
    of_frames = False

    def __init__(self) -> None:
        self.snapshot: Callable[[], Snapshot] = _none

    def forget(self) -> None:
        """Tells of no rollout any more."""
        self.snapshot = _none

    def begin(self, now_ns: int) -> None:
        """Has nothing to forget."""

    def take(self, seen: Seen) -> None:
        """Takes nothing: a witness sees the runs."""

    def look(self, now_ns: int) -> Look:
        snapshot = self.snapshot()
        halted = snapshot.state.phase is Phase.HALTED
        level = Level.WARN if halted else Level.OK
        sentence = snapshot.reason or 'no rollout'
        return Look(Finding(CONCERN, level, sentence), tuple(_values(snapshot)))


def _values(snapshot: Snapshot) -> Iterator[tuple[str, Value]]:
    state = snapshot.state
    yield 'phase', state.phase.value
    yield 'candidate', str(state.candidate)
    yield 'stable', str(state.stable)
    yield 'share [%]', 100.0 * snapshot.share
    yield 'opening', 'yes' if snapshot.opening else 'no'
    yield 'paused', 'yes' if state.paused else 'no'
    yield 'watched', 'yes' if state.watched else 'no'
    yield 'since [s]', snapshot.seconds
    yield 'frames', snapshot.frames
    yield 'compared', snapshot.counts.run
    yield 'skipped', snapshot.counts.skipped
    yield 'reason', state.reason
    known = {one.criterion: one for one in reversed(snapshot.evidence)}
    for name in CRITERIA:
        one = known.get(name)
        yield f'{name}', one.value if one is not None and not math.isnan(one.value) else None
        yield f'{name}: limit', one.limit if one is not None else None
        yield f'{name}: n', one.n if one is not None else None
