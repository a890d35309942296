"""A new version takes the place of another in steps, with real models and real frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import altered_models
import onnx
import onnx_models
import pytest
from fleet_orders import revoke
from rolled_out import QUICK, picture, rolling_robot

from benchmarks.model_surgery import endless_above, not_a_number_above
from ml_integration.core.findings import Level
from ml_integration.deploy.rollout.groups import Report
from ml_integration.errors import MlIntegrationError, SwapError
from ml_integration.store.state.rollout_state import Phase

LONG = replace(QUICK, minimum_frames=1_000_000)


@pytest.fixture
def state(tmp_path: Path, model_folder: Callable[..., Path]) -> Path:
    """Where the state is, of a robot with m@1, m@2 of the same content, and m@3 that is bad."""
    for version in (1, 2):
        model_folder('m', version)
    model_folder('m', 3, model=altered_models.exaggerating_detector(50.0), golden=False)
    return tmp_path / 'state'


def test_a_good_one_goes_all_the_way(store: Path, state: Path) -> None:
    with rolling_robot(store, state) as robot:
        assert robot.rollout.start('m@2') == 'm@2 runs in the shadow of m@1'
        robot.wait_for(Phase.PROMOTED, watched=True)
        assert robot.robot.serving() == 'm@2'
        count = len(robot.served_by())
        robot.wait_until(lambda: len(robot.served_by()) > count + 2, 'frames')
        assert set(robot.served_by()[count + 1 :]) == {'m@2'}
        assert robot.monitor.stats(0).total.failed == 0
        robot.wait_until(lambda: len(robot.told) > 3, 'the last decision to be told')
        by = robot.served_by()
        told = [sentence for _, sentence in robot.told]
    first, last = by.index('m@2'), len(by) - by[::-1].index('m@1')
    canary = by[first:last]
    assert canary.count('m@2') >= QUICK.minimum_frames
    assert abs(canary.count('m@1') - canary.count('m@2')) <= 2
    assert [sentence.partition(' after')[0] for sentence in told] == [
        'm@2 runs in the shadow of m@1', 'm@2 gets 50 % of the frames', 'promoted m@2',
        told[-1].partition(' after')[0],
    ]  # fmt: skip
    reasons = robot.reasons()
    assert len(reasons) == 4 and 'disagreement 0 (' in reasons[1] and 'n = ' in reasons[1]


def test_a_bad_one_never_gets_a_frame_and_is_barred(store: Path, state: Path) -> None:
    with rolling_robot(store, state) as robot:
        robot.rollout.start('m@3')
        ended = robot.wait_for(Phase.ROLLED_BACK)
        assert set(robot.served_by()) == {'m@1'}
        assert ended.reason.startswith('rolled back m@3 after ')
        robot.wait_until(lambda: robot.told[-1] == (Level.WARN, ended.reason), 'a warning')
        with pytest.raises(SwapError, match='no rollout takes m@3: rolled back m@3'):
            robot.rollout.start('m@3')


@pytest.mark.parametrize('bad', [not_a_number_above, endless_above])
def test_one_that_turns_bad_in_a_canary_costs_no_frame(
    store: Path, state: Path, model_folder: Callable[..., Path], bad: Any
) -> None:
    model = onnx.load_from_string(onnx_models.tiny_detector())
    model_folder('m', 4, model=bad(model, 0.5).SerializeToString(), golden=False)
    with rolling_robot(store, state) as robot:
        robot.rollout.start('m@4')
        robot.wait_for(Phase.CANARY)
        robot.wait_until(lambda: 'm@4' in robot.served_by(), 'a frame of the candidate')
        lent = robot.watch_lent()
        robot.message = picture(255)
        ended = robot.wait_for(Phase.ROLLED_BACK)
        count = len(robot.served_by())
        robot.wait_until(lambda: len(robot.served_by()) > count + 5, 'frames')
        assert set(robot.served_by()[count + 1 :]) == {'m@1'}
        assert all(one.verdict.ok for one in robot.results.predictions)
        assert robot.monitor.stats(0).total.failed == 0
    allowed, reason = (1, 'not finite') if bad is not_a_number_above else (2, 'not come back')
    assert len(lent) <= allowed
    assert reason in ended.reason and ended.bar_of(ended.candidate) is not None


def test_one_that_turns_bad_when_it_is_promoted_comes_back_from_memory(
    store: Path, state: Path, model_folder: Callable[..., Path]
) -> None:
    model = onnx.load_from_string(onnx_models.tiny_detector())
    nan = not_a_number_above(model, 0.5).SerializeToString()
    model_folder('m', 4, model=nan, golden=False)
    with rolling_robot(store, state, settings=LONG) as robot:
        robot.rollout.start('m@4')
        robot.wait_until_open()
        robot.rollout.promote()
        robot.wait_until(lambda: robot.served_by()[-1] == 'm@4', 'the candidate')
        robot.wait_until_open()
        robot.message = picture(255)
        ended = robot.wait_for(Phase.ROLLED_BACK)
        robot.wait_until(lambda: robot.robot.serving() == 'm@1', 'm@1')
        held_back = [one for one in robot.results.predictions if not one.verdict.ok]
    assert len(held_back) <= 1
    assert 'a result is not finite' in ended.reason


def test_a_person_promotes_and_takes_back_from_memory(store: Path, state: Path) -> None:
    with rolling_robot(store, state, settings=LONG) as robot:
        robot.rollout.start('m@2')
        robot.wait_until_open()
        robot.rollout.promote()
        robot.wait_until(lambda: robot.robot.serving() == 'm@2', 'm@2')
        robot.wait_until_open()
        assert robot.rollout.abort().startswith('took back m@2 after ')
        assert robot.robot.serving() == 'm@1'
        assert robot.state.phase is Phase.ROLLED_BACK and not robot.state.running
        assert [str(one.edition) for one in robot.deployment.state.rejected] == ['m@2']
        assert not robot.state.barred


def test_what_is_paused_stays_until_it_is_resumed(store: Path, state: Path) -> None:
    with rolling_robot(store, state) as robot:
        robot.rollout.start('m@2')
        robot.rollout.pause()
        seen = robot.rollout.snapshot
        robot.wait_until(lambda: 'm@2' in seen().reason and seen().evidence, 'what is known')
        robot.wait_until(lambda: seen().seconds > 1.2 * QUICK.minimum_s, 'time')
        assert robot.state.phase is Phase.SHADOW and robot.state.paused
        assert seen().frames > QUICK.minimum_frames
        assert robot.rollout.resume() == 'm@2 goes on in shadow'
        robot.wait_for(Phase.CANARY)


def test_another_model_that_is_chosen_ends_it(store: Path, state: Path) -> None:
    with rolling_robot(store, state, settings=replace(LONG, minimum_frames=5)) as robot:
        robot.settings = replace(LONG, shares=(50.0,))
        robot.rollout.start('m@2')
        robot.wait_until_open()
        robot.robot.swap('m@3')
        ended = robot.wait_for(Phase.ROLLED_BACK)
        assert 'the serving model was changed' in ended.reason
        assert robot.robot.serving() == 'm@3'
        assert not ended.barred


def test_a_revoked_candidate_gets_no_frame(store: Path, state: Path) -> None:
    with rolling_robot(store, state, settings=LONG) as robot:
        robot.rollout.start('m@2')
        robot.wait_until_open()
        revoke(store, 'm@2')
        robot.settings = QUICK
        ended = robot.wait_for(Phase.ROLLED_BACK)
        assert 'revoked' in ended.reason
        assert set(robot.served_by()) == {'m@1'}


def test_what_cannot_be_opened_is_not_begun(store: Path, state: Path) -> None:
    with rolling_robot(store, state) as robot:
        with pytest.raises(MlIntegrationError, match="there is no model 'm@9'"):
            robot.rollout.start('m@9')
        with pytest.raises(SwapError, match='m@1 serves already'):
            robot.rollout.start('m@1')
        with pytest.raises(SwapError, match='there is no rollout to abort'):
            robot.rollout.abort()
        assert robot.state.phase is Phase.IDLE


@pytest.mark.parametrize('phase', [Phase.SHADOW, Phase.CANARY, Phase.PROMOTED])
def test_after_a_crash_the_stable_model_serves_and_it_counts(
    store: Path, state: Path, phase: Phase
) -> None:
    with rolling_robot(store, state) as robot:
        robot.rollout.start('m@2')
        robot.wait_until_open()
        if phase is Phase.CANARY:
            robot.wait_for(phase)
        elif phase is Phase.PROMOTED:
            robot.rollout.promote()
            robot.wait_until(lambda: robot.robot.serving() == 'm@2', 'm@2')
        robot.kill()
    with rolling_robot(store, state) as robot:
        assert robot.robot.serving() == 'm@1'
        assert robot.state.phase is Phase.HALTED and robot.state.interrupted
        assert 'the process ended in the middle, 1 of 3 times' in robot.settled
        assert robot.settled in robot.reasons()
        assert robot.rollout.start('m@2') == 'm@2 runs in the shadow of m@1'


def test_a_promoted_one_goes_on_after_a_clean_stop_and_comes_back_from_memory(
    store: Path, state: Path
) -> None:
    with rolling_robot(store, state, settings=LONG) as robot:
        robot.rollout.start('m@2')
        robot.wait_until_open()
        robot.rollout.promote()
        robot.wait_until(lambda: robot.robot.serving() == 'm@2', 'm@2')
    with rolling_robot(store, state, settings=LONG) as robot:
        assert robot.robot.serving() == 'm@2'
        assert robot.state.phase is Phase.PROMOTED
        robot.wait_until_open()
        assert robot.deployment.hands.has_way_back
        robot.rollout.abort()
        assert robot.robot.serving() == 'm@1'


def test_it_goes_back_with_its_group(store: Path, state: Path) -> None:
    others: dict[str, Report] = {'/tracker': Report(Phase.CANARY, 't@2')}
    with rolling_robot(store, state, settings=replace(LONG, group=('/tracker',))) as robot:
        robot.rollout._decisions._reports = lambda: others
        robot.rollout.start('m@2')
        robot.wait_until(lambda: robot.state.met, 'the other one')
        others['/tracker'] = Report(Phase.ROLLED_BACK, 't@2')
        ended = robot.wait_for(Phase.ROLLED_BACK)
        assert '/tracker gave up its own' in ended.reason


def test_a_promoted_one_that_a_person_rolls_back_is_taken_back(store: Path, state: Path) -> None:
    with rolling_robot(store, state, settings=LONG) as robot:
        robot.rollout.start('m@2')
        robot.wait_until_open()
        robot.rollout.promote()
        robot.wait_until(lambda: robot.served_by()[-1] == 'm@2', 'the candidate')
        robot.wait_until_open()
        assert robot.deployment.rollback().result() == 'm@1 serves again, m@2 was taken back'
        ended = robot.wait_for(Phase.ROLLED_BACK)
        assert ended.reason.startswith('took back m@2 after ')
        assert robot.robot.serving() == 'm@1' and robot.deployment.hands.take_spare() is None


def test_a_node_that_is_activated_again_goes_on(store: Path, state: Path) -> None:
    with rolling_robot(store, state) as robot:
        robot.rollout.start('m@2')
        robot.wait_for(Phase.CANARY)
        robot.rollout.close()
        assert len(robot.deployment.router.pipelines) == 1
        robot.rollout = robot.make_rollout()
        robot.rollout.begin()
        assert robot.state.phase is Phase.CANARY
        robot.wait_for(Phase.PROMOTED)


def test_what_cannot_be_opened_ends_it_with_the_reason(store: Path, state: Path) -> None:
    with rolling_robot(store, state, settings=LONG) as robot:
        robot.rollout.start('m@2')
        robot.wait_until_open()
        (store / 'm/2/model.onnx').write_bytes(b'something else')
        assert robot.rollout.promote().startswith('promoted m@2')
        ended = robot.wait_for(Phase.ROLLED_BACK)
        assert 'it cannot be opened: ' in ended.reason and not ended.barred
        assert robot.robot.serving() == 'm@1'
        assert robot.state.phase is Phase.ROLLED_BACK
