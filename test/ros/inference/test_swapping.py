"""The model is changed while frames flow: no frame is lost and nothing of two models is mixed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnx_models
import pytest
from inference_processes import value
from model_folders import write_model_folder
from swapping_nodes import (
    SwappingNode,
    content,
    write_good_models,
    write_waiting_model,
)


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good models, one that loads when it is let, a classifier."""
    folder = tmp_path_factory.mktemp('store')
    write_good_models(folder)
    write_waiting_model(folder, 3)
    write_model_folder(
        folder, 'c', model=onnx_models.classifier(), task='classification', settings={}
    )
    return folder


@pytest.fixture
def node(running: SwappingNode, tmp_path: Path) -> SwappingNode:
    """Serves m@1 and remembers nothing."""
    running.serve(model='m@1', state_dir=str(tmp_path / 'state'))
    return running


def test_setting_the_parameter_swaps_while_every_frame_is_answered(node: SwappingNode) -> None:
    with node.frames_flowing() as answers:
        for model in ('m@2', 'm@1', 'm@2'):
            assert node.set_model(model).successful
            node.wait_for_serving(model)
            assert node.parameter() == model
    assert len(answers) > 5


def test_labels_thresholds_and_input_sizes_are_those_of_one_model_in_every_result(
    node: SwappingNode,
) -> None:
    first = content(node.ask_once())
    with node.frames_flowing() as answers:
        node.set_model('m@2')
        node.wait_for_serving('m@2')
    second = content(node.ask_once())
    assert {item[0] for item in first} == {'tomato', 'lime'}
    assert {item[0] for item in second} == {'rose', 'leaf'}
    kinds = [(first, second).index(content(answer)) for answer in answers]  # nothing in between
    assert kinds == sorted(kinds)
    assert set(kinds) == {0, 1}


def test_services_diagnostics_and_frames_stay_live_during_a_load(node: SwappingNode) -> None:
    with node.loading('m@3'):
        assert node.words() == {'tomato', 'lime'}
        assert node.client.state(node.name) == 'active'
        assert node.client.parameter(node.name, 'deadline_ms') == 0.0
        assert 'm@1 on CPU' in node.status('model').message
        assert node.parameter() == 'm@3'
    node.wait_for_serving('m@3')


def test_a_second_request_supersedes_the_first(node: SwappingNode) -> None:
    logged_before = len(node.process.log)
    with node.loading('m@3'):
        assert node.set_model('m@2').successful
    node.wait_for_serving('m@2')
    assert node.parameter() == 'm@2'
    log = node.process.log[logged_before:]
    assert 'superseded by a newer one' in log
    assert 'm@3 serves' not in log


def test_asking_for_what_serves_gives_up_what_is_being_loaded(node: SwappingNode) -> None:
    with node.loading('m@3'):
        assert node.set_model('m@1').successful
    node.wait_for_problem('superseded')
    assert node.words() == {'tomato', 'lime'}
    assert node.parameter() == 'm@1'


def test_a_model_set_while_inactive_is_loaded_at_once(node: SwappingNode) -> None:
    assert node.change('deactivate')
    assert node.set_model('m@2').successful
    node.wait_for_serving('m@2')
    assert node.change('activate')
    assert node.words() == {'rose', 'leaf'}


def test_a_model_set_while_unconfigured_is_loaded_by_configure(node: SwappingNode) -> None:
    node.unconfigure()
    assert node.set_model('m@2').successful
    assert node.change('configure')
    assert node.change('activate')
    assert node.words() == {'rose', 'leaf'}


@pytest.mark.parametrize(
    ('reference', 'reason'),
    [
        ('m@9', "there is no model 'm@9'; expected one of c@1, m@1, m@2"),  # unknown version
        ('nobody', "there is no model 'nobody'"),  # unknown name
        ('m@one', 'expected name, name@3, name@latest or name@previous'),  # no reference
        ('c@1', 'Start another inference_node with -p model:=c@1 for it'),  # another task
    ],
)
def test_a_wish_that_cannot_come_true_is_refused_with_the_reason(
    node: SwappingNode, reference: str, reason: str
) -> None:
    result = node.set_model(reference)
    assert not result.successful
    assert reason in result.reason
    assert node.parameter() == 'm@1'
    assert node.words() == {'tomato', 'lime'}


def test_a_bare_name_means_the_active_version_or_the_latest(
    node: SwappingNode, store: Path
) -> None:
    assert node.set_model('c').successful is False
    assert node.set_model('m@latest').successful
    node.wait_for_serving('m@3')


def test_a_swap_is_said_with_the_version_before(node: SwappingNode) -> None:
    node.set_model('m@2')
    status = node.wait_for_serving('m@2')
    assert status.message == 'm@2 serves'
    assert value(status, 'proven') == 'False'
    assert node.version('m@2').message == 'serving'
    assert 'm@2 serves, after m@1' in node.process.log


def test_a_node_that_is_cleaned_up_during_a_load_ends_it_in_good_order(
    node: SwappingNode,
) -> None:
    assert node.change('deactivate')
    with ThreadPoolExecutor() as threads:
        with node.loading('m@3'):
            cleaned_up = threads.submit(node.change, 'cleanup')  # waits for the end of the load
        assert cleaned_up.result()
    assert node.client.state(node.name) == 'unconfigured'
    assert 'Traceback' not in node.process.log
    assert node.parameter() == 'm@3'  # what the next configure will load
    node.serve(model='m@2')
    assert node.words() == {'rose', 'leaf'}
