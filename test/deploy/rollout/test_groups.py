"""Nodes that change together promote or take back as one, whoever is slow or silent."""

from __future__ import annotations

import random

import pytest
from rollouts import ADVANCE, BAD, HALT, HOLD, LAST, NEW, PROMOTED, SETTINGS, SHADOW, judged, move

from ml_integration.core.rollout.judgment import Judgment, Verdict
from ml_integration.deploy.rollout.groups import Group, Report, group_of, heard
from ml_integration.deploy.rollout.moves import Do
from ml_integration.deploy.rollout.persons import abort, promote
from ml_integration.deploy.rollout.steps import Gate, start
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import Phase, RolloutState


class Nodes:
    """A detector and a tracker that hear each other."""

    def __init__(self, detector: RolloutState = LAST, tracker: RolloutState = LAST) -> None:
        self.states = {'/detector': detector, '/tracker': tracker}
        self.done: list[tuple[str, Do]] = []
        self.silent: set[str] = set()
        for name in self.states:
            self.hear(name)

    def hear(self, name: str) -> Group:
        others = tuple(one for one in self.states if one != name)
        reports = {one: Report.of(self.states[one]) for one in others if one not in self.silent}
        self.states[name] = heard(self.states[name], reports)
        return group_of(self.states[name], others, reports)

    def say(self, name: str, judgment: Judgment, gate: Gate | None = None) -> None:
        group = self.hear(name)
        step = move(self.states[name], judgment, gate or Gate(), group)
        self.states[name] = step.state
        if step.do is not Do.NOTHING:
            self.done.append((name, step.do))

    def phases(self) -> set[Phase]:
        return {one.phase for one in self.states.values()}


def test_both_promote_when_both_are_ready() -> None:
    nodes = Nodes()
    nodes.say('/detector', ADVANCE)
    assert nodes.done == []
    nodes.say('/tracker', ADVANCE)
    nodes.say('/detector', ADVANCE)
    assert nodes.done == [('/tracker', Do.PROMOTE), ('/detector', Do.PROMOTE)]


def test_earlier_steps_wait_for_nobody() -> None:
    nodes = Nodes(SHADOW, SHADOW)
    nodes.say('/detector', ADVANCE)
    assert nodes.done == [('/detector', Do.SHARE)]


def test_who_waits_for_the_robot_is_not_ready() -> None:
    nodes = Nodes()
    nodes.say('/tracker', ADVANCE, Gate(False, 'docked'))
    nodes.say('/detector', ADVANCE)
    assert nodes.done == []


def test_who_is_doubted_is_not_ready_any_more() -> None:
    nodes = Nodes()
    nodes.say('/tracker', ADVANCE)
    nodes.say('/tracker', HOLD)
    nodes.say('/detector', ADVANCE)
    assert nodes.done == []


@pytest.mark.parametrize('state', [SHADOW, LAST, PROMOTED])
def test_one_that_is_taken_back_takes_the_other_with_it(state: RolloutState) -> None:
    nodes = Nodes(state, state)
    nodes.say('/tracker', BAD)
    nodes.say('/detector', ADVANCE)
    assert nodes.done == [('/tracker', Do.TAKE_BACK), ('/detector', Do.TAKE_BACK)]
    detector = nodes.states['/detector']
    assert detector.reason.endswith(': /tracker gave up its own')
    assert detector.barred == ()  # it did nothing wrong


def test_an_aborted_one_takes_the_other_with_it() -> None:
    nodes = Nodes()
    nodes.states['/tracker'] = abort(nodes.states['/tracker'], 10.0).state
    nodes.say('/detector', HOLD)
    assert nodes.done == [('/detector', Do.TAKE_BACK)]


def test_what_was_taken_back_in_an_earlier_rollout_does_not_count() -> None:
    nodes = Nodes(SHADOW, move(SHADOW, BAD).state)
    nodes.say('/detector', ADVANCE)
    assert nodes.done == [('/detector', Do.SHARE)]


def test_what_was_promoted_in_an_earlier_rollout_is_not_ready() -> None:
    done = move(PROMOTED, ADVANCE).state
    nodes = Nodes(LAST, done)
    nodes.say('/detector', ADVANCE)
    assert nodes.done == []


