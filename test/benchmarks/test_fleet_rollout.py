"""The simulation of a fleet: who takes a candidate, when it is halted, who keeps it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fleet_rollout import (
    GOOD,
    LAB,
    Fault,
    Policy,
    Robots,
    Stage,
    fault_times,
    simulate,
    take_times,
)


@pytest.fixture(scope='module')
def robots() -> Robots:
    return Robots(300, np.random.default_rng(3))


AT_ONCE = Policy('all', (Stage(0, 100.0),))
SLOWLY = Policy('slowly', (Stage(0, 10.0), Stage(48, 100.0)))


def test_nobody_takes_a_candidate_before_its_stage(robots: Robots) -> None:
    times = take_times(robots, SLOWLY, 'salt')
    early = times < 48
    assert 10 < early.sum() < 60
    assert np.isfinite(times).sum() > 290
    lab = take_times(robots, Policy('lab', (Stage(5, 0.0, (LAB,)),)), 'salt')
    assert {robots.facts[number]['site'] for number in np.flatnonzero(lab < np.inf)} == {'lab'}
    assert lab.min() >= 5


def test_a_fault_that_shows_at_once_is_halted_before_the_next_stage(robots: Robots) -> None:
    shows = fault_times(robots, Fault('now', 0.1), np.random.default_rng(1))
    everybody = simulate(robots, take_times(robots, AT_ONCE, 'salt'), shows)
    some = simulate(robots, take_times(robots, SLOWLY, 'salt'), shows)
    assert everybody.took > 200 and some.took < 60
    assert everybody.halted_h < 6 and some.halted_h < 48
    assert everybody.robot_hours > some.robot_hours
    assert everybody.serving[0] == 0 and everybody.serving[-1] == 0


def test_a_good_candidate_is_not_halted_and_comes_to_all(robots: Robots) -> None:
    shows = fault_times(robots, GOOD, np.random.default_rng(1))
    outcome = simulate(robots, take_times(robots, SLOWLY, 'salt'), shows)
    assert np.isnan(outcome.halted_h) and outcome.took > 290
    assert 48 < outcome.done_h < 48 + 72
