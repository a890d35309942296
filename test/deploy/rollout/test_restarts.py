"""After a restart a good model serves; three ends of the process are no accident."""

from __future__ import annotations

import pytest
from rollouts import (
    ADVANCE,
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

from ml_integration.deploy.rollout.moves import Do
from ml_integration.deploy.rollout.persons import resume
from ml_integration.deploy.rollout.restarts import on_start, on_stop
from ml_integration.deploy.rollout.steps import start
from ml_integration.errors import SwapError
from ml_integration.store.state.rollout_state import Phase, RolloutState

EACH = [RolloutState(), SHADOW, CANARY, LAST, PROMOTED, DONE, ROLLED_BACK, HALTED]


@pytest.mark.parametrize('state', [SHADOW, CANARY, LAST, PROMOTED])
def test_a_crash_counts_and_the_stable_model_goes_on(state: RolloutState) -> None:
    step = on_start(state, SETTINGS)
    assert step.state.serving == OLD
    assert step.state.phase is Phase.HALTED
    assert step.state.crashes_of(NEW) == 1
    assert 'the process ended in the middle, 1 of 3 times in ' in step.sentence
    assert 'shapes@2 goes on' in step.sentence


@pytest.mark.parametrize('state', [SHADOW, CANARY, LAST])
def test_a_clean_stop_interrupts_and_does_not_count(state: RolloutState) -> None:
    step = on_start(on_stop(state), SETTINGS)
    assert step.state.serving == OLD
    assert step.state.crashes_of(NEW) == 0
    assert 'the node was stopped in ' in step.sentence


def test_a_promoted_one_goes_on_after_a_clean_stop_and_is_watched_anew() -> None:
    step = on_start(on_stop(PROMOTED), SETTINGS)
    assert (step.state.phase, step.state.serving, step.do) == (Phase.PROMOTED, NEW, Do.PROMOTE)
    assert step.state.under_way


def test_an_interrupted_one_begins_in_shadow() -> None:
    state = on_start(LAST, SETTINGS).state
    assert resume(state, SETTINGS).do is Do.SHADOW
    assert start(state, NEW, OLD).do is Do.SHADOW
    halted = on_start(HALTED, SETTINGS).state
    assert resume(halted, SETTINGS).do is Do.SHADOW  # nothing of it is loaded any more


def test_three_crashes_reject_also_over_rollouts_that_were_begun_again() -> None:
    state = CANARY
    for count in (1, 2):
        state = on_start(state, SETTINGS).state
        assert state.crashes_of(NEW) == count
        state = start(state, NEW, OLD).state
    step = on_start(state, SETTINGS)
    assert (step.state.phase, step.state.serving) == (Phase.ROLLED_BACK, OLD)
    assert step.sentence == (
        'rejected shapes@3: the process ended 3 times while it was in it; shapes@2 goes on'
    )
    with pytest.raises(SwapError, match='ended 3 times'):
        start(step.state, NEW, OLD)


def test_a_rollout_that_ends_well_forgets_crashes() -> None:
    state = start(on_start(CANARY, SETTINGS).state, NEW, OLD).state
    while state.under_way:
        state = move(state, ADVANCE).state
    assert state.crashes == ()


@pytest.mark.parametrize('state', [RolloutState(), DONE, ROLLED_BACK, HALTED])
def test_the_end_of_a_process_without_a_candidate_at_work_is_no_word_against_it(
    state: RolloutState,
) -> None:
    step = on_start(state, SETTINGS)
    assert step.do is Do.NOTHING
    assert (step.state.phase, step.state.crashes) == (state.phase, ())


@pytest.mark.parametrize('state', EACH)
def test_killed_again_and_again_the_same_model_serves(state: RolloutState) -> None:
    first = on_start(state, SETTINGS).state
    second = on_start(first, SETTINGS).state
    assert first.serving == second.serving
    assert second.phase is first.phase
    assert second.crashes == first.crashes


def test_halted_in_the_watch_the_promoted_one_serves_on() -> None:
    state = on_start(move(PROMOTED, HALT).state, SETTINGS).state
    assert state.serving == NEW
