"""`~/swap`, `~/rollback` and `~/reload` answer when it is done, in a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from inference_processes import value
from ros_processes import wait_until
from swapping_nodes import (
    SwappingNode,
    copy_version,
    replace_model,
    write_good_models,
)

SOON = {'probation__good_frames': 2, 'probation__seconds': 0.0}


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_good_models(folder)
    return folder


@pytest.fixture
def node(running: SwappingNode, tmp_path: Path) -> SwappingNode:
    """Serves m@1, remembers nothing else, and proves a model with two frames."""
    running.serve(model='m@1', state_dir=str(tmp_path / 'state'), **SOON)
    return running


def prove(node: SwappingNode) -> None:
    """Lets the serving model serve until it counts as proven."""
    state = Path(node.client.parameter(node.name, 'state_dir'))

    def proven() -> bool:
        node.ask_once()
        return any('"committed": true' in file.read_text() for file in state.glob('nodes/*.json'))

    wait_until(proven, 'a proven model')


def swap(node: SwappingNode, model: str) -> None:
    node.set_model(model)
    node.wait_for_serving(model)


def test_rollback_answers_when_the_previous_good_model_serves(node: SwappingNode) -> None:
    prove(node)
    swap(node, 'm@2')
    answer = node.verb('rollback')
    assert answer.success
    assert answer.message == 'm@1 serves again, m@2 was taken back'
    assert node.words() == {'tomato', 'lime'}
    assert node.parameter() == 'm@1'
    summary = node.wait_for_serving('m@1')
    assert value(summary, 'rejected') == 'm@2'


def test_rollback_loses_no_frame(node: SwappingNode) -> None:
    prove(node)
    swap(node, 'm@2')
    with node.frames_flowing():
        assert node.verb('rollback').success


def test_rollback_works_when_the_files_of_the_previous_model_are_gone(
    node: SwappingNode, store: Path, tmp_path: Path
) -> None:
    other_store = tmp_path / 'store'
    shutil.copytree(store, other_store)
    node.unconfigure()
    node.serve(model='m@1', model_path=str(other_store))
    try:
        prove(node)
        swap(node, 'm@2')
        shutil.rmtree(other_store / 'm/1')
        assert node.verb('rollback').message == 'm@1 serves again, m@2 was taken back'
        assert node.words() == {'tomato', 'lime'}
    finally:
        node.unconfigure()
        node.client.set_parameter(node.name, 'model_path', str(store))


def test_without_a_kept_previous_model_a_rollback_loads_it_again(node: SwappingNode) -> None:
    node.serve(model='m@1', keep_previous=False)
    try:
        prove(node)
        swap(node, 'm@2')
        assert node.verb('rollback').message == 'm@1 serves again, m@2 was taken back'
        assert node.words() == {'tomato', 'lime'}
    finally:
        node.unconfigure()
        node.client.set_parameter(node.name, 'keep_previous', True)


def test_a_rollback_without_a_previous_good_model_says_so(node: SwappingNode) -> None:
    answer = node.verb('rollback')
    assert not answer.success
    assert answer.message == (
        'm@1 has no previous good model to go back to: m@1 served 0 of 2 good frames; no other '
        f'model has served. Choose a model: ros2 param set {node.name} model NAME@VERSION. '
        'ml_model list shows what there is.'
    )


def test_rollback_returns_to_a_model_that_served_good_frames_without_proof(
    node: SwappingNode,
) -> None:
    assert node.client.set_parameter(node.name, 'probation.good_frames', 1000).successful
    node.ask_once()
    swap(node, 'm@2')
    assert node.verb('rollback').message == 'm@1 serves again, m@2 was taken back'
    assert node.parameter() == 'm@1'
    answer = node.verb('rollback')
    assert not answer.success
    assert 'm@2 served 0 of 1000 good frames and is rejected: it was rolled back' in answer.message


def test_a_rolled_back_model_serves_again_when_a_person_asks_for_it(node: SwappingNode) -> None:
    prove(node)
    swap(node, 'm@2')
    node.verb('rollback')
    swap(node, 'm@2')
    assert node.words() == {'rose', 'leaf'}


def test_reload_loads_the_same_version_again_from_disk(
    node: SwappingNode, store: Path, tmp_path: Path
) -> None:
    answer = node.verb('reload')
    assert answer.success
    assert answer.message == 'm@1 serves, after m@1'


def test_a_reload_that_fails_says_why_and_changes_nothing(node: SwappingNode, store: Path) -> None:
    folder = copy_version(store, 1, 20)
    try:
        swap(node, 'm@20')
        replace_model(folder, b'torn')
        answer = node.verb('reload')
    finally:
        shutil.rmtree(folder)
    assert not answer.success
    assert 'the file is not an ONNX model, or it is truncated' in answer.message
    assert node.words() == {'tomato', 'lime'}


def test_swap_says_when_there_is_nothing_to_do(node: SwappingNode) -> None:
    answer = node.verb('swap')
    assert answer.success
    assert answer.message == 'm@1 serves already'


@pytest.mark.parametrize('verb', ['swap', 'rollback', 'reload'])
def test_verbs_of_an_unconfigured_node_say_that_nothing_serves(
    node: SwappingNode, verb: str
) -> None:
    node.unconfigure()
    answer = node.verb(verb)
    assert not answer.success
    assert answer.message == f'{node.name}: no model is loaded. Configure the node first.'
