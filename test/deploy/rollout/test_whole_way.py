"""A whole rollout with the real judge, from shadow to the end of the watch, or back."""

from __future__ import annotations

import re

from paired_streams import Robot
from rollouts import NEW, OLD

from ml_integration.core.rollout.judgment import Stage
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.moves import Do, Move
from ml_integration.deploy.rollout.steps import on_judgment, stage_of, start
from ml_integration.store.state.rollout_state import Phase, RolloutState

SETTINGS = RolloutSettings(shares=(25.0, 50.0), minimum_frames=300, minimum_s=20.0, watch_s=30.0)


def rolled_out(robot: Robot) -> list[Move]:
    """The moves of a rollout until it is over."""
    moves = [start(RolloutState(), NEW, OLD)]
    robot.begin(Stage.SHADOW)
    while moves[-1].state.under_way:
        step = on_judgment(moves[-1].state, robot.run(120), SETTINGS)
        assert step.do is not Do.NOTHING, step.state.reason
        moves.append(step)
        robot.begin(stage_of(step.state))
    return moves


def test_an_identical_candidate_is_promoted_and_stays() -> None:
    moves = rolled_out(Robot(SETTINGS))
    assert [one.do for one in moves] == [Do.SHADOW, Do.SHARE, Do.SHARE, Do.PROMOTE, Do.FINISH]
    assert moves[-1].state.serving == NEW


def test_a_slow_one_is_found_out_where_it_is_served() -> None:
    moves = rolled_out(Robot(SETTINGS, slower=2.0))
    assert [one.do for one in moves] == [Do.SHADOW, Do.SHARE, Do.TAKE_BACK]
    assert re.fullmatch(
        r'rolled back shapes@3 after \d+ s: latency p99 \d+.* ms instead of \d+.* ms, '
        r'2\.\d+ x \(limit 1\.3 x, n = \d+\)',
        moves[-1].sentence,
    )
    assert moves[-1].evidence[0].criterion == 'latency'


def test_another_one_never_gets_a_frame() -> None:
    moves = rolled_out(Robot(SETTINGS, disagreement=lambda rng: 0.62 * rng.random()))
    assert [one.do for one in moves] == [Do.SHADOW, Do.TAKE_BACK]
    assert moves[-1].state.phase is Phase.ROLLED_BACK
