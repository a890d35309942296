"""Models that never come back, while they are loaded or on a frame: nothing waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import odd_backends
import psutil
import pytest
from altered_models import Endless, endless_detector
from inference_processes import image_message, value
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from model_folders import write_model_folder
from ros_processes import wait_until
from swapping_nodes import (
    FRUIT,
    SwappingNode,
    swapping_node,
    write_good_models,
    write_waiting_model,
)

QUICK = {'probation__good_frames': 1, 'probation__seconds': 0.0}
ENDLESS, BRIGHT, WAITING, HOLDING = 10, 11, 12, 13
WHITE = image_message(np.full((64, 64, 3), 255, np.uint8))


def write_endless_models(store: Path) -> None:
    """`m@10` never ends, `m@11` not on bright frames, `m@12` hangs when opened, `m@13` when run.

    The engine can end the first two, and not the last two, as long as the gate is there.
    """
    for version, when in ((ENDLESS, Endless.ALWAYS), (BRIGHT, Endless.BRIGHT)):
        model = endless_detector(when)
        write_model_folder(store, 'm', version, model=model, labels=FRUIT, golden=False)
    write_waiting_model(store, WAITING)
    folder = write_model_folder(store, 'm', HOLDING, labels=FRUIT)
    odd_backends.spoil(folder, odd_backends.HOLDING)


@pytest.fixture(scope='module')
def running(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwappingNode]:
    store = tmp_path_factory.mktemp('store')
    write_good_models(store)
    write_endless_models(store)
    with swapping_node(tmp_path_factory.mktemp('log'), store) as node:
        yield node


@pytest.fixture
def node(running: SwappingNode, tmp_path: Path) -> SwappingNode:
    """Serves m@1, which has proven itself, and remembers nothing else."""
    limits = {'load_timeout_s': 1.0, 'frame_timeout_ms': 300.0, **QUICK}
    running.serve(model='m@1', state_dir=str(tmp_path / 'state'), **limits)
    running.words()
    running.wait_for_summary(lambda s: value(s, 'proven') == 'True', 'm@1 to prove itself')
    return running


def give_time(node: SwappingNode, load_s: float) -> None:
    assert node.client.set_parameter(node.name, 'load_timeout_s', load_s).successful


@pytest.mark.parametrize('version', [ENDLESS, WAITING])
def test_a_load_that_does_not_end_is_told_and_given_up(node: SwappingNode, version: int) -> None:
    give_time(node, 3.0)
    with node.loading(f'm@{version}'), node.frames_flowing() as answers:
        node.wait_for_summary(lambda s: f'loading m@{version} for' in s.message, 'it is told')
        status = node.status('model')
        assert value(status, 'loading').startswith(f'loading m@{version} for')
        assert f'loading m@{version}' in status.message
        summary = node.wait_for_problem('it was not loaded and tested within 3 s')
        assert ('left behind' in value(summary, 'problem')) == (version == WAITING)
    assert node.parameter() == value(summary, 'serving') == 'm@1'
    assert all(answer.detections for answer in answers)


def test_many_requests_add_no_threads_and_the_last_one_is_done(node: SwappingNode) -> None:
    give_time(node, 60.0)
    process = psutil.Process(node.process.pid)
    with node.loading(f'm@{ENDLESS}'):
        node.wait_for_summary(lambda s: 'loading' in s.message, 'the load')
        threads = process.num_threads()
        for number in range(60):
            assert node.set_model(f'm@{ENDLESS if number % 2 else 2}').successful
        assert process.num_threads() <= threads + 4
        node.set_model('m@2')
        node.wait_for_serving('m@2')


def test_a_rollback_does_not_wait_for_a_load(node: SwappingNode) -> None:
    node.set_model('m@2')
    node.wait_for_serving('m@2')
    give_time(node, 600.0)
    with node.loading(f'm@{ENDLESS}'):
        node.wait_for_summary(lambda s: 'loading' in s.message, 'the load')
        answer = node.verb('rollback')
    assert answer.message == 'm@1 serves again, m@2 was taken back'


@pytest.mark.parametrize('version', [ENDLESS, WAITING])
def test_a_node_can_be_cleaned_up_while_a_load_hangs(node: SwappingNode, version: int) -> None:
    give_time(node, 600.0)
    with node.loading(f'm@{version}'):
        node.wait_for_summary(lambda s: 'loading' in s.message, 'the load')
        node.unconfigure()
        node.set_model('m@1')
        node.serve()
        assert node.words() == {'tomato', 'lime'}


def test_a_start_that_hangs_is_told_and_given_up(node: SwappingNode, tmp_path: Path) -> None:
    node.unconfigure()
    node.client.set_parameter(node.name, 'state_dir', str(tmp_path / 'fresh'))
    node.set_model(f'm@{ENDLESS}')
    assert not node.change('configure')
    assert f'm@{ENDLESS}: it was not loaded and tested within 1 s' in node.process.log


@pytest.mark.parametrize('version', [ENDLESS, WAITING])
def test_another_model_can_be_asked_for_while_the_first_one_hangs(
    node: SwappingNode, version: int
) -> None:
    node.unconfigure()
    give_time(node, 600.0)
    node.set_model(f'm@{version}')
    node.client.keep(node.name, (ChangeState, 'change_state'))
    request = ChangeState.Request(transition=Transition(label='configure'))
    node.gate.touch()
    try:
        answer = node.client.ask(f'{node.name}/change_state', request)
        node.wait_for_status('model', lambda s: f'loading m@{version}' in s.message, 'the load')
        assert not node.change('configure')  # is under way
        assert node.set_model('m@2').successful
        wait_until(answer.done, 'the end of the transition')
    finally:
        node.gate.unlink()
    assert answer.result().success, node.process.log
    assert node.change('activate')
    assert node.words() == {'rose', 'leaf'}


def test_a_frame_that_does_not_end_costs_the_model_its_place(node: SwappingNode) -> None:
    node.set_model(f'm@{BRIGHT}')
    node.wait_for_serving(f'm@{BRIGHT}')
    assert node.words() == {'tomato', 'lime'}
    node.feed().publish(WHITE)
    reason = f'a frame of m@{BRIGHT} did not come back within 300 ms'
    summary = node.wait_for_problem(reason)
    assert value(summary, 'serving') == node.parameter() == 'm@1'
    assert node.words() == {'tomato', 'lime'}
    node.wait_for_status('model', lambda s: reason in s.message, 'the reason')


def test_a_frame_that_cannot_be_ended_is_left_behind(node: SwappingNode) -> None:
    node.set_model(f'm@{HOLDING}')
    node.wait_for_serving(f'm@{HOLDING}')
    node.gate.touch()
    try:
        node.feed().publish(image_message(np.zeros((64, 64, 3), np.uint8)))
        node.wait_for_problem(f'a frame of m@{HOLDING} did not come back within 300 ms')
        assert node.words() == {'tomato', 'lime'}
        node.wait_for_status(
            'model', lambda s: f'still hanging in this process: a frame of m@{HOLDING}' in
            value(s, 'alarm'), 'what hangs')  # fmt: skip
        node.unconfigure()
        node.serve(model='m@1')
        assert node.words() == {'tomato', 'lime'}
    finally:
        node.gate.unlink()
