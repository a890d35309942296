"""Frames that came as typed or compressed messages, of several cameras, or as windows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import pytest
from inference_processes import (
    GREEN,
    RED,
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    squares,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from sensor_models import write_sensor_store
from sensor_msgs.msg import CompressedImage, Imu
from std_msgs.msg import Float32MultiArray

from ml_integration.cli.main import main
from ml_integration.store.state.freeze_file import read_freeze

FRAMES = 200
CASES: dict[str, dict[str, object]] = {
    'typed': {'model': 'detector', 'raw_subscription': False},
    'compressed': {'model': 'detector', 'image_transport': 'compressed'},
    'cameras': {'model': 'detector', 'cameras': '[left, right]'},
    'windows': {'model': 'turning'},
}


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'detector')
    write_sensor_store(folder)
    return folder


@pytest.fixture
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def node(case: str, store: Path, ros_domain: int, tmp_path: Path) -> Iterator[NodeUnderTest]:
    parameters = {
        'model_path': store,
        'state_dir': tmp_path,
        'deadline_ms': 0,
        'sensor_qos': 'reliable',
        'freeze_frame__enabled': True,
        'freeze_frame__frames': FRAMES,
        **CASES[case],
    }
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name=f'/{case}', **parameters) as running,
    ):
        running.serve()
        yield running


def publish(node: NodeUnderTest, publisher: Any, message: Any) -> None:
    set_stamp(message, node.now_ns())
    publisher.publish(message)


def broken_image() -> Any:
    """A picture that says it has more pixels than it has."""
    message = image_message(squares(RED))
    message.height *= 2
    return message


def feed_typed(node: NodeUnderTest) -> None:
    """Messages come with fields, and are serialized for the file."""
    for color in (RED, GREEN, RED):
        node.ask(image_message(squares(color)))
    publish(node, node.feed(), broken_image())


def feed_compressed(node: NodeUnderTest) -> None:
    camera, results = node.client.publisher(CompressedImage, '/image/compressed'), node.results()

    def answered() -> bool:
        data = cv2.imencode('.png', squares(GREEN))[1].tobytes()
        publish(node, camera, CompressedImage(format='png', data=data))
        return len(results.messages) > 2

    wait_until(answered, 'results of compressed pictures')
    for _ in range(3):
        publish(node, camera, CompressedImage(format='png', data=b'no picture'))


def feed_cameras(node: NodeUnderTest) -> None:
    for camera, color in (('left', RED), ('right', GREEN)):
        results, feed = node.results(topic=f'{camera}/detections'), node.feed(f'{camera}/image')

        def answered(feed: Any = feed, results: Any = results, color: Any = color) -> bool:
            publish(node, feed, image_message(squares(color)))
            return bool(results.messages)

        wait_until(answered, f'a result of {camera}')
    for _ in range(3):
        publish(node, node.feed('right/image'), broken_image())


def feed_windows(node: NodeUnderTest) -> None:
    """Each run sees many messages, and mostly the same ones as the run before."""
    topic = f'{node.name}/tensor/mean'
    results = node.client.collect(Float32MultiArray, topic)
    imu, turned = node.client.publisher(Imu, '/imu'), Imu()

    def turning(until: Callable[[], object]) -> None:
        def enough() -> bool:
            publish(node, imu, turned)
            return bool(until())

        wait_until(enough, 'results of windows')

    turned.angular_velocity.x = 1.5
    turning(lambda: len(results.messages) > 5)
    turned.angular_velocity.x = float('nan')
    turning(lambda: written(node))


FEEDS: dict[str, Callable[[NodeUnderTest], None]] = {
    'typed': feed_typed,
    'compressed': feed_compressed,
    'cameras': feed_cameras,
    'windows': feed_windows,
}


def written(node: NodeUnderTest) -> list[Path]:
    """Files that the node has told of in its log."""
    return [Path(word) for word in node.process.log.split() if word.endswith('.mcap')]


@pytest.mark.parametrize('case', CASES, indirect=True)
def test_they_run_again_and_give_the_same_bits(
    node: NodeUnderTest, case: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    FEEDS[case](node)
    wait_until(lambda: written(node), 'a file')
    file = written(node)[0]
    capsys.readouterr()
    assert main(['replay', str(file), '--store', str(store), '--json']) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one['verdict'] for one in told} == {'same, bit for bit'}, told
    outcomes = {one['outcome'] for one in told}
    assert 'published' in outcomes and len(outcomes) > 1
    if case == 'cameras':
        assert {one['stream'] for one in told} == {'left', 'right'}
    if case == 'windows':
        arrivals = [frame.arrivals['imu'] for frame in read_freeze(file).frames]
        assert max(map(len, arrivals)) > 1


@pytest.mark.parametrize('case', ['typed'], indirect=True)
def test_a_file_is_complete_though_the_node_ends_at_once(
    node: NodeUnderTest, tmp_path: Path
) -> None:
    feed_typed(node)
    node.wait_for_status('errors', lambda s: s.level == s.ERROR, 'an error')
    node.process.end()
    (file,) = tmp_path.rglob('*.mcap')
    assert len(read_freeze(file).frames) >= 4