def test_nobody_waits_for_ever() -> None:
    nodes = Nodes()
    nodes.silent = {'/tracker'}
    nodes.say('/detector', judged(Verdict.ADVANCE, 60.0))
    nodes.say('/detector', judged(Verdict.ADVANCE, 661.0))
    assert nodes.states['/detector'].phase is Phase.HALTED
    assert 'it has waited 600 s for /tracker' in nodes.states['/detector'].reason


def test_a_promoted_one_that_is_not_followed_is_taken_back() -> None:
    nodes = Nodes()
    nodes.states['/detector'] = promote(nodes.states['/detector'], 0.0).state
    nodes.say('/detector', judged(Verdict.HOLD, 599.0))
    nodes.say('/detector', judged(Verdict.HOLD, 601.0))
    assert nodes.done == [('/detector', Do.TAKE_BACK)]
    assert '/tracker did not follow in 600 s' in nodes.states['/detector'].reason


def test_the_watch_ends_for_both_together() -> None:
    nodes = Nodes(PROMOTED, PROMOTED)
    nodes.say('/detector', ADVANCE)
    assert nodes.done == []  # it could still have to go back
    nodes.say('/tracker', ADVANCE)
    nodes.say('/detector', ADVANCE)
    assert nodes.done == [('/tracker', Do.FINISH), ('/detector', Do.FINISH)]


def test_a_halted_one_goes_back_with_the_other() -> None:
    nodes = Nodes(PROMOTED, PROMOTED)
    nodes.say('/tracker', HALT)
    assert nodes.hear('/detector').behind == ()  # it serves its candidate
    nodes.say('/detector', BAD)
    nodes.say('/tracker', HALT)
    assert nodes.phases() == {Phase.ROLLED_BACK}


def test_one_that_has_watched_goes_back_with_the_other_after_all() -> None:
    nodes = Nodes(PROMOTED, PROMOTED)
    nodes.say('/detector', ADVANCE)
    nodes.say('/tracker', ADVANCE)
    nodes.say('/detector', BAD)  # before it heard of the end of the watch
    nodes.say('/tracker', HOLD)
    assert nodes.phases() == {Phase.ROLLED_BACK}


def test_a_later_rollout_of_another_is_none_of_ours() -> None:
    nodes = Nodes(PROMOTED, PROMOTED)
    for name in ('/detector', '/tracker', '/detector'):
        nodes.say(name, ADVANCE)
    later = start(nodes.states['/tracker'], Edition('shapes@4', 'd' * 64), NEW).state
    for state in (later, move(later, BAD).state):
        nodes.states['/tracker'] = state
        nodes.say('/detector', HOLD)
    assert nodes.states['/detector'].watched


def test_who_has_watched_long_enough_waits_for_those_who_still_watch() -> None:
    nodes = Nodes(PROMOTED, PROMOTED)
    for seconds in (60.0, 10_000.0):
        nodes.say('/detector', judged(Verdict.ADVANCE, seconds))
    assert nodes.states['/detector'].phase is Phase.PROMOTED


@pytest.mark.parametrize('seed', range(200))
def test_no_half_of_a_group_is_left(seed: int) -> None:
    rng, nodes = random.Random(seed), Nodes(SHADOW, SHADOW)
    seconds = 0.0
    for _ in range(60):
        seconds += rng.uniform(0, 60)
        name = rng.choice(tuple(nodes.states))
        verdict = rng.choices([Verdict.ADVANCE, Verdict.HOLD, Verdict.ROLL_BACK], (6, 3, 0.3))[0]
        nodes.silent = {one for one in nodes.states if rng.random() < 0.2}
        nodes.say(name, judged(verdict, seconds))
    nodes.silent = set()
    for at in range(40):  # all hear each other again, and nothing is wrong any more
        for name in nodes.states:
            nodes.say(name, judged(Verdict.ADVANCE, 5000.0 + at))
    serving = {one.promoted for one in nodes.states.values()}
    assert len(serving) == 1, nodes.states


def test_without_a_group_nobody_is_waited_for() -> None:
    assert group_of(LAST, (), {}) == Group()
    assert heard(LAST, {}) is LAST
    assert move(LAST, ADVANCE, settings=SETTINGS).do is Do.PROMOTE
