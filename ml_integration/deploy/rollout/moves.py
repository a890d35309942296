"""Moves of a rollout: the state after a decision, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ml_integration.core.rollout.judgment import Evidence, Judgment
from ml_integration.store.state.node_state import Edition, Rejection
from ml_integration.store.state.rollout_state import Phase, RolloutState


class Do(str, Enum):
    """What whoever holds the models has to do; the judge begins a stage where a step begins."""

    NOTHING = 'nothing'
    SHADOW = 'show the candidate every frame, in spare time'
    SHARE = 'give the candidate its share of the frames'
    PROMOTE = 'serve the candidate, and keep the stable model open'
    TAKE_BACK = 'serve the stable model from the next frame on, and close the candidate'
    PARK = 'give the candidate no frames, unless it is promoted, and keep it open'
    FINISH = 'close the model that was stable before'


STEPS = (Do.SHADOW, Do.SHARE, Do.PROMOTE)
"""What begins a step."""


@dataclass(frozen=True, slots=True)
class Move:
    """A decision.

    Attributes:
        state: after it; to be stored before anything is done.
        do: what to do.
        sentence: for the audit log and the log; empty if there is nothing new to tell.
        evidence: what the sentence rests on.
    """

    state: RolloutState
    do: Do = Do.NOTHING
    sentence: str = ''
    evidence: Sequence[Evidence] = ()


def step_into(
    state: RolloutState, phase: Phase, step: int, why: str, evidence: Sequence[Evidence] = ()
) -> Move:
    """Takes the candidate into a phase, with nothing known of it there."""
    do = {Phase.SHADOW: Do.SHADOW, Phase.CANARY: Do.SHARE, Phase.PROMOTED: Do.PROMOTE}[phase]
    new = replace(
        state,
        phase=phase,
        step=step,
        halted_in=Phase.IDLE,
        paused=False,
        ready=False,
        watched=False,
        interrupted=False,
        running=True,
        waits_from_s=-1.0,
        reason=why,
    )
    return Move(new, do, why, evidence)


def ended(state: RolloutState, seconds: float, why: str) -> Move:
    """Takes the candidate back without a word against it: it may be rolled out again.

    Args:
        state: the newest one.
        seconds: since the stage began [s].
        why: as the end of a sentence.
    """
    sentence = _sentence('took back', state, seconds, why)
    new = replace(
        state,
        phase=Phase.ROLLED_BACK,
        halted_in=Phase.IDLE,
        paused=False,
        ready=False,
        watched=False,
        interrupted=False,
        running=False,
        waits_from_s=-1.0,
        spent_s=state.spent_s + seconds,
        reason=sentence,
    )
    return Move(new, Do.TAKE_BACK, sentence)


def rolled_back(state: RolloutState, judgment: Judgment) -> Move:
    """Takes the candidate back and bars it from rollouts until a person releases it."""
    move = ended(state, judgment.seconds, judgment.reason)
    sentence = _sentence('rolled back', state, judgment.seconds, judgment.reason)
    barred = move.state.with_bar(Rejection(state.candidate, sentence, state.stable))
    new = replace(barred, reason=sentence).without_crashes(state.candidate)
    return Move(new, move.do, sentence, judgment.evidence)


def halted(
    state: RolloutState, seconds: float, why: str, evidence: Sequence[Evidence] = ()
) -> Move:
    """Stops the rollout where it is: a person decides."""
    sentence = _sentence('halted', state, seconds, why)
    sentence = f'{sentence}; a person decides: promote, resume or abort'
    new = replace(
        state,
        phase=Phase.HALTED,
        halted_in=state.phase,
        ready=False,
        waits_from_s=-1.0,
        spent_s=state.spent_s + seconds,
        reason=sentence,
    )
    return Move(new, Do.PARK, sentence, evidence)


def _sentence(what: str, state: RolloutState, seconds: float, why: str) -> str:
    return f'{what} {_name(state.candidate)} after {state.spent_s + seconds:.0f} s: {why}'


def _name(edition: Edition) -> str:
    return str(edition) or 'no model'
