"""Who may change the model: whoever may set parameters, whoever may call ~/swap, or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from swapping_nodes import SwappingNode, swapping_node, write_good_models

from ml_integration.ros.inference.swap_authority import DECIDING

AUTHORITIES = ('parameter', 'service', 'locked')
STRICT = ('service', 'locked')
VERBS = ('swap', 'rollback', 'reload')
LOCKED = 'the model of this node is locked'
ELSEWHERE = {
    'model_path': '/elsewhere',
    'fallback_model': 'other@1',
    'state_dir': '/elsewhere',
    'integrity': 'off',
    'trusted_keys_dir': '/elsewhere',
    'model_key_file': '/elsewhere',
    'execution.engine': 'onnx_runtime',
    'execution.providers': ['OtherExecutionProvider'],
    'execution.cache_optimized': False,
    'cascade.model': 'other@1',
    'probation.attempts': 1,
    'probation.good_frames': 10**6,
    'rollout.minimum_frames': 1,
}


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_good_models(folder)
    return folder


@pytest.fixture(scope='module')
def running(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, SwappingNode]]:
    """A node of each authority; they share a store."""
    log = tmp_path_factory.mktemp('log')
    with ExitStack() as stack:
        yield {
            authority: stack.enter_context(
                swapping_node(
                    log,
                    store,
                    name=f'/{authority}/eye',
                    swap_authority=authority,
                    model='m@1',
                    state_dir=tmp_path_factory.mktemp('state'),
                )
            )
            for authority in AUTHORITIES
        }


@pytest.fixture
def nodes(running: dict[str, SwappingNode]) -> dict[str, SwappingNode]:
    """All of them serve m@1."""
    for authority, node in running.items():
        if authority == 'parameter':
            node.serve(model='m@1')
            continue
        node.serve()
        if authority == 'service':
            assert node.set_model('m@1').successful
            assert node.verb('swap').success
    return running


@pytest.mark.parametrize('authority', AUTHORITIES)
def test_the_authority_cannot_be_changed_while_the_node_runs(
    nodes: dict[str, SwappingNode], authority: str
) -> None:
    node = nodes[authority]
    result = node.client.set_parameter(node.name, 'swap_authority', 'parameter')
    assert not result.successful
    assert node.client.parameter(node.name, 'swap_authority') == authority


def test_with_service_the_parameter_states_the_wish_and_swap_carries_it_out(
    nodes: dict[str, SwappingNode],
) -> None:
    node = nodes['service']
    assert node.set_model('m@2').successful
    assert node.words() == {'tomato', 'lime'}
    assert node.parameter() == 'm@2'
    assert 'm@1 on CPU' in node.status('model').message
    answer = node.verb('swap')
    assert answer.success
    assert answer.message == 'm@2 serves, after m@1'
    assert node.words() == {'rose', 'leaf'}


def test_with_service_a_wish_that_cannot_come_true_is_still_refused_at_once(
    nodes: dict[str, SwappingNode],
) -> None:
    result = nodes['service'].set_model('m@9')
    assert not result.successful
    assert "there is no model 'm@9'" in result.reason


def test_with_service_a_model_that_was_broken_since_the_wish_is_refused_by_swap(
    nodes: dict[str, SwappingNode], store: Path
) -> None:
    node = nodes['service']
    file = store / 'm/2/model.onnx'
    good = file.read_bytes()
    assert node.set_model('m@2').successful
    file.write_bytes(good[:-1])
    try:
        answer = node.verb('swap')
    finally:
        file.write_bytes(good)
    assert not answer.success
    assert 'model.onnx' in answer.message
    assert node.words() == {'tomato', 'lime'}


def test_locked_refuses_the_parameter(nodes: dict[str, SwappingNode]) -> None:
    node = nodes['locked']
    result = node.set_model('m@2')
    assert not result.successful
    assert LOCKED in result.reason
    assert 'swap_authority is read-only' in result.reason
    assert node.parameter() == 'm@1'


@pytest.mark.parametrize('verb', VERBS)
def test_locked_refuses_every_verb(nodes: dict[str, SwappingNode], verb: str) -> None:
    node = nodes['locked']
    answer = node.verb(verb)
    assert not answer.success
    assert LOCKED in answer.message
    assert node.words() == {'tomato', 'lime'}


def test_locked_leaves_other_parameters_open(nodes: dict[str, SwappingNode]) -> None:
    node = nodes['locked']
    assert node.client.set_parameter(node.name, 'reverify_period_s', 5.0).successful


def test_locked_also_holds_while_the_node_is_unconfigured(nodes: dict[str, SwappingNode]) -> None:
    node = nodes['locked']
    node.unconfigure()
    assert LOCKED in node.set_model('m@2').reason
    assert node.change('configure')


@pytest.mark.parametrize('authority', STRICT)
@pytest.mark.parametrize('state', ['active', 'inactive', 'unconfigured'])
def test_whatever_decides_what_runs_is_fixed_at_start_in_every_state(
    nodes: dict[str, SwappingNode], authority: str, state: str, store: Path
) -> None:
    node = nodes[authority]
    if state == 'inactive':
        assert node.change('deactivate')
    elif state == 'unconfigured':
        node.unconfigure()
    for name, value in ELSEWHERE.items():
        result = node.client.set_parameter(node.name, name, value)
        assert not result.successful, name
        assert ('fixed at start' in result.reason) or ('read-only' in result.reason), result.reason
    node.serve()
    assert node.words() == {'tomato', 'lime'}


def test_what_decides_what_runs_is_declared_as_that() -> None:
    assert {name for name in ELSEWHERE if '.' not in name} | {'model', 'swap_authority'} == {
        name for name in DECIDING if '.' not in name
    }
    nested = {name.partition('.')[0] for name in DECIDING if '.' in name}
    assert nested == {'probation', 'execution', 'cascade', 'accuracy', 'fleet', 'rollout'}
    assert {
        'execution.engine',
        'execution.providers',
        'execution.cache_optimized',
        'cascade.model',
        'accuracy.teacher',
    } <= set(DECIDING)


@pytest.mark.parametrize('authority', STRICT)
def test_a_cycle_of_the_lifecycle_is_no_way_to_another_model(
    nodes: dict[str, SwappingNode], authority: str
) -> None:
    node = nodes[authority]
    assert node.set_model('m@2').successful is (authority == 'service')
    node.serve()
    assert node.words() == {'tomato', 'lime'}
    node.unconfigure()
    assert node.set_model('m@2').successful is (authority == 'service')
    node.serve()
    assert node.words() == {'tomato', 'lime'}
    if authority == 'service':  # the wish still stands
        assert node.verb('swap').message == 'm@2 serves, after m@1'


def test_with_service_configure_goes_on_with_what_swap_carried_out(
    nodes: dict[str, SwappingNode],
) -> None:
    node = nodes['service']
    assert node.set_model('m@2').successful
    assert node.verb('swap').success
    node.serve()
    assert node.words() == {'rose', 'leaf'}
    assert node.set_model('m@1').successful
    node.serve()
    assert node.words() == {'rose', 'leaf'}
    assert node.verb('rollback').success is False or node.words() == {'tomato', 'lime'}


def test_with_parameter_all_of_it_stays_open(nodes: dict[str, SwappingNode], store: Path) -> None:
    node = nodes['parameter']
    node.serve(model='m@2', model_path=str(store), execution__intra_op_threads=1)
    assert node.words() == {'rose', 'leaf'}
    node.serve(model='m@1', execution__intra_op_threads=0)


def test_nodes_that_share_a_store_swap_independently(nodes: dict[str, SwappingNode]) -> None:
    one, other = nodes['parameter'], nodes['service']
    with other.frames_flowing() as answers:
        one.set_model('m@2')
        one.wait_for_serving('m@2')
    assert one.words() == {'rose', 'leaf'}
    assert other.words() == {'tomato', 'lime'}
    assert all(answer.detections for answer in answers)
    assert other.parameter() == 'm@1'


def test_security_finds_the_verbs_under_the_names_of_the_node(
    nodes: dict[str, SwappingNode],
) -> None:
    node = nodes['parameter']
    services = {name for name, _ in node.client.node.get_service_names_and_types()}
    assert {f'{node.name}/{verb}' for verb in VERBS} <= services
