"""A real node takes a new version in steps, and takes a bad one back before anybody sees it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import altered_models
import onnx
import onnx_models
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import value
from model_folders import write_model_folder
from rebooting_nodes import robot_on
from ros_processes import wait_until
from swapping_nodes import SwappingNode, swapping_node
from vision_msgs.msg import Detection2DArray

from benchmarks.model_surgery import not_a_number_above
from ml_integration.errors import MlIntegrationError
from ml_integration.store.state.state_dir import StateDir

PATIENCE_S = 90.0
QUICK: dict[str, Any] = {
    'rollout.shares': [50.0],
    'rollout.spare_cpus': 0.0,
    'rollout.minimum_frames': 120,
    'rollout.minimum_s': 2.5,
    'rollout.watch_s': 2.5,
    'rollout.latency_ratio': 1e30,
    'rollout.unlike_latency_ratio': 1e30,
    'rollout.late_ratio': 1.0,
    'rollout.error_ratio': 1.0,
    'rollout.invalid_ratio': 1.0,
    'rollout.memory_growth_mb': 1e5,
}
"""Steps of a moment: so few seconds tell nothing that is sure but of other limits than these."""


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """m@1, m@2 of the same content, m@3 with scores beyond 1, m@4 with NaN for pictures."""
    folder = tmp_path_factory.mktemp('store')
    for version in (1, 2):
        write_model_folder(folder, 'm', version)
    exaggerating = altered_models.exaggerating_detector(50.0)
    write_model_folder(folder, 'm', 3, model=exaggerating, golden=False)
    honest = onnx.load_from_string(onnx_models.tiny_detector())
    nan = not_a_number_above(honest, 1e-6).SerializeToString()
    write_model_folder(folder, 'm', 4, model=nan, golden=False)
    return folder


@pytest.fixture
def node(running: SwappingNode, tmp_path: Path) -> SwappingNode:
    """Serves m@1, and remembers nothing."""
    running.client.set_parameter(running.name, 'rollout.candidate', '')
    running.serve(model='m@1', state_dir=str(tmp_path / 'state'))
    for name, setting in QUICK.items():
        assert running.client.set_parameter(running.name, name, setting).successful
    return running


def roll_out(node: SwappingNode, reference: str) -> Any:
    return node.client.set_parameter(node.name, 'rollout.candidate', reference)


def phase(node: SwappingNode, wanted: str, **more: str) -> DiagnosticStatus:
    """Waits until the node says that its rollout is in a phase; returns the status."""
    name, found = f'{node.name.lstrip("/")}: rollout', list[DiagnosticStatus]()

    def there() -> bool:
        found[:] = [s for m in node.diagnostics.messages[-1:] for s in m.status if s.name == name]
        keys = {'phase': wanted, **more}
        return any(all(value(s, k) == v for k, v in keys.items()) for s in found)

    try:
        wait_until(there, f'a rollout {wanted}', PATIENCE_S)
    except MlIntegrationError as error:
        raise AssertionError(f'{error}: {found}\n{node.process.log}') from None
    return found[0]


def decisions(state: Path) -> list[str]:
    entries = StateDir(state).audit.entries()
    return [entry.reason for entry in entries if entry.action == 'rollout']


def is_good(result: Detection2DArray) -> bool:
    """What m@1 finds: two squares, with scores up to 1."""
    scores = [one.results[0].hypothesis.score for one in result.detections]
    return len(scores) == 2 and all(math.isfinite(s) and 0 < s <= 1 for s in scores)


def test_a_parameter_begins_it_and_each_step_is_told(node: SwappingNode, tmp_path: Path) -> None:
    with node.frames_flowing() as answers:
        assert roll_out(node, 'm@2').successful
        status = phase(node, 'promoted', watched='yes')
        node.wait_for_serving('m@2')
    assert all(map(is_good, answers))
    assert node.parameter() == 'm@2'
    assert value(status, 'candidate') == 'm@2' and value(status, 'stable') == 'm@1'
    told = decisions(tmp_path / 'state')
    assert [one.partition(' after')[0] for one in told[:3]] == [
        'm@2 runs in the shadow of m@1', 'm@2 gets 50 % of the frames', 'promoted m@2',
    ]  # fmt: skip
    assert 'disagreement 0 (limit ' in told[1] and ', n = ' in told[1]
    assert told[3].startswith('m@2 stays: watched for ')


@pytest.mark.parametrize(
    ('candidate', 'reason'), [('m@3', 'invalid results'), ('m@4', 'a result is not finite')]
)
def test_a_bad_one_is_taken_back_and_nobody_sees_anything_of_it(
    node: SwappingNode, tmp_path: Path, candidate: str, reason: str
) -> None:
    with node.frames_flowing() as answers:
        assert roll_out(node, candidate).successful
        status = phase(node, 'rolled back')
    assert all(map(is_good, answers))
    assert node.parameter() == 'm@1'
    told = decisions(tmp_path / 'state')[-1]
    assert told.startswith(f'rolled back {candidate} after ')
    assert value(status, 'reason') in told
    roll_out(node, '')
    refused = roll_out(node, candidate)
    assert not refused.successful and f'no rollout takes {candidate}' in refused.reason


def wait_until_open(node: SwappingNode, wanted: str) -> DiagnosticStatus:
    """Waits until the models of a step are open; returns the status."""
    return phase(node, wanted, opening='no')


def test_a_person_pauses_promotes_and_takes_back(node: SwappingNode, tmp_path: Path) -> None:
    refused = node.verb('rollout/abort')
    assert not refused.success and 'there is no rollout to abort' in refused.message
    with node.frames_flowing() as answers:
        assert roll_out(node, 'm@2').successful
        wait_until_open(node, 'shadow')
        assert node.verb('rollout/pause').message == 'm@2 stays in shadow: a person paused it'
        phase(node, 'shadow', paused='yes')
        assert node.verb('rollout/resume').message == 'm@2 goes on in shadow'
        assert node.verb('rollout/promote').success
        wait_until_open(node, 'promoted')
        node.wait_for_serving('m@2')
        taken_back = node.verb('rollout/abort')
        assert taken_back.message.startswith('took back m@2 after ')
        node.wait_for_serving('m@1')
    assert all(map(is_good, answers))
    phase(node, 'rolled back')
    again = node.verb('rollout/start')  # nothing speaks against it
    assert again.message == 'm@2 runs in the shadow of m@1'
    wait_until_open(node, 'shadow')
    assert node.set_model('m@2').successful
    status = phase(node, 'rolled back')
    assert 'the serving model was changed' in value(status, 'reason')
    assert node.words() == {'red', 'green'}


def test_what_cannot_be_rolled_out_is_refused_at_once(node: SwappingNode) -> None:
    for reference, reason in (('m@9', "there is no model 'm@9'"), ('m@1', 'serves already')):
        refused = roll_out(node, reference)
        assert not refused.successful and reason in refused.reason
    assert node.client.parameter(node.name, 'rollout.candidate') == ''
    phase(node, 'idle')


@pytest.mark.parametrize('authority', ['service', 'locked'])
def test_who_may_not_change_the_model_may_not_roll_one_out(
    ros_domain: int, store: Path, tmp_path: Path, authority: str
) -> None:
    with swapping_node(
        tmp_path,
        store,
        name=f'/rolling_{authority}',
        swap_authority=authority,
        model='m@1',
        state_dir=tmp_path / 'state',
    ) as node:
        node.serve()
        assert roll_out(node, 'm@2').successful is (authority == 'service')
        assert not node.client.set_parameter(node.name, 'rollout.crashes', 9).successful
        phase(node, 'idle')  # to state a wish begins nothing
        answer = node.verb('rollout/start')
        assert answer.success is (authority == 'service')
        if authority == 'locked':
            assert 'the model of this node is locked' in answer.message
            assert not node.verb('rollout/abort').success
        else:
            wait_until_open(node, 'shadow')


def test_a_node_that_is_killed_serves_the_stable_model_and_begins_again(
    ros_domain: int, store: Path, tmp_path: Path
) -> None:
    asked = {'model': 'm@1', 'rollout__candidate': 'm@2', 'rollout__crashes': 2}
    with robot_on(tmp_path, store, tmp_path / 'state') as robot:
        node = robot.boot(**asked)
        with node.frames_flowing():
            wait_until_open(node, 'shadow')
            assert node.verb('rollout/promote').success
            wait_until_open(node, 'promoted')
        assert robot.state().serving == 'm@2'
        robot.kill()
        node = robot.boot(**asked)
        assert node.words() == {'red', 'green'}
        assert robot.state().serving == 'm@1'
        wait_until_open(node, 'shadow')
        robot.kill()
        node = robot.boot(**asked)
        status = phase(node, 'rolled back')
        assert 'rejected m@2: the process ended 2 times' in value(status, 'reason')
        assert robot.state().serving == 'm@1'
        told = decisions(tmp_path / 'state')
    assert sum('runs in the shadow' in one for one in told) == 2
    assert 'the process ended in the middle, 1 of 2 times' in told[2]
    assert told[-1].startswith('rejected m@2')
