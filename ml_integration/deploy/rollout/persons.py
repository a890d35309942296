"""What a person may do with a rollout: promote, pause, resume, abort, release."""

from __future__ import annotations

from dataclasses import replace

from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.moves import Do, Move, ended, step_into
from ml_integration.errors import SwapError
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import UNDER_WAY, Phase, RolloutState


def promote(state: RolloutState, seconds: float) -> Move:
    """Takes all steps that are left at once; a promoted candidate is not watched any longer.

    The watch goes on to take back: have the judge accept what was seen so far.

    Args:
        state: the newest one.
        seconds: since the stage began [s]; 0 if it was halted.

    Raises:
        SwapError: there is no candidate to promote.
    """
    _check(state, 'promote')
    spent_s = state.spent_s + seconds
    new = replace(state, spent_s=spent_s)
    if state.promoted:
        sentence = f'{state.candidate} stays: a person ended its watch after {spent_s:.0f} s'
        new = replace(
            new, phase=Phase.PROMOTED, halted_in=Phase.IDLE, watched=True, ready=False,
            paused=False, running=False, interrupted=False, reason=sentence,
        )  # fmt: skip
        return Move(new.without_crashes(state.candidate), Do.FINISH, sentence)
    why = f'promoted {state.candidate} after {spent_s:.0f} s: a person wants it'
    return step_into(new, Phase.PROMOTED, 0, why)


def pause(state: RolloutState) -> Move:
    """Keeps the candidate where it is; it is still taken back if it is bad.

    Raises:
        SwapError: nothing is under way.
    """
    _check(state, 'pause')
    if not state.under_way:
        raise SwapError(
            f'the rollout of {state.candidate} is halted already',
            hint='Call ~/rollout/resume, ~/rollout/promote or ~/rollout/abort.',
        )
    if state.paused:
        return Move(state)
    sentence = f'{state.candidate} stays in {state.phase.value}: a person paused it'
    new = replace(state, paused=True, ready=False, waits_from_s=-1.0, reason=sentence)
    return Move(new, Do.NOTHING, sentence)


def resume(state: RolloutState, settings: RolloutSettings) -> Move:
    """Lets a paused or halted rollout go on; its step begins anew.

    One that the end of the process halted begins in shadow: how much it had seen is lost.

    Args:
        state: the newest one.
        settings: the shares.

    Raises:
        SwapError: nothing is paused or halted.
    """
    _check(state, 'resume')
    if state.phase is not Phase.HALTED and not state.paused:
        raise SwapError(f'the rollout of {state.candidate} is neither paused nor halted')
    phase = state.halted_in if state.phase is Phase.HALTED else state.phase
    if state.interrupted or phase not in UNDER_WAY:
        phase = Phase.SHADOW
    step = state.step if phase is Phase.CANARY else 0
    step = min(step, max(0, len(settings.shares) - 1))
    return step_into(state, phase, step, f'{state.candidate} goes on in {phase.value}')


def abort(state: RolloutState, seconds: float) -> Move:
    """Takes the candidate back; it may be rolled out again.

    Args:
        state: the newest one.
        seconds: since the stage began [s]; 0 if it was halted.

    Raises:
        SwapError: there is no candidate to take back.
    """
    _check(state, 'abort')
    return ended(state, seconds, 'a person aborted it')


def release(state: RolloutState, edition: Edition) -> RolloutState:
    """Returns the state in which rollouts may take a candidate again.

    Args:
        state: the newest one.
        edition: the candidate; without a digest: every content of that version.
    """
    for bar in state.barred:
        if bar.edition.matches(edition):
            state = state.released(bar.edition)
    return state.released(edition)


def _check(state: RolloutState, verb: str) -> None:
    if state.has_candidate:
        return
    raise SwapError(
        f'there is no rollout to {verb}',
        hint='Set rollout.candidate, or start one with ml_model rollout start.',
    )
