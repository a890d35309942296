"""A node obeys orders that appear in its store, while frames flow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx_models
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from fleet_orders import REASON, edition_in, give_orders, orders_about, revoke
from inference_processes import value
from model_folders import write_model_folder
from ros_processes import wait_until
from signing import STRANGER, sign_folder, write_keys
from swapping_nodes import SwappingNode, swapping_node, write_good_models

from ml_integration.store.state.state_dir import StateDir

MOOD: dict[str, Any] = {
    'task': 'classification',
    'settings': {'softmax': True},
    'encode': {'resize': 'stretch'},
    'labels': ('warm', 'fresh', 'cold'),
}
REVOKED = f'revoked by orders 1 of the fleet: {REASON}'


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """m@1 and m@2, signed, and two second models."""
    folder = tmp_path / 'store'
    write_good_models(folder)
    for version in (1, 2):
        write_model_folder(folder, 'mood', version, model=onnx_models.classifier(), **MOOD)
    for place in sorted(folder.glob('*/*')):
        sign_folder(place)
    return folder


@pytest.fixture(scope='module')
def running(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwappingNode]:
    folder = tmp_path_factory.mktemp('node')
    (folder / 'facts.yaml').write_text('robot: r17\nsite: lab\n')
    with swapping_node(
        folder,
        folder,
        name='/fleet',
        integrity='signed',
        trusted_keys_dir=write_keys(folder),
        fleet__look_period_s=0.1,
        fleet__facts_file=folder / 'facts.yaml',
    ) as node:
        yield node


@pytest.fixture
def node(running: SwappingNode, store: Path, tmp_path: Path) -> SwappingNode:
    """Serves m@1 of the store, after which it remembers nothing else."""
    state = str(tmp_path / 'state')
    running.serve(model_path=str(store), model='m@1', state_dir=state, stages=[])
    return running


def test_a_revoked_model_that_serves_goes_back_and_no_way_leads_to_it_again(
    node: SwappingNode, store: Path, tmp_path: Path
) -> None:
    assert node.words() == {'tomato', 'lime'}
    assert node.set_model('m@2').successful
    node.wait_for_serving('m@2')
    with node.frames_flowing() as answers:
        revoke(store, 'm@2')
        summary = node.wait_for_summary(lambda s: value(s, 'serving') == 'm@1', 'the last good')
    assert all(answer.detections for answer in answers)
    assert 'm@2 is not used, m@1 is: ' in value(summary, 'problem')
    assert node.words() == {'tomato', 'lime'} and node.parameter() == 'm@1'
    status = node.wait_for_status('model', lambda s: s.level == s.WARN, 'a warning')
    assert 'm@2 is not used, m@1 is: ' in status.message and REVOKED in status.message
    refused = node.set_model('m@2')
    assert not refused.successful and REVOKED in refused.reason
    assert not node.verb('rollback').success
    assert node.words() == {'tomato', 'lime'}
    actions = [(e.action, e.model) for e in StateDir(tmp_path / 'state').audit.entries()]
    assert ('revoke', 'm@2') in actions and ('rollback', 'm@2') in actions


def test_a_node_with_nothing_to_go_back_to_ends_unconfigured_and_says_why(
    node: SwappingNode, store: Path
) -> None:
    assert node.words() == {'tomato', 'lime'}
    revoke(store, 'm@1')
    wait_until(lambda: node.client.state(node.name) == 'unconfigured', 'the end of m@1')
    status = node.wait_for_status('model', lambda s: s.level == s.ERROR, 'an error')
    assert 'cannot configure: ' in status.message and REVOKED in status.message
    assert not node.change('configure')
    node.set_model('m@2')
    node.serve()
    assert node.words() == {'rose', 'leaf'}


def test_a_revoked_second_model_gives_way_to_another_version(
    node: SwappingNode, store: Path
) -> None:
    node.serve(stages=['cascade'], cascade__model='mood')
    assert 'mood@2' in value(node.status('model'), 'second models')
    revoke(store, 'mood@2')
    node.wait_for_status(
        'model',
        lambda s: 'mood@1' in {item.key: item.value for item in s.values}.get('second models', ''),
        'the other second model',
    )
    assert node.client.state(node.name) == 'active'
    assert node.words() == {'tomato', 'lime'}


def test_a_plan_in_the_store_is_followed_once_and_never_after_a_rollback(
    node: SwappingNode, store: Path, tmp_path: Path
) -> None:
    assert node.words() == {'tomato', 'lime'}
    give_orders(store, orders_about(store, 'm', 1, plan='m@2', percent=0))
    sign = tmp_path / 'state/signs/%2Ffleet.json'

    def decision() -> str:
        return str(json.loads(sign.read_text())['decision']) if sign.exists() else ''

    wait_until(lambda: decision().startswith('r17 does not take m@2 yet'), 'a decision')
    give_orders(store, orders_about(store, 'm', 2, plan='m@2', percent=100))
    node.wait_for_serving('m@2')
    assert node.words() == {'rose', 'leaf'} and node.parameter() == 'm@2'
    assert node.verb('rollback').success
    give_orders(store, orders_about(store, 'm', 3, plan='m@2', percent=100))
    wait_until(lambda: json.loads(sign.read_text())['orders'] == 3, 'newer orders')
    assert 'it has followed this plan' in decision()
    assert node.words() == {'tomato', 'lime'}


def test_orders_that_no_trusted_key_signed_are_a_warning_and_no_more(
    node: SwappingNode, store: Path
) -> None:
    file = give_orders(store, orders_about(store, 'm', 9, 'm@1', plan='m@2'), STRANGER)

    def warns(status: DiagnosticStatus) -> bool:
        return bool(status.level == status.WARN and str(file) in status.message)

    node.wait_for_status('model', warns, 'a warning')
    assert node.words() == {'tomato', 'lime'}
    file.unlink()
    node.wait_for_status('model', lambda s: s.level == s.OK, 'no complaint')
    assert edition_in(store, 'm@1')
