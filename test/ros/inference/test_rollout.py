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
from ros_processes import wait_until
from swapping_nodes import SwappingNode
from vision_msgs.msg import Detection2DArray

from benchmarks.model_surgery import not_a_number_above
from ml_integration.errors import MlIntegrationError
from ml_integration.store.state.state_dir import StateDir

PATIENCE_S = 90.0
QUICK: dict[str, Any] = {
    'rollout.shares': [50.0],
    'rollout.minimum_frames': 120,
    'rollout.minimum_s': 2.5,
    'rollout.watch_s': 2.5,
    'rollout.latency_ratio': 1e6,
    'rollout.unlike_latency_ratio': 1e6,
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
