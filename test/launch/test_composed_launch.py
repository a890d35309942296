"""Many cameras in one process, with the real `ros2 launch` and `ros2 component`."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from container_processes import ContainerUnderTest
from inference_processes import RED, squares
from launch_prefix import make_prefix
from ros_client import Client
from ros_processes import Process, wait_until
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

WANTED_BY = 'composed.launch.py and ros2 component are not tested without it'
for name in ('launch_ros', 'ros2launch', 'ros2component'):
    pytest.importorskip(name, reason=f'{name} is missing: {WANTED_BY}')

ROS2 = 'import sys; from ros2cli.cli import main; sys.exit(main())'
NAME = '/ml_container'


@pytest.fixture
def ros2(
    store: Path,
    model_folder: Callable[..., Path],
    spawn: Callable[..., Process],
    tmp_path: Path,
) -> Callable[..., Process]:
    """Runs `ros2 ...`; a tiny detector is in the store."""
    model_folder()
    prefix = make_prefix(
        tmp_path / 'prefix',
        component_container='ml_integration.ros.composition.component_container',
    )
    prefixes = [str(prefix), *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
    environment = {
        'AMENT_PREFIX_PATH': os.pathsep.join(prefixes),
        'ML_INTEGRATION_STORES': str(store),
        'ROS_LOG_DIR': str(tmp_path / 'log'),
    }

    def start(*arguments: str) -> Process:
        return spawn(sys.executable, '-c', ROS2, *arguments, environment=environment)

    return start


def component(ros2: Callable[..., Process], verb: str, *arguments: str, code: int = 0) -> str:
    """The output of `ros2 component ...`, which has to end with this code."""
    # A daemon would outlive the test.
    process = ros2('component', verb, '--no-daemon', '--spin-time', '5', *arguments)
    assert process.wait() == code, process.log
    return process.log


def test_every_camera_has_a_detector_and_all_of_them_share_one_process(
    ros2: Callable[..., Process], client_node: Client, tmp_path: Path
) -> None:
    picture = tmp_path / 'red.png'
    cv2.imwrite(str(picture), squares(RED))
    results = [
        client_node.collect(Detection2DArray, f'/camera_{number}/detector/detections')
        for number in range(3)
    ]
    launched = ros2(
        *('launch', 'ml_integration', 'composed.launch.py', 'cameras:=3'),
        *(f'source:={picture}', 'rate_hz:=10.0', 'model:=tiny_detector'),
    )
    for number, collected in enumerate(results):
        found = collected.wait_for(lambda result: result.detections, 'a detection')
        assert found.header.frame_id == f'camera_{number}'
    nodes = ContainerUnderTest(launched, client_node, NAME).nodes()
    assert sorted(nodes.values()) == sorted(
        f'/camera_{number}/{name}' for number in range(3) for name in ('detector', 'video_player')
    )
    assert launched.log.count('process started with pid') == 1
    # The terminal tells the whole group, and launch passes on what it is told.
    os.killpg(launched.pid, signal.SIGINT)
    assert launched.wait() == 0
    assert 'process has finished cleanly' in launched.log


def test_real_cameras_are_taken_from_the_topic_that_is_named(
    ros2: Callable[..., Process], client_node: Client
) -> None:
    launched = ros2(
        *('launch', 'ml_integration', 'composed.launch.py', 'cameras:=1'),
        *('image_topic:=image_raw', 'model:=tiny_detector'),
    )
    client_node.wait_for_state('/camera_0/detector', 'active')
    client_node.publisher(Image, '/camera_0/image_raw')
    container = ContainerUnderTest(launched, client_node, NAME)
    assert list(container.nodes().values()) == ['/camera_0/detector']


def test_ros2_component_lists_loads_and_unloads(
    ros2: Callable[..., Process], client_node: Client
) -> None:
    launched = ros2('launch', 'ml_integration', 'composed.launch.py', 'cameras:=0')
    container = ContainerUnderTest(launched, client_node, NAME)
    wait_until(lambda: container.nodes() == {}, 'an empty container')
    plugin = ('ml_integration', 'ml_integration::VideoPlayer')
    extra = ('--node-namespace', '/x', '-p', 'rate_hz:=2.5', '-e', 'use_intra_process_comms:=true')
    said = component(ros2, 'load', NAME, *plugin, '-n', 'one', *extra)
    assert f"Loaded component 1 into '{NAME}' container node as '/x/one'" in said
    assert client_node.parameter('/x/one', 'rate_hz') == 2.5
    assert re.fullmatch(rf'{NAME}\s+1\s+/x/one\s*', component(ros2, 'list'))
    wrong = ('load', NAME, 'ml_integration', 'ml_integration::Nothing')
    # ros2 makes the reason lower case.
    assert "no component 'ml_integration::nothing'" in component(ros2, *wrong, code=1)
    assert f"Unloaded component 1 from '{NAME}'" in component(ros2, 'unload', NAME, '1')
    container.wait_until_gone('/x/one')


def test_nobody_gets_more_out_of_the_container_than_was_named_to_launch(
    ros2: Callable[..., Process], client_node: Client, tmp_path: Path
) -> None:
    private, shown = tmp_path / 'private.png', tmp_path / 'shown.png'
    for picture in (private, shown):
        cv2.imwrite(str(picture), squares(RED))
    launched = ros2(
        *('launch', 'ml_integration', 'composed.launch.py', 'cameras:=1', 'rate_hz:=10.0'),
        *(f'source:={shown}', 'model:=tiny_detector', 'swap_authority:=service'),
    )
    client_node.wait_for_state('/camera_0/detector', 'active')
    container = ContainerUnderTest(launched, client_node, NAME)
    player, detector = 'ml_integration::VideoPlayer', 'ml_integration::InferenceNode'
    answer = container.ask(player, node_name='spy', parameters={'source': str(private)})
    assert "'source' is not valid" in answer.error_message
    result = client_node.set_parameter('/camera_0/video_player', 'source', str(private))
    assert not result.successful
    lax = {'integrity': 'off', 'swap_authority': 'parameter'}
    container.load(detector, node_name='lax', parameters=lax)
    assert client_node.parameter('/lax', 'integrity') == 'digest'
    assert client_node.parameter('/lax', 'swap_authority') == 'service'
    elsewhere = {'model_path': str(tmp_path)}
    assert not container.ask(detector, node_name='other', parameters=elsewhere).success


def test_what_the_file_of_parameters_says_holds_for_whatever_is_loaded(
    ros2: Callable[..., Process], client_node: Client, store: Path, tmp_path: Path
) -> None:
    file = tmp_path / 'mine.yaml'
    file.write_text(
        f'/**:\n  ros__parameters: {{model_path: {store}, swap_authority: locked, '
        'model: tiny_detector}\n'
    )
    launched = ros2(
        'launch', 'ml_integration', 'composed.launch.py', 'cameras:=1', f'params_file:={file}'
    )
    client_node.wait_for_state('/camera_0/detector', 'active')
    container = ContainerUnderTest(launched, client_node, NAME)
    detector = 'ml_integration::InferenceNode'
    container.load(detector, node_name='other', parameters={'model_path': str(store)})
    assert client_node.parameter('/other', 'swap_authority') == 'locked'


@pytest.mark.parametrize(
    ('argument', 'sentence'),
    [
        ('cameras:=two', "'cameras' is not valid; got 'two'; expected how many there are"),
        ('cameras:=-1', "'cameras' is not valid; got '-1'"),
        ('integrity:=none', "['', 'signed', 'digest', 'off']"),
        ('params_file:=/gone.yaml', 'params_file:=/gone.yaml: there is no such file'),
    ],
)
def test_an_argument_that_is_not_allowed_is_named(
    argument: str, sentence: str, ros2: Callable[..., Process]
) -> None:
    launched = ros2('launch', 'ml_integration', 'composed.launch.py', argument)
    assert launched.wait() == 1
    assert sentence in launched.log
