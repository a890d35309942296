"""What starts after any sequence of starts, swaps, proofs, crashes, rollbacks and damage."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.core.findings import Level
from ml_integration.deploy import probation
from ml_integration.deploy.starting import Choice, Start, choices, nothing_started
from ml_integration.store.state.node_state import NONE, Edition, NodeState, Rejection

ATTEMPTS = 3


def edition(model: str, content: str = 'a') -> Edition:
    return Edition(model, content * 64)


@dataclass
class Robot:
    """A node as its supervisor and its operator see it, without any I/O.

    Attributes:
        bare: what the bare name `m` means.
        damaged: models that cannot be loaded now.
        fallback: the parameter `fallback_model`.
        running: the parameter `model`, which has to show what runs; empty while nothing does.
        told: the sentence of the last start, and how bad it was.
    """

    state: NodeState = field(default_factory=NodeState)
    bare: str = 'm@1'
    damaged: set[str] = field(default_factory=set)
    fallback: Edition = NONE
    running: str = ''
    told: Choice | None = None

    def start(self, parameter: str, chosen: str = '') -> str:
        """Starts; whatever ran before was killed. Returns what runs, empty if nothing can."""
        wanted = edition(self.bare if parameter == 'm' else parameter)
        wish = edition(chosen) if chosen else NONE
        start = Start(parameter, wanted, wish, ATTEMPTS, self.fallback, node='/n')
        self.running, failed = '', False
        for choice in choices(self.state, start):
            if choice.edition.model in self.damaged:
                failed = True
                continue
            self.state, self.running = choice.state, choice.edition.model
            level = Level.ERROR if failed else choice.level
            self.told = replace(choice, level=level)
            break
        else:
            self.state = nothing_started(self.state, start)
        return self.running

    def swap(self, model: str) -> None:
        if self.running and model not in self.damaged:
            self.state = probation.on_swap(self.state, edition(model), self._meant())
            self.running = model

    def prove(self) -> None:
        if self.running:
            self.state = probation.on_commit(self.state)

    def good_frame(self) -> None:
        if self.running:
            self.state = probation.on_good_frames(self.state, self.state.edition, 1)

    def rollback(self) -> str:
        back = [item.edition for item in self.state.ways_back if self.running]
        usable = [item for item in back if item.model not in self.damaged]
        if usable:
            self.state = probation.on_rollback(self.state, usable[0], meant=self._meant())
            self.running = usable[0].model
        return self.running

    def stop(self) -> None:
        if self.running:
            self.state, self.running = probation.on_stop(self.state), ''

    def release(self, model: str) -> None:
        self.state = self.state.without_rejection(edition(model))

    def _meant(self) -> Edition:
        return edition(self.bare if self.state.asked == 'm' else self.state.asked)


@pytest.fixture
def robot() -> Robot:
    """Runs m@1, which has proven itself."""
    robot = Robot()
    robot.start('m@1')
    robot.prove()
    return robot


def swapped(robot: Robot, model: str = 'm@2') -> Robot:
    robot.swap(model)
    robot.prove()
    return robot


def test_a_first_start_puts_the_wanted_model_on_probation() -> None:
    robot = Robot()
    assert robot.start('m@1') == 'm@1'
    assert (robot.state.committed, robot.state.attempts) == (False, 1)


def test_a_proven_swap_goes_on_after_crashes_with_the_same_parameter(robot: Robot) -> None:
    swapped(robot)
    for _ in range(5):
        assert robot.start('m@1') == 'm@2'
    assert robot.told.level is Level.OK
    assert robot.told.sentence == (
        'm@2 goes on, since it proved itself after a swap and the parameter is the same as at the '
        'last start (m@1). To use m@1: ros2 param set /n model m@1.'
    )


def test_a_changed_parameter_wins_over_a_proven_swap(robot: Robot) -> None:
    swapped(robot)
    assert robot.start('m@3') == 'm@3'
    assert robot.told.sentence == ''
    assert robot.start('m@3') == 'm@3'
    assert robot.start('m@1') == 'm@1'
    assert robot.start('m@1') == 'm@1'


def test_a_swap_that_did_not_prove_itself_is_lost_in_a_crash_and_that_is_told(
    robot: Robot,
) -> None:
    robot.swap('m@2')
    assert robot.start('m@1') == 'm@1'
    assert robot.told.level is Level.WARN
    assert robot.told.sentence.startswith(
        'm@2 is not used, m@1 is: the node ended before it had proven itself.'
    )
    assert robot.start('m@1') == 'm@1'
    assert robot.told.sentence == ''


def test_the_last_proven_swap_goes_on_when_a_later_one_did_not_prove_itself(robot: Robot) -> None:
    swapped(robot)
    robot.swap('m@3')
    assert robot.start('m@1') == 'm@2'
    assert 'm@3 is not used, m@2 is' in robot.told.sentence


def test_a_rollback_survives_restarts_with_the_same_parameter(robot: Robot) -> None:
    swapped(robot)
    assert robot.rollback() == 'm@1'
    assert [robot.start('m@1') for _ in range(2)] == ['m@1', 'm@1']
    assert robot.start('m@2') == 'm@2'  # a person has changed the parameter
    assert not robot.state.rejected


def test_a_rollback_after_a_crash_returns_to_what_served_before(robot: Robot) -> None:
    swapped(robot)
    assert robot.start('m@1') == 'm@2'
    assert robot.rollback() == 'm@1'
    assert robot.start('m@1') == 'm@1'


def test_a_rollback_of_the_parameters_own_model_stands_and_says_how_to_lift_it(
    robot: Robot,
) -> None:
    robot.start('m@2')
    robot.prove()
    assert robot.rollback() == 'm@1'
    assert robot.start('m@2') == 'm@1'
    assert robot.told.level is Level.WARN
    assert robot.told.sentence == (
        'm@2 is not used, m@1 is: it was rolled back. To try it again: ros2 param set /n model '
        'm@2, ml_model release m@2, or start with a changed parameter.'
    )
    robot.release('m@2')
    assert robot.start('m@2') == 'm@2'


def test_a_rollback_to_an_unproven_model_stands_as_well(robot: Robot) -> None:
    robot.start('m@2')
    robot.good_frame()
    robot.swap('m@3')
    assert robot.rollback() == 'm@2'
    assert robot.start('m@2') == 'm@2'


def test_a_crash_loop_ends_in_the_previous_good_model_and_stays_there(robot: Robot) -> None:
    started = [robot.start('m@2') for _ in range(6)]
    assert started == ['m@2', 'm@2', 'm@2', 'm@1', 'm@1', 'm@1']
    assert robot.told.level is Level.WARN
    assert robot.told.sentence.startswith(
        'm@2 is not used, m@1 is: it did not prove itself in 3 start(s). To try it again: '
    )


@pytest.mark.parametrize('way', ['release', 'parameter', 'launch'])
def test_every_way_to_lift_a_rejection_gives_another_chance(robot: Robot, way: str) -> None:
    for _ in range(4):
        robot.start('m@2')
    assert robot.running == 'm@1'
    if way == 'release':
        robot.release('m@2')
    elif way == 'parameter':
        robot.swap('m@2')
    else:
        robot.start('m@1')
    assert robot.start('m@2') == 'm@2'
    assert not robot.state.rejected


def test_other_content_under_a_rejected_version_is_tried(robot: Robot) -> None:
    for _ in range(4):
        robot.start('m@2')
    start = Start('m@2', edition('m@2', 'b'), allowed_attempts=ATTEMPTS)
    assert choices(robot.state, start)[0].edition == edition('m@2', 'b')


def test_other_content_under_a_proven_version_is_on_probation_and_that_is_told(
    robot: Robot,
) -> None:
    start = Start('m@1', edition('m@1', 'b'), allowed_attempts=ATTEMPTS)
    first = choices(robot.state, start)[0]
    assert not first.state.committed
    assert first.level is Level.WARN
    assert 'm@1 has other content than when it proved itself here' in first.sentence


def test_a_proven_swap_is_that_content_and_no_other(robot: Robot) -> None:
    swapped(robot)
    first = choices(robot.state, Start('m@1', edition('m@1')))[0]
    assert first.edition == edition('m@2')  # whoever loads it compares the digest


def test_without_a_good_model_a_crash_loop_goes_on() -> None:
    robot = Robot()
    assert [robot.start('m@1') for _ in range(9)] == ['m@1'] * 9


def test_a_model_of_another_name_takes_no_place_unless_a_parameter_says_so(robot: Robot) -> None:
    robot.damaged = {'other@1'}
    assert robot.start('other@1') == ''
    robot.fallback = edition('m@1')
    assert robot.start('other@1') == 'm@1'
    assert robot.told.level is Level.ERROR
    robot.damaged, robot.fallback = set(), NONE
    assert [robot.start('other@1') for _ in range(9)] == ['other@1'] * 9


def test_a_crash_loop_ends_in_the_fallback_model_and_no_longer_than_that_is_set(
    robot: Robot,
) -> None:
    robot.fallback = edition('m@1')
    started = [robot.start('other@1') for _ in range(5)]
    assert started == ['other@1'] * 3 + ['m@1'] * 2
    robot.prove()
    robot.fallback = NONE
    assert robot.start('other@1') == 'other@1'


def test_damage_gives_way_to_the_last_proven_version_and_is_not_remembered(robot: Robot) -> None:
    swapped(robot)
    robot.damaged = {'m@3'}
    for _ in range(3):
        assert robot.start('m@3') == 'm@2'
        assert robot.told.level is Level.ERROR
    assert not robot.state.rejected
    robot.damaged = set()
    assert robot.start('m@3') == 'm@3'


def test_a_damaged_swap_gives_way_and_goes_on_when_it_is_mended(robot: Robot) -> None:
    swapped(robot)
    robot.damaged = {'m@2'}
    assert robot.start('m@1') == 'm@1'
    assert robot.told.level is Level.ERROR
    robot.damaged = set()
    assert robot.start('m@1') == 'm@2'


def test_a_damaged_good_version_is_passed_over(robot: Robot) -> None:
    swapped(robot)
    robot.damaged = {'m@3', 'm@2'}
    assert robot.start('m@3') == 'm@1'
    robot.damaged |= {'m@1'}
    assert robot.start('m@3') == ''
    assert robot.state.asked == 'm@3'


def test_what_proved_itself_in_another_node_is_better_than_nothing() -> None:
    start = Start('m@3', edition('m@3'), proven=[edition('m@2'), edition('other@1')])
    found = [choice.edition.model for choice in choices(NodeState(), start)]
    assert found == ['m@3', 'm@2']


def test_a_bare_name_that_means_something_else_now_is_a_changed_parameter() -> None:
    robot = Robot()
    robot.start('m')
    robot.prove()
    swapped(robot, 'm@3')
    assert robot.start('m') == 'm@3'
    robot.bare = 'm@2'  # ml_model activate m@2
    assert robot.start('m') == 'm@2'


def test_activate_then_swap_then_rollback_stays_rolled_back() -> None:
    robot = Robot()
    robot.start('m')
    robot.prove()
    robot.bare = 'm@2'
    swapped(robot, 'm@2')
    assert robot.rollback() == 'm@1'
    assert robot.start('m') == 'm@1'
    assert robot.start('m') == 'm@1'


def test_what_a_person_chose_in_this_process_wins(robot: Robot) -> None:
    swapped(robot)
    assert robot.start('m@1', chosen='m@3') == 'm@3'
    assert robot.start('m@1') == 'm@2'  # it did not prove itself
    robot.start('m@1', chosen='m@3')
    robot.prove()
    assert robot.start('m@1') == 'm@3'


OLDER = {
    'serving': 'm@2', 'committed': True, 'attempts': 0, 'previous': 'm@1', 'rejected': ['m@3'],
}  # fmt: skip


def test_a_state_of_an_older_version_keeps_its_meaning() -> None:
    state = NodeState.from_document(OLDER)
    assert (state.serving, state.committed, state.previous) == ('m@2', True, 'm@1')
    assert state.rejected == (Rejection(Edition('m@3')),)
    assert NodeState.from_document(state.document()) == state
    for parameter, starts in (('m@2', 'm@2'), ('m@1', 'm@1'), ('m@3', 'm@2')):
        robot = Robot(state)
        assert robot.start(parameter) == starts
    assert Robot(state).start('m@1', chosen='m@3') == 'm@3'


def test_a_state_of_an_older_version_learns_digests() -> None:
    robot = Robot(NodeState.from_document(OLDER))
    robot.start('m@2')
    assert robot.state.edition == edition('m@2')
    assert robot.state.committed


def test_a_parameter_that_changes_back_after_a_start_that_failed_wins(robot: Robot) -> None:
    swapped(robot)
    robot.damaged = {'n@1'}
    assert robot.start('n@1') == ''
    assert robot.start('m@1') == 'm@1'


PARAMETERS = st.sampled_from(['m', 'm@1', 'm@2', 'm@3', 'n@1'])
MODELS = st.sampled_from(['m@1', 'm@2', 'm@3', 'n@1'])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just('start'), PARAMETERS),
        st.tuples(st.sampled_from(['swap', 'release', 'damage', 'activate']), MODELS),
        st.tuples(
            st.sampled_from(['prove', 'good_frame', 'rollback', 'stop', 'again']), st.just('')
        ),
    ),
    max_size=25,
)


class Watched(Robot):
    """A robot that is asked to do anything, in any order, and checked after every start."""

    def __init__(self) -> None:
        super().__init__()
        self.parameter = ''
        self.proven: set[str] = set()
        self.wishes: set[str] = set()

    def do(self, event: str, model: str) -> None:
        match event:
            case 'start' | 'again':
                self._start_and_check(model or self.parameter or 'm@1')
            case 'swap':
                self.swap(model)
                self.wishes.add(model)
            case 'prove':
                self.prove()
                self.proven |= {self.running} - {''}
            case 'rollback':
                self.wishes.add(self.rollback())
            case 'release':
                self.release(model)
            case 'activate' if model.startswith('m@'):
                self.bare = model
            case 'damage':  # or mend
                self.damaged ^= {model}
            case 'good_frame' | 'stop':
                getattr(self, event)()

    def _start_and_check(self, parameter: str) -> None:
        wanted = self.bare if parameter == 'm' else parameter
        changed, self.parameter = parameter != self.parameter, parameter
        if changed:
            self.wishes.clear()
        self.start(parameter)
        if changed and wanted not in self.damaged:
            assert self.running == wanted
        if self.running not in (wanted, ''):
            assert self.told.sentence or self.told.level is Level.ERROR
            assert self.running in self.proven | self.wishes
        self._check_name(wanted)

    def _check_name(self, wanted: str) -> None:
        name = wanted.partition('@')[0]
        if self.running:  # a model of another name only where a person chose it
            chosen = {model.partition('@')[0] for model in self.wishes}
            assert self.running.partition('@')[0] in {name, *chosen}
        usable = {
            item.edition.model
            for item in self.state.served
            if item.proven and item.edition.name == name
        } - self.damaged
        assert self.running or not usable


@settings(max_examples=400)
@given(EVENTS)
def test_after_any_sequence_a_start_does_what_was_promised(events: list) -> None:
    robot = Watched()
    for event, model in events:
        robot.do(event, model)
        if robot.running:
            assert robot.running == robot.state.serving  # the parameter shows what runs
        assert NodeState.from_document(robot.state.document()) == robot.state
