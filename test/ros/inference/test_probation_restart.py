"""Whatever a model does to its process, the node ends up serving a good one."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import odd_backends
import pytest
from inference_processes import NodeUnderTest, value
from rebooting_nodes import NAME, NEVER, SOON, Robot, robot_on
from ros_client import Client
from ros_processes import wait_until
from swapping_nodes import LOAD_S, copy_version, write_good_models

KILLS = 4
LONGEST_LOAD_S = 0.6
KILLER = 'm@7'
ODD = {'execution__engine': odd_backends.ENGINE}


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good models, and m@7 that kills whoever opens it."""
    folder = tmp_path_factory.mktemp('store')
    write_good_models(folder)
    odd_backends.spoil(copy_version(folder, 2, 7), odd_backends.ABORTING)
    return folder


@pytest.fixture
def damaged(store: Path) -> Iterator[Path]:
    """m@8, whose manifest is cut off."""
    folder = copy_version(store, 2, 8)
    manifest = folder / 'manifest.yaml'
    manifest.write_bytes(manifest.read_bytes()[:100])
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def robot(ros_domain: int, store: Path, tmp_path: Path) -> Iterator[Robot]:
    with robot_on(tmp_path, store, tmp_path / 'state') as robot:
        yield robot


def test_a_version_whose_process_keeps_dying_on_probation_gives_way_to_the_previous_one(
    robot: Robot,
) -> None:
    robot.prove('m@1')
    for _ in range(2):  # probation.attempts
        node = robot.boot(model='m@2', **NEVER)
        assert node.words() == {'rose', 'leaf'}
        robot.kill()
    node = robot.boot(model='m@2', **NEVER)
    assert node.words() == {'tomato', 'lime'}
    sentence = 'm@2 is not used, m@1 is: it did not prove itself in 2 start(s)'
    assert sentence in node.process.log
    summary = node.wait_for_problem(sentence)
    assert value(summary, 'rejected') == 'm@2'
    status = node.status('model')
    assert status.level == status.WARN
    assert sentence in status.message


def test_the_previous_version_stays_until_a_person_asks_for_the_rejected_one_again(
    robot: Robot,
) -> None:
    robot.prove('m@1')
    for _ in range(2):
        robot.boot(model='m@2', **NEVER)
        robot.kill()
    robot.boot(model='m@2', **NEVER)
    robot.kill()
    node = robot.boot(model='m@2', **NEVER)
    assert node.words() == {'tomato', 'lime'}
    assert node.set_model('m@1').successful
    assert node.set_model('m@2').successful
    node.wait_for_serving('m@2')
    assert node.words() == {'rose', 'leaf'}


def test_it_is_announced_when_a_model_has_proven_itself(robot: Robot) -> None:
    node = robot.boot(model='m@1', **SOON)
    assert value(node.wait_for_serving('m@1'), 'proven') == 'False'
    for _ in range(SOON['probation__good_frames']):
        node.ask_once()
    node.wait_for_summary(lambda s: value(s, 'proven') == 'True', 'm@1 to prove itself')


def test_a_proven_swap_survives_kills_until_the_parameter_is_changed(robot: Robot) -> None:
    robot.prove('m@1')
    node = robot.boot(model='m@1', **SOON)
    node.set_model('m@2')
    node.wait_for_serving('m@2')
    robot.let_prove(node, 'm@2')
    robot.kill()
    for _ in range(2):
        node = robot.boot(model='m@1')
        assert node.words() == {'rose', 'leaf'}
        sentence = 'm@2 goes on, since it proved itself after a swap and the parameter is the same'
        assert sentence in node.process.log
        assert sentence in node.status('model').message
        assert node.parameter() == 'm@2'
        robot.kill()
    node = robot.boot(model='m@1')
    assert node.verb('rollback').message == 'm@1 serves again, m@2 was taken back'
    robot.kill()
    assert robot.boot(model='m@1').words() == {'tomato', 'lime'}
    robot.kill()
    node = robot.boot(model='m@2')
    assert node.words() == {'rose', 'leaf'}
    assert node.parameter() == 'm@2'


