"""A model that would not fit is not loaded, and what serves is not touched for it."""

from __future__ import annotations

from pathlib import Path

import onnx_models
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import value
from model_folders import write_model_folder
from swapping_nodes import FRUIT, GARDEN, SwappingNode, copy_version

from ml_integration.ros.messages.diagnostic_numbers import numbers

DOES_NOT_FIT = 'it does not fit into memory_budget_mb'
HEAVY, OTHER_HEAVY, GREEDY = 'm@2', 'm@3', 'm@4'
WEIGHTS_MB, WORK_MB = 30, 120


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, two with large weights, and a small file that needs much to run."""
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'm', 1, labels=FRUIT)
    heavy = onnx_models.laden_detector(weights_mb=WEIGHTS_MB)
    greedy = onnx_models.laden_detector(work_mb=WORK_MB)
    for version, model in ((2, heavy), (4, greedy)):
        write_model_folder(folder, 'm', version, model=model, labels=GARDEN)
    copy_version(folder, 2, 3)
    return folder


@pytest.fixture
def node(running: SwappingNode, tmp_path: Path) -> SwappingNode:
    """Serves m@1 and has no budget."""
    running.serve(model='m@1', state_dir=str(tmp_path / 'state'), memory_budget_mb=0.0)
    return running


def rss_mb(node: SwappingNode) -> float:
    node.status('resources')  # the figures are those of the look before
    return numbers(node.status('resources'))['rss [MB]']


def limit(node: SwappingNode, budget_mb: float) -> None:
    assert node.client.set_parameter(node.name, 'memory_budget_mb', budget_mb).successful


def test_a_model_that_would_not_fit_is_refused_at_once(node: SwappingNode) -> None:
    limit(node, rss_mb(node) + WEIGHTS_MB)
    result = node.set_model(HEAVY)
    assert not result.successful
    assert f'{HEAVY}: {DOES_NOT_FIT}; got ' in result.reason
    assert 'by the size of its files' in result.reason
    assert 'Raise memory_budget_mb' in result.reason
    assert node.words() == {'tomato', 'lime'}
    limit(node, 0.0)
    assert node.set_model(HEAVY).successful
    node.wait_for_serving(HEAVY)


def test_a_model_that_takes_more_than_its_files_say_is_taken_back(node: SwappingNode) -> None:
    budget_mb = rss_mb(node) + 0.5 * WORK_MB
    limit(node, budget_mb)
    with node.frames_flowing() as answers:
        assert node.set_model(GREEDY).successful  # only loading it can tell
        node.wait_for_problem('MB with it loaded')
    assert all(answer.detections for answer in answers)
    assert node.words() == {'tomato', 'lime'}

    def is_below(status: DiagnosticStatus) -> bool:
        return numbers(status)['rss [MB]'] < budget_mb

    node.wait_for_status('resources', is_below, 'what it took is given back')
    again = node.set_model(GREEDY)
    assert not again.successful
    assert 'as it was measured here' in again.reason


def test_the_kept_previous_model_is_given_back_first(node: SwappingNode) -> None:
    node.set_model(HEAVY)
    node.wait_for_serving(HEAVY)
    node.words()  # it has proven useful: a rollback finds it
    node.set_model('m@1')
    node.wait_for_serving('m@1')
    node.words()
    budget_mb = rss_mb(node) + 3.5 * WEIGHTS_MB
    limit(node, budget_mb)
    assert node.set_model(OTHER_HEAVY).successful
    node.wait_for_serving(OTHER_HEAVY)
    assert f'{HEAVY} is not kept in memory any more' in node.process.log
    assert node.words() == {'rose', 'leaf'}
    assert rss_mb(node) < budget_mb
    assert node.verb('rollback').message.startswith('m@1 serves again')


def test_a_start_without_room_is_refused(node: SwappingNode) -> None:
    node.unconfigure()
    limit(node, 20.0)
    assert not node.change('configure')
    assert f'm@1: {DOES_NOT_FIT}' in node.process.log
    status = node.wait_for_status('resources', lambda s: s.level == s.ERROR, 'an error')
    assert value(status, 'memory budget [MB]') == '20.00'
    assert 'memory_budget_mb is 20' in status.message
