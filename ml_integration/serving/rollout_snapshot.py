"""What is to be told of a rollout."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.rollout.judgment import Evidence
from ml_integration.serving.shadow import NO_COUNTS, Counts
from ml_integration.store.state.rollout_state import RolloutState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A rollout at one moment.

    Attributes:
        state: of the rollout.
        share: of the frames that the candidate gets, from 0 to 1.
        opening: whether a step waits for models to be open.
        seconds: since the step began [s].
        frames: that the candidate has seen in it.
        reason: why it is where it is, or what it waits for.
        evidence: what each criterion knows.
        counts: of what was compared in spare time.
    """

    state: RolloutState
    share: float = 0.0
    opening: bool = False
    seconds: float = 0.0
    frames: int = 0
    reason: str = ''
    evidence: tuple[Evidence, ...] = ()
    counts: Counts = NO_COUNTS
