"""A load that fails at any step leaves the old model serving, and everybody is told why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx_models
import pytest
from inference_processes import value
from model_folders import read_manifest_document, write_manifest
from swapping_nodes import (
    SwappingNode,
    change_settings,
    copy_version,
    replace_model,
    write_good_models,
)

FAULTS: dict[int, tuple[Callable[[Path], None], str]] = {}


def fault(version: int, reason: str) -> Callable[[Callable[[Path], None]], None]:
    """`m@<version>` is a copy of m@1 with this fault, and the node says this reason."""

    def add(make: Callable[[Path], None]) -> None:
        FAULTS[version] = make, reason

    return add


@fault(11, 'the file is not an ONNX model, or it is truncated')
def session(folder: Path) -> None:
    replace_model(folder, (folder / 'model.onnx').read_bytes()[:-100])


@fault(12, 'the manifest does not state the inputs of the model file')
def tensors(folder: Path) -> None:
    replace_model(folder, onnx_models.tiny_detector(96))


@fault(13, "'decoder' is not valid")
def settings(folder: Path) -> None:
    change_settings(folder, decoder='yolo2000')


@fault(14, "the engine 'odd' opens onnx, the model is tensor_cruncher")
def model_format(folder: Path) -> None:
    write_manifest(folder, {**read_manifest_document(folder), 'format': 'tensor_cruncher'})


@fault(15, "output 'detections' differs from the golden sample")
def golden(folder: Path) -> None:
    replace_model(folder, onnx_models.tiny_detector(spoiled=True))


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_good_models(folder)
    for version, (make, _) in FAULTS.items():
        make(copy_version(folder, 1, version))
    return folder


@pytest.fixture
def node(running: SwappingNode, tmp_path: Path) -> SwappingNode:
    """Serves m@1 and remembers nothing."""
    running.serve(model='m@1', state_dir=str(tmp_path / 'state'))
    return running


@pytest.mark.parametrize('version', FAULTS)
def test_the_old_model_serves_on_and_the_reason_is_said_everywhere(
    node: SwappingNode, version: int
) -> None:
    reason = FAULTS[version][1]
    with node.frames_flowing() as answers:
        assert node.set_model(f'm@{version}').successful  # only loading it can tell
        summary = node.wait_for_problem(reason)
    assert {value(summary, 'serving'), node.parameter()} == {'m@1'}
    assert summary.level == summary.WARN
    assert reason in summary.message
    status = node.wait_for_status('model', lambda s: s.level == s.WARN, 'a warning')
    assert reason in status.message
    assert 'm@1 on CPU' in status.message
    assert f'the model stays as it is: {reason}'[:20] in node.process.log
    assert all(answer.detections for answer in answers)
    assert node.words() == {'tomato', 'lime'}


def test_a_good_swap_takes_the_complaint_back(node: SwappingNode) -> None:
    node.set_model('m@15')
    node.wait_for_problem('golden sample')
    node.set_model('m@2')
    summary = node.wait_for_serving('m@2')
    assert summary.level == summary.OK
    node.wait_for_status('model', lambda s: s.level == s.OK, 'no complaint')


@pytest.mark.parametrize(
    ('verb', 'sentence'),
    [
        ('swap', 'm@1 serves already'),  # the failed wish is forgotten
        ('rollback', 'm@1 has no previous good model to go back to'),  # and is no way back
        ('reload', 'm@1 serves, after m@1'),  # what runs
    ],
)
def test_verbs_after_a_failed_load_are_about_the_model_that_runs(
    node: SwappingNode, verb: str, sentence: str
) -> None:
    node.set_model('m@15')
    node.wait_for_problem('golden sample')
    assert node.verb(verb).message.startswith(sentence)


def test_a_failed_load_is_in_the_audit_log(node: SwappingNode, tmp_path: Path) -> None:
    node.set_model('m@11')
    node.wait_for_problem('truncated')
    log = (tmp_path / 'state/audit.jsonl').read_text()
    (line,) = (line for line in log.splitlines() if '"m@11"' in line)
    assert '"failed"' in line
    assert 'truncated' in line


def test_a_configure_that_fails_says_why_and_leaves_the_node_unconfigured(
    node: SwappingNode,
) -> None:
    node.unconfigure()
    assert node.set_model('m@13').successful
    assert not node.change('configure')
    assert "'decoder' is not valid" in node.process.log
    assert node.client.state(node.name) == 'unconfigured'
