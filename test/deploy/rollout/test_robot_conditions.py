"""A step waits for the robot: conditions are read, met, and closed where nobody knows."""

from __future__ import annotations

import math

import pytest
from rollouts import ADVANCE, SHADOW, move

from ml_integration.deploy.rollout.robot_conditions import Robot, parse_conditions
from ml_integration.deploy.rollout.robot_heard import MOTION_AGE_S, RobotHeard
from ml_integration.errors import SettingError
from ml_integration.store.state.rollout_state import Phase

S = 10**9


def is_open(text: str, robot: Robot) -> bool:
    return parse_conditions(text, '/eye').gate(robot).open


@pytest.mark.parametrize(
    ('text', 'robot'),
    [
        ('', Robot()),
        ('docked', Robot(('docked',))),
        (' docked  and disarmed ', Robot(('disarmed', 'docked'))),
        ('speed < 0.01', Robot(speed=0.0)),
        ('speed<1e-2 m/s', Robot(speed=0.009)),
        ('angular_speed < .5 rad/s', Robot(angular_speed=0.4)),
        ('docked and speed < 0.01 and charging', Robot(('docked', 'charging'), 0.0)),
    ],
)
def test_met(text: str, robot: Robot) -> None:
    assert is_open(text, robot)


@pytest.mark.parametrize(
    ('text', 'robot'),
    [
        ('docked', Robot()),
        ('docked', Robot(('not docked',))),
        ('docked', Robot(('Docked', 'undocked'))),
        ('docked and disarmed', Robot(('docked',))),
        ('speed < 0.01', Robot(('docked',))),
        ('speed < 0.01', Robot(speed=0.01)),
        ('speed < 0.01', Robot(speed=math.nan)),
        ('docked and speed < 0.01', Robot((), 0.0)),
    ],
)
def test_not_met(text: str, robot: Robot) -> None:
    assert not is_open(text, robot)


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('docked or disarmed', 'joined with'),
        ('docked,', "'docked,' is neither"),
        ('and', "'and' is neither"),
        ('docked and', "'docked and' is neither"),
        ('not docked', 'is neither'),
        ('speed', "'speed' is neither"),
        ('speed > 1', 'speed < NUMBER [m/s]'),
        ('speed < 0', 'above 0'),
        ('speed < 1.2.3', 'above 0'),
        ('speed < 1e999', 'above 0'),
        ('speed < 1 km/h', 'the unit may be left out'),
        ('height < 1', 'speed or angular_speed before <'),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, told: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_conditions(text, '/eye')
    assert str(caught.value).startswith(f"/eye: 'rollout.only_when' is not valid; got '{text}'")
    assert told in str(caught.value)


def test_the_sentence_says_what_the_robot_has_to_be() -> None:
    gate = parse_conditions('docked and speed < 0.01', '/eye').gate(Robot())
    waiting = move(SHADOW, ADVANCE, gate)
    assert waiting.state.phase is Phase.SHADOW
    assert waiting.sentence == (
        'shapes@3 may go on and waits for the robot to be docked and slower than 0.01 m/s'
    )


def test_a_person_says_the_state_where_no_publisher_does() -> None:
    heard = RobotHeard()
    assert heard.robot(0, 'docked', 0) == Robot(('docked',))
    assert heard.robot(1, 'docked', 0) == Robot()  # it is there, and has said nothing yet
    heard.says('driving, armed')
    assert heard.robot(1, 'docked', 0) == Robot(('driving', 'armed'))


def test_a_state_counts_as_long_as_somebody_publishes_it() -> None:
    heard = RobotHeard()
    heard.says('docked')
    assert heard.robot(1, '', 3600 * S) == Robot(('docked',))
    assert heard.robot(0, '', 3600 * S) == Robot()
    heard.is_silent()
    assert heard.robot(1, '', 3600 * S) == Robot()


def test_motion_counts_for_a_moment() -> None:
    heard = RobotHeard()
    heard.moves(0.0, 0.1, 5 * S)
    late_ns = int((5 + MOTION_AGE_S) * S)
    assert heard.robot(1, '', late_ns) == Robot((), 0.0, 0.1)
    assert heard.robot(1, '', late_ns + 1) == Robot()
