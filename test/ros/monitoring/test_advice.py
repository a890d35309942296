"""What is advised on a real node follows from what really happens, and ends once it is heeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import altered_models
import cv2
import numpy as np
import onnx_models
import psutil
import pytest
from advised import Advised, Feed, fed
from dds_profiles import NETWORK, NO_PROFILE, write_profile
from inference_processes import (
    GREEN,
    NodeUnderTest,
    image_message,
    ros_arguments,
    running_node,
    squares,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import Process
from sensor_models import IMAGES, JOINTS, NAMED, picture_and_joints, write_sensor_model
from sensor_msgs.msg import CompressedImage, Image, JointState

PLAYER = 'ml_integration.ros.video.video_player'
CAMERAS = ('a', 'b', 'c', 'd')


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'tiny')
    slow = altered_models.slow_detector(1, free_batch=True)
    write_model_folder(folder, 'slow', model=slow, golden=False)
    light = onnx_models.tiny_detector(free_batch=True)
    write_model_folder(folder, 'light', model=light)
    both = [IMAGES, {**JOINTS, 'keep': {'nearest_ms': 20}}]
    write_sensor_model(folder, 'both', picture_and_joints(), both, settings=NAMED)
    return folder


class Nodes:
    """Starts nodes on the store, for one test."""

    def __init__(self, folder: Path, store: Path, client: Client, resources: ExitStack) -> None:
        self._folder, self._store, self._client = folder, store, client
        self._resources = resources

    def start(
        self, name: str, environment: Mapping[str, str] | None = None, **parameters: object
    ) -> NodeUnderTest:
        """Starts a node and brings it to active."""
        given: dict[str, Any] = {
            'model_path': self._store,
            'deadline_ms': 0.0,
            'sensor_qos': 'reliable',
            'stages': '[]',
            'state_dir': self._folder / name,
        }
        node = self._resources.enter_context(
            running_node(
                self._folder,
                self._client,
                name=f'/{name}',
                environment=environment,
                **{**given, **parameters},
            )
        )
        node.serve()
        return node


@pytest.fixture
def nodes(tmp_path: Path, store: Path, client_node: Client) -> Iterator[Nodes]:
    with ExitStack() as resources:
        yield Nodes(tmp_path, store, client_node, resources)


def large(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def test_settings_memory_and_stamps_are_advised_on_until_they_are_right(
    nodes: Nodes, client_node: Client
) -> None:
    node = nodes.start(
        'eye',
        model='tiny',
        execution__graph_optimization='basic',
        execution__providers='[CUDAExecutionProvider, CPUExecutionProvider]',
        execution__require_provider=False,
    )
    advised, kinds = Advised(client_node), {'unoptimized', 'provider', 'late', 'memory'}
    with fed(node, image_message(squares(GREEN)), 10.0) as feed:
        feed.late_ms = 80.0
        status = node.wait_for_status('resources', lambda s: value(s, 'rss [MB]') != '', 'memory')
        rss_mb = float(value(status, 'rss [MB]'))
        assert client_node.set_parameter(node.name, 'memory_budget_mb', rss_mb / 0.95).successful
        advised.wait_for(kinds, node)
        feed.late_ms = 0.0
        node.serve(
            execution__graph_optimization='all',
            execution__providers=['CPUExecutionProvider'],
            memory_budget_mb=4 * rss_mb,
        )
        advised.wait_until_none_of(kinds, node)


@pytest.mark.long
def test_a_model_that_is_too_slow_for_its_camera(nodes: Nodes, client_node: Client) -> None:
    node, advised = nodes.start('eye', model='slow'), Advised(client_node)
    with fed(node, image_message(squares(GREEN)), 60.0) as feed:
        advised.wait_for({'slow_model'}, node)
        feed.rate_hz = 4.0
        advised.wait_until_none_of({'slow_model'}, node)


@pytest.mark.long
def test_cpus_that_are_idle_while_frames_are_dropped(nodes: Nodes, client_node: Client) -> None:
    node = nodes.start('eye', model='slow', execution__intra_op_threads=1)
    advised = Advised(client_node)
    with fed(node, image_message(squares(GREEN)), 60.0):
        advised.wait_for({'idle_cpus'}, node)
        node.serve(execution__intra_op_threads=0)
        advised.wait_until_none_of({'idle_cpus'}, node)


@pytest.mark.long
def test_streams_in_turn_that_could_run_together(nodes: Nodes, client_node: Client) -> None:
    names = f'[{", ".join(CAMERAS)}]'
    node, advised = nodes.start('eye', model='slow', cameras=names), Advised(client_node)
    with Feed(node, 2.0).running() as feed:
        message = image_message(squares(GREEN))
        feed.messages = [
            (client_node.publisher(Image, f'/{name}/image'), message) for name in CAMERAS
        ]
        advised.wait_for({'batchable'}, node)
        node.serve(batch__max_size=len(CAMERAS))
        advised.wait_until_none_of({'batchable'}, node)


@pytest.mark.long
def test_pictures_that_are_large_and_compressed(nodes: Nodes, client_node: Client) -> None:
    node = nodes.start('eye', model='tiny', image_transport='compressed')
    advised, picture = Advised(client_node), large(1920, 1080)
    data = cv2.imencode('.jpg', picture)[1].tobytes()
    with Feed(node, 8.0).running() as feed:
        compressed = client_node.publisher(CompressedImage, '/image/compressed')
        feed.messages = [(compressed, CompressedImage(format='jpeg', data=data))]
        advised.wait_for({'preparation'}, node)
        feed.messages = ()
        node.serve(image_transport='raw')
        feed.messages = [(node.feed(), image_message(picture))]
        advised.wait_for({'oversized'}, node)
        feed.messages = [(node.feed(), image_message(squares(GREEN)))]
        advised.wait_until_none_of({'preparation', 'oversized'}, node)


@pytest.mark.long
def test_threads_that_spin_for_nothing(nodes: Nodes, client_node: Client) -> None:
    node = nodes.start(
        'eye', model='light', execution__spinning='always', execution__intra_op_threads=2
    )
    advised = Advised(client_node)
    with fed(node, image_message(squares(GREEN)), 100.0):
        advised.wait_for({'spinning'}, node)
        node.serve(execution__spinning='never')
        advised.wait_until_none_of({'spinning'}, node)


@pytest.mark.long
def test_models_with_more_threads_than_there_are_cpus(nodes: Nodes, client_node: Client) -> None:
    cpus = psutil.cpu_count() or 1
    several = [
        nodes.start(f'eye_{n}', model='slow', execution__intra_op_threads=cpus) for n in range(2)
    ]
    advised, message = Advised(client_node), image_message(squares(GREEN))
    with Feed(several[0], 60.0).running() as feed:
        feed.messages = [(several[0].feed(), message)]
        advised.wait_for({'oversubscribed'}, *several)
        several[1].unconfigure()  # nobody hears the camera
        for node in several:
            node.serve(execution__intra_op_threads=1)
        advised.wait_until_none_of({'oversubscribed'}, *several)


@pytest.mark.long
def test_frames_that_wait_for_their_companions(nodes: Nodes, client_node: Client) -> None:
    node, advised = nodes.start('eye', model='both'), Advised(client_node)
    with Feed(node, 10.0).running() as feed:
        feed.apart_ms = 40.0
        joints = JointState(name=['hip', 'knee'], position=[0.0, 0.0])
        feed.messages = [
            (node.feed(), image_message(squares(GREEN))),
            (client_node.publisher(JointState, '/joint_states'), joints),
        ]
        advised.wait_for({'waiting'}, node)
        feed.apart_ms = 0.0
        advised.wait_until_none_of({'waiting'}, node)


@pytest.mark.long
def test_large_messages_that_lose_pieces_on_a_network(
    nodes: Nodes, client_node: Client, spawn: Callable[..., Process], tmp_path: Path
) -> None:
    picture = large(1920, 1080)
    cv2.imwrite(str(tmp_path / 'noise.png'), picture)
    data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 5])[1].tobytes()
    # As from another machine, to one whose sockets hold little.
    network = write_profile(tmp_path, NETWORK)
    apart = {**network, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}
    parameters = ros_arguments(source=f'{tmp_path}/noise.png', rate_hz=10.0, autostart=True)
    player = spawn('-m', PLAYER, *parameters, environment=apart)
    node = nodes.start('eye', model='tiny', sensor_qos='sensor_data', environment=network)
    advised = Advised(client_node)
    advised.wait_for({'fragments'}, node)
    assert player.stop() == 0
    node.serve(image_transport='compressed')
    with Feed(node, 10.0).running() as feed:
        compressed = client_node.publisher(CompressedImage, '/image/compressed')
        feed.messages = [(compressed, CompressedImage(format='jpeg', data=data))]
        node.wait_for_status('input', lambda s: float(value(s, 'rate [Hz]') or 0) > 5, 'pictures')
        advised.wait_until_none_of({'fragments'}, node)


@pytest.mark.long
def test_large_messages_from_a_small_segment(
    nodes: Nodes, client_node: Client, spawn: Callable[..., Process], tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / 'noise.png'), large(1920, 1080))
    parameters = ros_arguments(source=f'{tmp_path}/noise.png', rate_hz=10.0, autostart=True)
    player = spawn('-m', PLAYER, *parameters, environment=write_profile(tmp_path, NO_PROFILE))
    node, advised = nodes.start('eye', model='tiny'), Advised(client_node)
    advised.wait_for({'segment'}, node)
    assert player.stop() == 0
    spawn('-m', PLAYER, *parameters)  # with the profile that fits
    node.wait_for_status('input', lambda s: float(value(s, 'rate [Hz]') or 0) > 5, 'pictures')
    advised.wait_until_none_of({'segment'}, node)
