"""The models of a rollout: opened beside what serves, lent, promoted, and let go of."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx_models
import pytest
from deployed_robots import WAIT_S, Robot
from fleet_orders import revoke

from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.nice_session import NiceSession
from ml_integration.deploy.rollout.hands import Hands, Wanted
from ml_integration.errors import IntegrityError, ModelError, SupersededError, SwapError
from ml_integration.store.state.node_state import Edition

NEW, OLD = Edition('m@2'), Edition('m@1')
TO_SERVE = Wanted(NEW, OLD, to_serve=True)


@pytest.fixture
def robot(store: Path, model_folder: Callable[..., Path], tmp_path: Path) -> Iterator[Robot]:
    """Serves m@1."""
    for version in (1, 2):
        model_folder('m', version)
    robot = Robot(store, tmp_path / 'state')
    robot.deployment.start('m@1')
    yield robot
    robot.deployment.close()


@pytest.fixture
def hands(robot: Robot) -> Hands:
    return robot.deployment.hands


def opened(hands: Hands, wanted: Wanted) -> str:
    return hands.open(wanted).result(WAIT_S)


def lent(robot: Robot, frames: int = 4) -> list[str]:
    """What some frames are lent."""
    by = []
    for _ in range(frames):
        with robot.deployment.router.lease() as lease:
            lease.record(True)
            by.append(str(lease.pipeline.model.identity))
    return by


def watch_closing(pipeline: Pipeline) -> list[Pipeline]:
    """Returns a list that the pipeline is in when it is closed."""
    closed, close = list[Pipeline](), pipeline.close

    def closing() -> None:
        closed.append(pipeline)
        close()

    pipeline.close = closing  # type: ignore[method-assign]
    return closed


def test_both_are_opened_nice_for_spare_time_and_nobody_is_lent_them(
    robot: Robot, hands: Hands
) -> None:
    assert opened(hands, Wanted(NEW, OLD, spare=True)) == 'm@2 is open'
    spare = hands.take_spare()
    assert spare is not None and hands.take_spare() is None
    assert [str(one.model.identity) for one in spare] == ['m@1', 'm@2']
    assert all(isinstance(one.session, NiceSession) and one.session.threads == 1 for one in spare)
    assert lent(robot) == ['m@1'] * 4
    for pipeline in spare:
        pipeline.close()


def test_a_share_is_lent_and_parked(robot: Robot, hands: Hands) -> None:
    opened(hands, TO_SERVE)
    hands.share(0.5)
    assert lent(robot) == ['m@1', 'm@2', 'm@1', 'm@2']
    hands.park()
    assert lent(robot) == ['m@1'] * 4
    hands.share(1.0)
    assert lent(robot) == ['m@2'] * 4
    hands.stop_at_once(NEW)
    assert lent(robot) == ['m@1'] * 4


def test_a_promoted_one_goes_on_over_restarts_and_comes_back_without_a_disk(
    robot: Robot, hands: Hands, store: Path
) -> None:
    robot.serve()
    opened(hands, TO_SERVE)
    hands.share(0.5)
    assert hands.promote().result() == 'm@2 serves, after m@1'
    assert robot.deployment.state.stands == robot.deployment.serving.edition
    assert hands.has_way_back
    shutil.rmtree(store)
    hands.stop_at_once(NEW)
    assert lent(robot) == ['m@1'] * 4
    assert hands.take_back('it sees ghosts').result(WAIT_S) == (
        'm@1 serves again, m@2 was taken back'
    )
    (rejected,) = robot.deployment.state.rejected
    assert (str(rejected.edition), rejected.reason) == ('m@2', 'it sees ghosts')


def test_what_is_dropped_is_closed_lent_or_not(robot: Robot, hands: Hands) -> None:
    opened(hands, Wanted(NEW, OLD, spare=True, to_serve=True))
    assert hands._spare is not None and hands._loaded is not None
    candidate, spare = hands._loaded.pipeline, hands._spare
    closed = [watch_closing(one) for one in (candidate, *spare)]
    hands.drop()
    assert all(closed)
    opened(hands, TO_SERVE)
    hands.share(0.5)
    candidate = robot.deployment.router.pipelines[1]
    closed = [watch_closing(candidate)]
    with robot.deployment.router.lease(), robot.deployment.router.lease() as lease:
        assert lease.pipeline is candidate
        hands.drop()
        assert not closed[0]  # a frame has it
    robot.deployment._models._aside.finish()
    assert closed[0]


def test_what_nobody_waits_for_any_more_is_not_kept(robot: Robot, hands: Hands) -> None:
    future = hands.open(TO_SERVE)
    hands.drop()
    with pytest.raises(SupersededError):
        future.result(WAIT_S)
    assert hands.lacks(NEW)
    assert lent(robot) == ['m@1'] * 4


def test_what_cannot_take_the_place_is_not_opened(
    robot: Robot, hands: Hands, model_folder: Callable[..., Path]
) -> None:
    classifier = onnx_models.classifier()
    model_folder('m', 3, model=classifier, task='classification', settings={}, golden=False)
    with pytest.raises(SwapError, match='m@3'):
        hands.admit('m@3')
    with pytest.raises(SwapError, match='m@3'):
        opened(hands, Wanted(Edition('m@3'), OLD, spare=True))
    with pytest.raises(ModelError, match='is not open'):
        hands.share(0.5)
    assert hands.take_spare() is None


def test_a_revoked_one_takes_no_further_step(robot: Robot, hands: Hands, store: Path) -> None:
    opened(hands, TO_SERVE)
    hands.share(0.5)
    revoke(store, 'm@2')
    with pytest.raises(IntegrityError, match='revoked'):
        hands.share(1.0)
    with pytest.raises(IntegrityError, match='revoked'):
        hands.promote().result()
    assert str(robot.deployment.serving.identity) == 'm@1'


def test_the_way_back_is_opened_where_it_is_not_there(robot: Robot, hands: Hands) -> None:
    robot.serve()
    robot.swap('m@2')
    robot.deployment._models.give_back_previous()
    opened(hands, Wanted(NEW, OLD, to_return=True))
    assert hands.has_way_back
    hands.stop_at_once(NEW)
    assert lent(robot) == ['m@1'] * 4
