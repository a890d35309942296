"""Shadow, shares, all frames, watched; back at any time; a person where nobody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rollouts import (
    ADVANCE,
    BAD,
    CANARY,
    DONE,
    HALT,
    HALTED,
    HOLD,
    LAST,
    NEW,
    OLD,
    PROMOTED,
    ROLLED_BACK,
    SETTINGS,
    SHADOW,
    judged,
    move,
)

from ml_integration.core.rollout.judgment import Stage, Verdict
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.moves import Do
from ml_integration.deploy.rollout.persons import pause
from ml_integration.deploy.rollout.steps import Gate, share_of, stage_of, start
from ml_integration.errors import SwapError
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import Phase, RolloutState

EACH = [SHADOW, CANARY, LAST, PROMOTED]
CLOSED = Gate(False, 'docked')


def test_a_good_candidate_goes_all_the_way() -> None:
    state, seen = SHADOW, []
    while state.under_way:
        step = move(state, ADVANCE)
        state = step.state
        seen.append((state.phase, share_of(state, SETTINGS), step.do, step.sentence))
    assert [one[:3] for one in seen] == [
        (Phase.CANARY, 0.05, Do.SHARE),
        (Phase.CANARY, 0.5, Do.SHARE),
        (Phase.PROMOTED, 1.0, Do.PROMOTE),
        (Phase.PROMOTED, 1.0, Do.FINISH),
    ]
    assert [one[3] for one in seen] == [
        'shapes@3 gets 5 % of the frames after 60 s: as good',
        'shapes@3 gets 50 % of the frames after 120 s: as good',
        'promoted shapes@3 after 180 s: as good',
        'shapes@3 stays: watched for 60 s: as good',
    ]
    assert (state.watched, state.serving) == (True, NEW)


def test_each_phase_is_judged_as_what_it_is() -> None:
    assert [stage_of(one) for one in EACH] == [
        Stage.SHADOW, Stage.CANARY, Stage.CANARY, Stage.WATCH,
    ]  # fmt: skip
    assert [share_of(one, SETTINGS) for one in EACH] == [0.0, 0.05, 0.5, 1.0]
    assert [one.serving for one in EACH] == [OLD, OLD, OLD, NEW]


def test_without_shares_shadow_is_followed_by_all_frames() -> None:
    settings = RolloutSettings(shares=())
    assert move(SHADOW, ADVANCE, settings=settings).do is Do.PROMOTE


def test_shares_that_were_taken_away_meanwhile_are_not_needed() -> None:
    settings = RolloutSettings(shares=(5.0,))
    assert share_of(LAST, settings) == 0.05
    assert move(LAST, ADVANCE, settings=settings).do is Do.PROMOTE


@pytest.mark.parametrize('state', EACH)
def test_a_bad_one_is_taken_back_from_everywhere_at_once(state: RolloutState) -> None:
    step = move(pause(state).state, BAD, CLOSED)
    assert step.do is Do.TAKE_BACK
    assert step.state.phase is Phase.ROLLED_BACK
    assert step.state.serving == OLD
    assert step.sentence.endswith(': disagreement 0.31 (limit 0.15, n = 1230)')


def test_a_rollback_reads_as_a_sentence() -> None:
    assert move(SHADOW, BAD).sentence == (
        'rolled back shapes@3 after 41 s: disagreement 0.31 (limit 0.15, n = 1230)'
    )
    assert move(CANARY, BAD).sentence.startswith('rolled back shapes@3 after 101 s: ')


def test_a_rolled_back_content_is_barred_whatever_it_is_called() -> None:
    with pytest.raises(SwapError, match=r'rolled back shapes@3 after 41 s.*ml_model release'):
        start(ROLLED_BACK, NEW, OLD)
    with pytest.raises(SwapError):
        start(ROLLED_BACK, Edition('shapes@9', NEW.digest), OLD)
    with pytest.raises(SwapError):
        start(ROLLED_BACK, Edition('shapes@3'), OLD)
    assert start(ROLLED_BACK, Edition('shapes@3', 'c' * 64), OLD).do is Do.SHADOW


def test_holding_changes_nothing_that_would_have_to_be_stored() -> None:
    for state in EACH:
        step = move(state, HOLD)
        assert (step.state, step.do, step.sentence) == (state, Do.NOTHING, '')


def test_what_nobody_knows_is_for_a_person() -> None:
    step = move(CANARY, HALT)
    assert step.do is Do.PARK
    assert (step.state.phase, step.state.halted_in) == (Phase.HALTED, Phase.CANARY)
    assert step.state.serving == OLD
    assert share_of(step.state, SETTINGS) == 0.0
    assert step.sentence == (
        'halted shapes@3 after 150 s: score could not be measured 4 times in a row; '
        'a person decides: promote, resume or abort'
    )


def test_a_promoted_one_that_cannot_be_judged_goes_on_serving() -> None:
    state = move(PROMOTED, HALT).state
    assert (state.serving, share_of(state, SETTINGS)) == (NEW, 1.0)


@pytest.mark.parametrize('state', [RolloutState(), DONE, ROLLED_BACK, HALTED])
@pytest.mark.parametrize('judgment', [ADVANCE, BAD, HALT, HOLD])
def test_what_is_over_or_halted_does_not_move(state: RolloutState, judgment: object) -> None:
    step = move(state, judgment)  # type: ignore[arg-type]
    assert (step.state, step.do) == (state, Do.NOTHING)


def test_a_step_waits_for_the_robot() -> None:
    waiting = move(SHADOW, judged(Verdict.ADVANCE, 60.0), CLOSED)
    assert (waiting.state.phase, waiting.do) == (Phase.SHADOW, Do.NOTHING)
    assert waiting.sentence == 'shapes@3 may go on and waits for the robot to be docked'
    still = move(waiting.state, judged(Verdict.ADVANCE, 300.0), CLOSED)
    assert (still.state, still.sentence) == (waiting.state, '')  # told once
    assert move(still.state, judged(Verdict.ADVANCE, 301.0)).do is Do.SHARE


def test_no_step_waits_for_ever() -> None:
    state = move(SHADOW, judged(Verdict.ADVANCE, 100.0), CLOSED).state
    assert move(state, judged(Verdict.ADVANCE, 700.0), CLOSED).do is Do.NOTHING
    step = move(state, judged(Verdict.ADVANCE, 701.0), CLOSED)
    assert step.state.phase is Phase.HALTED
    assert 'it has waited 600 s for the robot to be docked' in step.sentence


def test_who_waits_and_is_doubted_waits_anew() -> None:
    state = move(SHADOW, judged(Verdict.ADVANCE, 100.0), CLOSED).state
    state = move(state, judged(Verdict.HOLD, 500.0), CLOSED).state
    assert state.waits_from_s < 0
    state = move(state, judged(Verdict.ADVANCE, 650.0), CLOSED).state
    assert move(state, judged(Verdict.ADVANCE, 800.0), CLOSED).state.phase is Phase.SHADOW


def test_to_stop_watching_moves_nothing_and_waits_for_no_robot() -> None:
    assert move(PROMOTED, ADVANCE, CLOSED).do is Do.FINISH


def test_a_new_rollout_takes_the_place_of_one_that_is_not_promoted() -> None:
    other = Edition('shapes@4', 'd' * 64)
    state = start(CANARY, other, OLD).state
    assert (state.candidate, state.phase, state.spent_s) == (other, Phase.SHADOW, 0.0)
    with pytest.raises(SwapError, match='is still watched'):
        start(PROMOTED, other, NEW)
    assert start(DONE, other, NEW).state.stable == NEW


def test_what_serves_is_no_candidate() -> None:
    with pytest.raises(SwapError, match='serves already'):
        start(RolloutState(), OLD, OLD)


def test_bars_are_kept_over_rollouts() -> None:
    state = start(ROLLED_BACK, Edition('shapes@4', 'd' * 64), OLD).state
    assert state.bar_of(NEW) is not None
    assert replace(state, barred=()).bar_of(NEW) is None
