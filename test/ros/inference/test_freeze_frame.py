"""On an ERROR the last frames are written, and run again they give the same bits."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import onnx_models
import pytest
from inference_processes import (
    GREEN,
    RED,
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    squares,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from rosbags.rosbag2 import Reader
from sensor_models import write_sensor_store
from sensor_msgs.msg import JointState
from std_msgs.msg import Float32MultiArray

from ml_integration.cli.main import main
from ml_integration.errors import RecordingError
from ml_integration.store.state.freeze_file import read_freeze

FRAMES = 4
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'detector')
    write_sensor_store(folder)
    return folder


@pytest.fixture(scope='module')
def node(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    parameters = {
        'model_path': store,
        'state_dir': tmp_path_factory.mktemp('state'),
        'deadline_ms': 0,
        'sensor_qos': 'reliable',
        'freeze_frame__enabled': True,
        'freeze_frame__frames': FRAMES,
    }
    log = tmp_path_factory.mktemp('log')
    with closing(Client()) as client, running_node(log, client, **parameters) as running:
        yield running


@pytest.fixture(scope='module')
def of_pictures(node: NodeUnderTest) -> Path:
    """File of a node that got good pictures, and one that says it has more pixels than it has."""
    node.serve(model='detector')
    for color in (RED, GREEN, RED, GREEN):
        node.ask(image_message(squares(color)))
    broken = image_message(squares(RED))
    broken.height *= 2
    set_stamp(broken, node.now_ns())
    node.feed().publish(broken)
    return written(node, 'detector')


@pytest.fixture(scope='module')
def of_joints(node: NodeUnderTest) -> Path:
    """File of a node whose model is fed back what it has summed up."""
    node.serve(model='adding')
    topic = f'{node.name}/tensor/sum'
    results = node.client.collect(Float32MultiArray, topic)
    wait_until(lambda: node.client.node.count_publishers(topic), 'a publisher')
    arm = node.client.publisher(JointState, '/joint_states')
    for names in (*[['hip', 'knee']] * 5, ['wrist', 'elbow']):
        known = len(results.messages)
        message = JointState(name=names, position=[1.0, 0.25])
        set_stamp(message, node.now_ns())
        arm.publish(message)
        if 'hip' in names:
            results.wait(known + 1)
    return written(node, 'adding')


def written(node: NodeUnderTest, model: str) -> Path:
    """The file that the node tells of on /diagnostics once frames of this model were written."""
    told = node.wait_for_status(
        'freeze_frame',
        lambda s: (
            value(s, 'file') and read_freeze(Path(value(s, 'file'))).frames[0].model.name == model
        ),
        f'a file; the log:\n{node.process.log}',
    )
    assert value(told, 'file') in node.process.log
    return Path(value(told, 'file'))


def replayed(file: Path, store: Path, capsys: Capture) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(['replay', str(file), '--store', str(store), '--json']) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize('which', ['of_pictures', 'of_joints'])
def test_the_last_frames_run_again_give_the_same_bits(
    which: str, store: Path, request: pytest.FixtureRequest, capsys: Capture
) -> None:
    told = replayed(request.getfixturevalue(which), store, capsys)
    assert [one['outcome'] for one in told] == ['published'] * (FRAMES - 1) + ['failed']
    assert {one['verdict'] for one in told} == {'same, bit for bit'}
    assert all(one['results'] for one in told[:-1]) or which == 'of_joints'
    assert all(one['published'] for one in told[:-1])


def test_another_state_gives_other_bits(of_joints: Path) -> None:
    frames = read_freeze(of_joints).frames
    sums = [frame.state['h_in'].ravel().tolist() for frame in frames]
    assert sums[0] != [0.0, 0.0]  # it was fed back before the first frame that was kept
    assert len({frame.digest for frame in frames[:-1]}) == FRAMES - 1


def test_only_its_owner_may_read_it_and_other_tools_can(of_pictures: Path) -> None:
    assert stat.S_IMODE(of_pictures.stat().st_mode) == 0o600
    with Reader(of_pictures) as reader:
        counts = {one.topic: one.msgcount for one in reader.connections}
    assert counts['/image'] == FRAMES
    assert counts['/freeze_frame/results/detections'] == FRAMES - 1
    assert counts['/diagnostics'] >= 1


def test_a_person_sees_what_was_published(of_pictures: Path, store: Path, capsys: Capture) -> None:
    assert main(['replay', str(of_pictures), '--store', str(store)]) == 0
    shown = capsys.readouterr().out
    assert 'errors: ' in shown
    assert 'model detector@1, sha256 ' in shown
    assert 'detections: vision_msgs/msg/Detection2DArray, ' in shown


def test_another_content_of_the_model_is_refused(
    of_pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    other = onnx_models.tiny_detector(spoiled=True)
    write_model_folder(tmp_path, 'detector', model=other, golden=False)
    assert main(['replay', str(of_pictures), '--store', str(tmp_path)]) != 0
    assert 'another content is installed' in capsys.readouterr().err


@pytest.mark.parametrize('part', [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_file_is_refused(of_pictures: Path, tmp_path: Path, part: float) -> None:
    data = bytearray(of_pictures.read_bytes())
    data[int(part * len(data))] ^= 0xFF
    flipped, cut = tmp_path / 'flipped.mcap', tmp_path / 'cut.mcap'
    flipped.write_bytes(data)
    cut.write_bytes(data[: int(part * len(data))])
    with pytest.raises(RecordingError):
        read_freeze(cut)
    try:
        frames = read_freeze(flipped).frames
    except RecordingError as error:
        assert 'cannot be read' in str(error)
    else:  # a bit of the container that says nothing of the messages
        assert frames == read_freeze(of_pictures).frames
