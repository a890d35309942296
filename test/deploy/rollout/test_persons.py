"""What a person may do, and what the judge still does then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rollouts import (
    ADVANCE,
    BAD,
    CANARY,
    DONE,
    HALT,
    HALTED,
    LAST,
    NEW,
    OLD,
    PROMOTED,
    ROLLED_BACK,
    SETTINGS,
    SHADOW,
    move,
)

from ml_integration.deploy.rollout.moves import Do, Move
from ml_integration.deploy.rollout.persons import abort, pause, promote, release, resume
from ml_integration.deploy.rollout.steps import start
from ml_integration.errors import SwapError
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import Phase, RolloutState


@pytest.mark.parametrize('state', [SHADOW, CANARY, LAST, HALTED])
def test_promoting_takes_all_steps_and_the_watch_goes_on(state: RolloutState) -> None:
    step = promote(state, 30.0)
    assert step.do is Do.PROMOTE
    assert step.state.phase is Phase.PROMOTED
    assert step.sentence.endswith(': a person wants it')
    assert move(step.state, BAD).do is Do.TAKE_BACK


def test_promoting_what_is_promoted_ends_the_watch() -> None:
    for state in (PROMOTED, move(PROMOTED, HALT).state):
        step = promote(state, 20.0)
        assert step.do is Do.FINISH
        assert step.state.watched
        assert step.state.serving == NEW


def test_a_paused_one_stays_and_is_still_taken_back() -> None:
    state = pause(CANARY).state
    assert move(state, ADVANCE).state == state
    assert move(state, HALT).state == state
    assert move(state, BAD).do is Do.TAKE_BACK
    assert pause(state).sentence == ''  # told once


def test_a_resumed_one_begins_its_step_anew() -> None:
    for state in (pause(LAST).state, move(LAST, HALT).state):
        step = resume(state, SETTINGS)
        assert step.do is Do.SHARE
        assert (step.state.phase, step.state.step) == (Phase.CANARY, LAST.step)
        assert move(step.state, ADVANCE).do is Do.PROMOTE
    assert resume(move(PROMOTED, HALT).state, SETTINGS).do is Do.PROMOTE
    assert resume(move(SHADOW, HALT).state, SETTINGS).do is Do.SHADOW


def test_an_aborted_one_is_not_barred() -> None:
    for state in (SHADOW, CANARY, PROMOTED, HALTED):
        step = abort(state, 10.0)
        assert step.do is Do.TAKE_BACK
        assert step.state.serving == OLD
        assert start(step.state, NEW, OLD).do is Do.SHADOW


def test_a_barred_one_may_be_tried_again_after_its_release() -> None:
    assert start(release(ROLLED_BACK, NEW), NEW, OLD).do is Do.SHADOW
    assert start(release(ROLLED_BACK, Edition('shapes@3')), NEW, OLD).do is Do.SHADOW
    with pytest.raises(SwapError):
        start(release(ROLLED_BACK, Edition('shapes@4')), NEW, OLD)


@pytest.mark.parametrize('state', [RolloutState(), DONE, ROLLED_BACK])
@pytest.mark.parametrize(
    ('verb', 'say'),
    [
        ('promote', lambda state: promote(state, 0.0)),
        ('pause', pause),
        ('resume', lambda state: resume(state, SETTINGS)),
        ('abort', lambda state: abort(state, 0.0)),
    ],
)
def test_without_a_rollout_there_is_nothing_to_do(
    state: RolloutState, verb: str, say: Callable[[RolloutState], Move]
) -> None:
    with pytest.raises(SwapError, match=f'there is no rollout to {verb}'):
        say(state)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(SwapError, match='neither paused nor halted'):
        resume(CANARY, SETTINGS)
    with pytest.raises(SwapError, match='halted already'):
        pause(HALTED)
