"""Decides what becomes of a rollout when its process ends and starts again.

Nobody can tell a crash of a candidate from a lost power supply: both count, and three of them
are no accident. Whatever was under way, the stable model serves after them.
"""

from __future__ import annotations

from dataclasses import replace

from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.moves import Do, Move, halted, step_into
from ml_integration.store.state.node_state import Rejection
from ml_integration.store.state.rollout_state import Phase, RolloutState


def on_stop(state: RolloutState) -> RolloutState:
    """Returns the state after a clean stop, which is no word against the candidate."""
    return replace(state, running=False)


def on_start(state: RolloutState, settings: RolloutSettings) -> Move:
    """Decides what a starting process does with the rollout of the last one.

    It is to be asked before a model is loaded: `RolloutState.serving` of the new state serves.
    After a clean stop a promoted candidate goes on, and its watch begins anew. Otherwise the
    rollout is halted as interrupted, or its candidate is rejected after too many crashes. An
    interrupted one may be begun again at once with `steps.start`, such as for a parameter.

    Args:
        state: as it was stored.
        settings: how many crashes are too many.
    """
    if not state.under_way:
        return _after_halt(state)
    if not state.running and state.phase is Phase.PROMOTED:
        why = f'{state.candidate} goes on, and its watch begins anew after a restart'
        return step_into(state, Phase.PROMOTED, 0, why)
    if not state.running:
        return _interrupted(state, 'the node was stopped')
    crashed = state.with_crash(state.candidate)
    count = crashed.crashes_of(state.candidate)
    if count >= settings.crashes:
        return _rejected(crashed, count)
    return _interrupted(
        crashed, f'the process ended in the middle, {count} of {settings.crashes} times'
    )


def _after_halt(state: RolloutState) -> Move:
    """Goes on with one that was over, or halted: nobody ran its candidate."""
    if state.phase is not Phase.HALTED or state.promoted or state.interrupted:
        return Move(replace(state, running=False))
    return Move(replace(state, interrupted=True, running=False))


def _interrupted(state: RolloutState, why: str) -> Move:
    reason = f'{why} in {state.phase.value}, and {state.stable} goes on'
    move = halted(state, 0.0, reason)
    new = replace(
        move.state,
        interrupted=True,
        running=False,
        paused=False,
        halted_in=Phase.SHADOW,  # nothing of it is loaded
    )
    return Move(new, Do.TAKE_BACK, move.sentence)


def _rejected(state: RolloutState, count: int) -> Move:
    sentence = (
        f'rejected {state.candidate}: the process ended {count} times while it was in it; '
        f'{state.stable} goes on'
    )
    barred = state.with_bar(Rejection(state.candidate, sentence, state.stable))
    new = replace(
        barred.without_crashes(state.candidate),
        phase=Phase.ROLLED_BACK,
        halted_in=Phase.IDLE,
        paused=False,
        ready=False,
        running=False,
        waits_from_s=-1.0,
        reason=sentence,
    )
    return Move(new, Do.TAKE_BACK, sentence)
