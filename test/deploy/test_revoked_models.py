"""After a revocation no way leads to that content: each way that there is, on real files."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta, timezone
from pathlib import Path
from queue import Queue
from threading import Event

import pytest
from deployed_robots import WAIT_S, Robot
from fleet_orders import REASON, edition_in, give_orders, halted, orders_about, revoke
from signing import set_manifest

from ml_integration.core.findings import Level
from ml_integration.deploy.fleet_member import SIGN_EVERY, FleetMember, Means
from ml_integration.deploy.pinned_models import PinnedModels
from ml_integration.errors import IntegrityError, MlIntegrationError, SwapError
from ml_integration.store.orders.facts import Facts
from ml_integration.store.orders.sign_of_life import read_sign
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.state_dir import StateDir

NOW = datetime(2027, 1, 31, 8, tzinfo=timezone.utc)
REVOKED = f'revoked by orders 1 of the fleet: {REASON}'


def start(robot: Robot, model: str, *more: str, fallback: str = '') -> None:
    """Starts with a model and proves it, and others that are swapped to after it."""
    robot.deployment.start(model, fallback=fallback)
    robot.serve()
    for other in more:
        robot.swap(other)
        robot.serve()


class Member:
    """A robot as a member of a fleet, and what it wants of whoever owns its node."""

    def __init__(self, robot: Robot, pinned: tuple[Edition, ...] = ()) -> None:
        self.robot, self.pinned, self.may_follow = robot, pinned, True
        self.changes: Queue[Future[str]] = Queue()
        self.anew: list[str] = []
        self.anew_came = Event()
        means = Means(lambda: self.pinned, lambda: self.may_follow, self.changes.put, self._anew)
        facts = Facts('r17', {'site': 'lab', 'robot': 'r17'})
        self.member = FleetMember(robot.deployment, robot.history, robot.orders, facts, means)

    def _anew(self, reason: str) -> None:
        self.anew.append(reason)
        self.anew_came.set()

    def look(self, after: timedelta = timedelta()) -> None:
        """Looks when nothing is to be changed."""
        self.member.look(NOW + after)
        assert not self.robot.deployment.busy

    def change(self) -> str:
        """Looks when the model is to be changed; returns the sentence that says so."""
        self.member.look(NOW)
        return self.changes.get(timeout=WAIT_S).result()


def test_the_parameter_does_not_lead_to_it(robot: Robot, store: Path) -> None:
    start(robot, 'm@1')
    revoke(store, 'm@3')
    with pytest.raises(IntegrityError, match=REVOKED):
        robot.deployment.admit('m@3')
    assert robot.deployment.admit('m').model == robot.deployment.admit('m@latest').model == 'm@2'


def test_what_was_admitted_before_does_not_serve_after(robot: Robot, store: Path) -> None:
    start(robot, 'm@1')
    candidate = robot.deployment.admit('m@3')
    assert candidate.package is not None, 'it would not be read again'
    revoke(store, 'm@3')
    robot.orders.look('m')
    with pytest.raises(IntegrityError, match=REVOKED):
        robot.deployment.swap(candidate).result(WAIT_S)
    assert robot.serving() == 'm@1'


def test_a_rollback_does_not_bring_it_back_from_memory(robot: Robot, store: Path) -> None:
    start(robot, 'm@1', 'm@3', 'm@2')
    revoke(store, 'm@3')
    robot.orders.look('m')
    told = robot.deployment.rollback().result(WAIT_S)
    assert told == 'm@1 serves again, m@2 was taken back'


def test_a_rollback_does_not_bring_it_back_from_disk(robot: Robot, store: Path) -> None:
    start(robot, 'm@3', 'm@1', 'm@2')
    revoke(store, 'm@1', 'm@3')
    robot.orders.look('m')
    with pytest.raises(SwapError, match=REVOKED):
        robot.deployment.rollback().result(WAIT_S)
    assert robot.serving() == 'm@2'


def test_a_restart_begins_with_the_last_good_one(robot: Robot, store: Path) -> None:
    start(robot, 'm@1', 'm@3')
    robot.deployment.close()
    revoke(store, 'm@3')
    deployment = robot.boot()
    deployment.start('m@1')
    assert robot.serving() == 'm@1'
    assert any(f.level == Level.ERROR and REVOKED in f.sentence for f in deployment.findings)


@pytest.mark.parametrize('asked', ['m', 'm@3', 'm@latest'])
def test_a_start_that_asks_for_it_never_gets_it(robot: Robot, store: Path, asked: str) -> None:
    start(robot, 'm@3')
    robot.deployment.close()
    revoke(store, 'm@3', 'm@2')
    deployment = robot.boot()
    if asked != 'm@latest':  # nothing else has proven itself
        with pytest.raises(MlIntegrationError, match=REVOKED):
            deployment.start(asked)
    else:
        deployment.start(asked)
        assert robot.serving() == 'm@1'


def test_the_fallback_model_is_no_way_either(
    robot: Robot, store: Path, model_folder: Callable[..., Path]
) -> None:
    model_folder('other')
    revoke(store, 'm@1')
    revoke(store, 'other@1')
    with pytest.raises(MlIntegrationError, match=REVOKED):
        robot.deployment.start('m@1', fallback='other@1')
    give_orders(store, orders_about(store, 'other', 2))
    robot.deployment.start('m@1', fallback='other@1')
    assert robot.serving() == 'other@1'


def test_a_second_model_is_neither_loaded_nor_loaded_again(robot: Robot, store: Path) -> None:
    pinned = PinnedModels(robot.admission)
    assert pinned('m@3').manifest.version == 3
    assert pinned.editions == (edition_in(store, 'm@3'),)
    revoke(store, 'm@3')
    with pytest.raises(IntegrityError, match=REVOKED):
        pinned('m@3')
    with pytest.raises(IntegrityError, match=REVOKED):
        PinnedModels(robot.admission)('m@3')


def test_a_cached_optimized_model_does_not_help_it(robot: Robot, store: Path) -> None:
    robot.artifacts = StoredArtifacts(robot.state_dir / 'cache', lambda sentence: None)
    robot.boot()
    start(robot, 'm@1', 'm@3')
    robot.deployment.close()
    assert list((robot.state_dir / 'cache').iterdir()), 'it is there'
    revoke(store, 'm@3')
    robot.boot().start('m@3')
    assert robot.serving() == 'm@1'


def test_other_content_under_its_number_is_none_of_it(robot: Robot, store: Path) -> None:
    start(robot, 'm@1')
    revoke(store, 'm@3')
    set_manifest(store / 'm/3', description='mended')
    robot.swap('m@3')
    assert robot.serving() == 'm@3'


def test_what_serves_goes_back_to_the_last_good_model_and_says_so(
    robot: Robot, store: Path
) -> None:
    start(robot, 'm@1', 'm@3')
    member = Member(robot)
    member.look()
    revoke(store, 'm@3')
    assert member.change() == 'm@1 serves again, m@3 was taken back'
    (finding,) = robot.deployment.findings
    assert finding.level == Level.WARN
    assert finding.sentence.startswith('m@3 is not used, m@1 is: m@3 is quarantined, ')
    assert REVOKED in finding.sentence
    (rejection,) = robot.deployment.state.rejected
    assert str(rejection.edition) == 'm@3' and REVOKED in rejection.reason
    assert robot.look().warnings == (), 'nothing is wrong with what lies here'
    assert ('revoke', 'm@3', 'ok') in robot.audit() and ('rollback', 'm@3', 'ok') in robot.audit()
    member.look()
    assert not member.anew
    with pytest.raises(SwapError):
        robot.deployment.rollback().result(WAIT_S)


def test_where_nothing_can_take_over_all_of_it_is_to_be_loaded_anew(
    robot: Robot, store: Path
) -> None:
    start(robot, 'm@3')
    member = Member(robot)
    revoke(store, 'm@3')
    with pytest.raises(SwapError):
        member.change()
    member.anew_came.wait(WAIT_S)
    assert len(member.anew) == 1 and REVOKED in member.anew[0]
    member.look()
    assert len(member.anew) == 1, 'it is said once'
    robot.deployment.close()
    with pytest.raises(MlIntegrationError, match=REVOKED):
        robot.boot().start('m@3')


def test_a_second_model_that_is_open_has_to_go_as_well(
    robot: Robot, store: Path, model_folder: Callable[..., Path]
) -> None:
    model_folder('second')
    start(robot, 'm@1')
    member = Member(robot, (edition_in(store, 'second@1'),))
    member.look()
    assert not member.anew
    revoke(store, 'second@1')
    member.look()
    (reason,) = member.anew
    assert reason.startswith('second@1 is quarantined, ') and REVOKED in reason


def test_a_robot_in_the_share_takes_the_candidate_once(robot: Robot, store: Path) -> None:
    start(robot, 'm@1')
    member = Member(robot)
    give_orders(store, orders_about(store, 'm', 1, plan='m@3'))
    assert member.change() == 'm@3 serves, after m@1'
    robot.serve()
    assert ('plan', 'm@3', 'ok') in robot.audit()
    robot.swap('m@1')
    give_orders(store, orders_about(store, 'm', 2, plan='m@3'))  # widened, for example
    member.look()
    assert 'it has followed this plan' in member.member.decision
    robot.deployment.close()
    robot.boot().start('m@1')
    Member(robot).look()
    assert robot.serving() == 'm@1'


def test_a_candidate_that_was_rolled_back_is_not_taken_again(robot: Robot, store: Path) -> None:
    start(robot, 'm@1', 'm@3')
    robot.deployment.rollback('a person did').result(WAIT_S)
    give_orders(store, orders_about(store, 'm', 1, plan='m@3'))
    member = Member(robot)
    member.look()
    assert member.member.decision == 'm@3 was rejected here: a person did'


def test_a_plan_changes_nothing_outside_its_share_or_against_the_authority(
    robot: Robot, store: Path
) -> None:
    start(robot, 'm@1')
    member = Member(robot)
    about = orders_about(store, 'm', 1, plan='m@3', percent=0)
    give_orders(store, about)
    member.look()
    about = orders_about(store, 'm', 2, plan='m@3')
    give_orders(store, halted(about, 2))
    member.look()
    assert 'halted: wait' in member.member.decision
    member.may_follow = False
    give_orders(store, orders_about(store, 'm', 3, plan='m@3'))
    member.look()
    assert 'nothing but a person' in member.member.decision
    member.may_follow = True
    assert member.change() == 'm@3 serves, after m@1'


def test_a_candidate_that_has_not_come_yet_is_waited_for(robot: Robot, store: Path) -> None:
    start(robot, 'm@1')
    member = Member(robot)
    give_orders(store, orders_about(store, 'm', 1, plan='m@3'))
    (store / 'm/3').rename(store / 'on_its_way')
    member.look()
    assert 'has to wait: ' in member.member.complaints[0]
    (store / 'on_its_way').rename(store / 'm/3')
    set_manifest(store / 'm/3', description='something else')
    member.look()
    assert 'other content' in member.member.complaints[0]
    give_orders(store, orders_about(store, 'm', 2, plan='m@3'))
    assert member.change() == 'm@3 serves, after m@1'
    assert not member.member.complaints


def test_a_candidate_that_cannot_be_loaded_is_tried_once(robot: Robot, store: Path) -> None:
    start(robot, 'm@1')
    set_manifest(store / 'm/3', settings={'decoder': 'yolo', 'no_such': 1})
    give_orders(store, orders_about(store, 'm', 1, plan='m@3'))
    member = Member(robot)
    with pytest.raises(MlIntegrationError):
        member.change()
    member.look()
    assert robot.serving() == 'm@1'
    assert ('swap', 'm@3', 'failed') in robot.audit()


def test_a_node_tells_that_it_lives_and_what_it_has_decided(robot: Robot, store: Path) -> None:
    start(robot, 'm@1')
    member = Member(robot)
    give_orders(store, orders_about(store, 'm', 7, plan='m@3', percent=0))

    def told() -> datetime:
        robot.history.change(lambda now: now)  # what was queued before is written
        sign = read_sign(robot.state_dir / 'signs/%2Fdetector.json')
        assert sign is not None
        assert (sign.robot, sign.node, sign.model, sign.orders) == ('r17', '/detector', 'm@1', 7)
        assert sign.digest == edition_in(store, 'm@1').digest
        assert sign.decision.startswith('r17 does not take m@3 yet: place ')
        return sign.time

    member.look()
    assert told() == NOW
    member.look(SIGN_EVERY / 2)
    assert told() == NOW, 'no news'
    member.look(SIGN_EVERY)
    assert told() == NOW + SIGN_EVERY


def test_states_of_before_are_still_understood(robot: Robot) -> None:
    start(robot, 'm@1')
    robot.deployment.close()
    state = StateDir(robot.state_dir).node_state('/detector')
    document = {key: value for key, value in state.document().items() if key != 'plans'}
    assert type(state).from_document(document) == state
