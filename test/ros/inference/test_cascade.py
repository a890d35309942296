"""A node with a second model: both swap, fail and are told of as they should, over DDS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx_models
import pytest
from altered_models import Fault, fragile_classifier
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import GREEN, RED, image_message, squares, stamp_of, value
from model_folders import write_model_folder
from ros_processes import wait_until
from sensor_msgs.msg import Image
from swapping_nodes import PICTURE, SwappingNode, swapping_node, write_good_models
from vision_msgs.msg import Detection2DArray

from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.state_dir import StateDir

SHOWN = 'cascade/detections'
KIND: dict[str, Any] = {
    'task': 'classification',
    'settings': {'softmax': True},
    'encode': {'resize': 'stretch'},
    'labels': ('warm', 'fresh', 'cold'),
}
DIM_RED = (0, 0, 200)


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two detectors, and second models, of which one fails on what is bright."""
    folder = tmp_path_factory.mktemp('store')
    write_good_models(folder)
    for name, version in (('mood', 1), ('tampered', 1), ('renewed', 1)):
        write_model_folder(folder, name, version, model=onnx_models.classifier(), **KIND)
    fragile = fragile_classifier(Fault.FAILING)
    write_model_folder(folder, 'fragile', model=fragile, golden=False, **KIND)
    return folder


@pytest.fixture(scope='module')
def running(
    store: Path, tmp_path_factory: pytest.TempPathFactory, ros_domain: int
) -> Iterator[SwappingNode]:
    with swapping_node(tmp_path_factory.mktemp('node'), store, name='/cascade') as node:
        yield node


@pytest.fixture
def node(running: SwappingNode, tmp_path: Path) -> SwappingNode:
    """Remembers nothing, and serves when it is told to."""
    running.unconfigure()
    running.client.set_parameter(running.name, 'state_dir', str(tmp_path / 'state'))
    return running


def moods(message: Detection2DArray) -> set[str]:
    return {one.results[0].hypothesis.class_id for one in message.detections}


def test_a_swap_of_the_first_model_keeps_the_second_and_loses_no_frame(
    node: SwappingNode, store: Path, tmp_path: Path
) -> None:
    state = tmp_path / 'state'
    node.serve(model='m@1', stages=['cascade'], cascade__model='tampered')
    shown = node.results(Detection2DArray, SHOWN)
    provenance = node.results(DiagnosticStatus, 'provenance')
    with node.frames_flowing() as answers:
        assert node.set_model('m@2').successful
        node.wait_for_serving('m@2')
    begun = stamp_of(answers[0])
    stamps = {stamp_of(answer) for answer in answers}
    wait_until(lambda: stamps <= {stamp_of(one) for one in shown.messages}, 'what each lacks')
    by_stamp = {stamp_of(one): one for one in shown.messages if stamp_of(one) >= begun}
    assert all(moods(one) == {'warm', 'fresh'} for one in by_stamp.values())
    for answer in answers:
        twin = by_stamp[stamp_of(answer)]
        assert [one.bbox for one in twin.detections] == [one.bbox for one in answer.detections]
    last = provenance.messages[-1]
    sha256 = read_manifest(store / 'tampered/1').identity.sha256
    assert last.name == 'm@2' and value(last, 'cascade: model') == 'tampered@1'
    assert value(last, 'cascade: sha256') == sha256
    assert float(value(last, 'cascade_ms')) > 0
    told = value(node.status('model'), 'second models')
    assert told == f'cascade: tampered@1 (sha256 {sha256}, verified by digest)'

    role = node.version('tampered@1').message
    assert role == 'second model of cascade' and node.version('m@2').message == 'serving'

    (store / 'tampered/1/model.onnx').write_bytes(onnx_models.classifier(softmax=True))
    assert node.set_model('m@1').successful
    problem = value(node.wait_for_problem('its stage cascade cannot have'), 'problem')
    assert "'tampered'" in problem and 'model.onnx' in problem
    with node.frames_flowing() as answers:
        pass
    assert node.words() == {'rose', 'leaf'}
    entries = [(one.action, one.model, one.reason) for one in StateDir(state).audit.entries()]
    for action, first in (('start', 'm@1'), ('swap', 'm@2')):
        reason = f'second model of {first}, for its stage cascade'
        assert (action, 'tampered@1', reason) in entries


def test_a_bare_name_means_the_same_second_model_until_the_node_is_configured_anew(
    node: SwappingNode, store: Path
) -> None:
    node.serve(model='m@1', stages=['cascade'], cascade__model='renewed')
    write_model_folder(store, 'renewed', 2, model=onnx_models.classifier(), **KIND)
    assert node.verb('reload').success
    assert 'renewed@1' in value(node.status('model'), 'second models')
    node.serve()
    assert 'renewed@2' in value(node.status('model'), 'second models')


def test_a_second_model_that_cannot_be_had_is_refused_in_a_sentence(
    node: SwappingNode, store: Path
) -> None:
    for name, sentence in (
        ('moood', "there is no model 'moood'"),
        ('m@1', 'its results have no place beside the objects'),
        ('', "'cascade.model' is not valid"),
    ):
        node.unconfigure()
        for parameter, wish in (('model', 'm@1'), ('stages', ['cascade'])):
            node.client.set_parameter(node.name, parameter, wish)
        node.client.set_parameter(node.name, 'cascade.model', name)
        assert not node.change('configure')
        assert sentence in node.process.log


def test_a_second_model_that_fails_leaves_the_detections_alone_and_is_told_of(
    node: SwappingNode,
) -> None:
    node.serve(model='m@1', stages=['cascade'], cascade__model='fragile')
    bright, dim = image_message(squares(RED, GREEN)), image_message(squares(DIM_RED))
    assert len(node.ask(bright).detections) == 2
    assert not any(one.results for one in node.ask(bright, topic=SHOWN).detections)
    status = node.wait_for_status(
        'results', lambda one: one.level == DiagnosticStatus.ERROR, 'results that lack something'
    )
    assert int(value(status, 'omitted: cascade: failed')) >= 2
    assert 'incomplete (the last one: fragile@1' in status.message
    assert 'result incomplete: fragile@1: ' in node.process.log
    assert node.client.state(node.name) == 'active'
    assert moods(node.ask(dim, topic=SHOWN)) == {'warm'}


def test_the_overlay_shows_what_the_second_model_says(node: SwappingNode) -> None:
    node.serve(model='m@1', stages=[])
    plain = node.ask(image_message(PICTURE), Image, 'overlay')
    node.serve(stages=['cascade'], cascade__model='mood@1')
    drawn = node.ask(image_message(PICTURE), Image, 'overlay')
    assert bytes(plain.data) != bytes(drawn.data)


def test_changed_files_of_the_second_model_are_found_while_it_serves(
    node: SwappingNode, store: Path
) -> None:
    write_model_folder(store, 'altered', model=onnx_models.classifier(), **KIND)
    node.serve(model='m@1', stages=['cascade'], cascade__model='altered', reverify_period_s=0.1)
    (store / 'altered/1/labels.txt').write_text('cold\nfresh\nwarm\n')
    status = node.wait_for_status(
        'model', lambda one: one.level == DiagnosticStatus.ERROR, 'the changed file'
    )
    assert 'altered@1' in value(status, 'alarm') and 'labels.txt' in value(status, 'alarm')
    assert moods(node.ask(image_message(PICTURE), topic=SHOWN)) == {'warm', 'fresh'}