def test_a_damaged_version_gives_way_loudly_and_nothing_else_takes_its_place(
    robot: Robot, damaged: Path
) -> None:
    process = robot.start(model='m@8')
    wait_until(lambda: 'cannot configure' in process.log, 'the node to give up', LOAD_S)
    with closing(Client()) as client:
        node = NodeUnderTest(process, client, NAME)
        wanted = node.wait_for_status('model', lambda s: s.level == s.ERROR, 'an error')
        assert client.state(NAME) == 'unconfigured'
    assert str(damaged / 'manifest.yaml') in wanted.message
    robot.kill()
    robot.prove('m@1')
    node = robot.boot(model='m@8')
    assert node.words() == {'tomato', 'lime'}
    assert node.parameter() == 'm@1'
    status = node.status('model')
    assert status.level == status.ERROR
    for text in (status.message, node.process.log):
        assert 'm@8 is not used, m@1 is' in text
        assert str(damaged / 'manifest.yaml') in text
    assert robot.state().rejected == ()


def test_clean_stops_on_probation_are_no_failed_attempts(robot: Robot) -> None:
    robot.prove('m@1')
    for _ in range(3):
        node = robot.boot(model='m@2', **NEVER)
        assert node.process.stop() == 0
    assert robot.boot(model='m@2', **NEVER).words() == {'rose', 'leaf'}


def test_a_proven_version_may_die_as_often_as_it_likes(robot: Robot) -> None:
    robot.prove('m@1')
    for _ in range(3):
        robot.boot(model='m@1')
        robot.kill()
    assert robot.boot(model='m@1').words() == {'tomato', 'lime'}


def test_a_model_that_kills_the_process_while_it_loads_ends_in_the_previous_version(
    robot: Robot, tmp_path: Path
) -> None:
    environment = odd_backends.register(tmp_path / 'plugin')
    robot.prove('m@1')
    for _ in range(2):
        assert robot.start(environment, model=KILLER, **ODD).wait() == -signal.SIGABRT
    node = robot.boot(environment, model=KILLER, **ODD)
    assert node.words() == {'tomato', 'lime'}
    assert 'm@7 is not used, m@1 is' in node.process.log


def test_a_swap_that_kills_the_process_ends_in_the_previous_version(
    robot: Robot, tmp_path: Path
) -> None:
    environment = odd_backends.register(tmp_path / 'plugin')
    robot.prove('m@1')
    node = robot.boot(environment, model='m@1', **ODD)
    assert node.set_model(KILLER).successful
    assert node.process.wait() == -signal.SIGABRT
    assert robot.boot(environment, model='m@1', **ODD).words() == {'tomato', 'lime'}


@pytest.mark.parametrize('seed', [1, 2])
def test_after_a_kill_at_any_instant_of_a_swap_the_state_is_readable_and_a_good_model_serves(
    robot: Robot, seed: int
) -> None:
    instants = random.Random(seed)
    for number in range(KILLS):
        node = robot.boot(model='m@1')
        assert node.set_model('m@2').successful
        time.sleep(instants.uniform(0, LONGEST_LOAD_S))
        robot.kill()
        assert robot.state().serving in ('m@1', 'm@2'), number
    assert robot.state_dir.audit.verify() == ()
    assert robot.state_dir.problems == ()
    assert robot.boot(model='m@1').words() == {'tomato', 'lime'}


def test_a_state_directory_that_cannot_be_written_is_a_warning_and_no_reason_to_stop(
    robot: Robot, tmp_path: Path
) -> None:
    (tmp_path / 'a_file').touch()
    below = tmp_path / 'a_file/state'  # where not even root can make a folder
    node = robot.boot(model='m@1', state_dir=str(below))
    assert node.words() == {'tomato', 'lime'}
    status = node.wait_for_status('model', lambda s: s.level == s.WARN, 'a warning')
    assert str(below) in status.message
    assert node.set_model('m@2').successful
    node.wait_for_summary(lambda s: value(s, 'serving') == 'm@2', 'm@2 to serve')
    assert node.words() == {'rose', 'leaf'}
