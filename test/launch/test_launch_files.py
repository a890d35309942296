"""The launch files with the real `ros2 launch`, where that is installed."""

from __future__ import annotations

import array
import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from ros_client import Client
from ros_processes import Process, wait_until
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from ml_integration.ros.messages.fast_dds import VARIABLES

WANTED_BY = 'the launch files are not tested without it'
pytest.importorskip('launch_ros', reason=f'launch_ros is missing: {WANTED_BY}')
pytest.importorskip('ros2launch', reason=f'ros2launch is missing: {WANTED_BY}')

ROOT = Path(__file__).parents[2]
ROS2 = 'import sys; from ros2cli.cli import main; sys.exit(main())'
FORMS = 'compressed, depth:compressedDepth'
STARTED = re.compile(r'\[(\w+)-\d+\]: process started with pid \[(\d+)\]')
Launch = Callable[..., Process]


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """What an installed package looks like to `ros2 launch`, made of this source tree."""
    place = tmp_path / 'prefix'
    index = place / 'share/ament_index/resource_index/packages'
    index.mkdir(parents=True)
    (index / 'ml_integration').touch()
    for folder in ('config', 'launch'):
        shutil.copytree(ROOT / folder, place / 'share/ml_integration' / folder)
    programs = place / 'lib/ml_integration'
    programs.mkdir(parents=True)
    for name, room in (('inference_node', 'inference'), ('video_player', 'video')):
        program, module = programs / name, f'ml_integration.ros.{room}.{name}'
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return place


@pytest.fixture
def launch(
    prefix: Path,
    store: Path,
    model_folder: Callable[..., Path],
    spawn: Callable[..., Process],
    tmp_path: Path,
) -> Launch:
    """Runs `ros2 launch ml_integration FILE name:=value ...`; a tiny detector is in the store."""
    model_folder()

    def start(file: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        prefixes = [str(prefix), *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
        variables = {
            'AMENT_PREFIX_PATH': os.pathsep.join(prefixes),
            'ML_INTEGRATION_STORES': str(store),
            'ROS_LOG_DIR': str(tmp_path / 'log'),
            **(environment or {}),
        }
        command = (sys.executable, '-c', ROS2, 'launch', 'ml_integration', file, *arguments)
        return spawn(*command, environment=variables)

    return start


def started(launched: Process, program: str) -> list[int]:
    """Process ids of every start of a program so far."""
    return [int(pid) for name, pid in STARTED.findall(launched.log) if name == program]


def variables_of(pid: int) -> dict[str, str]:
    pairs = Path(f'/proc/{pid}/environ').read_text().split('\0')
    return dict(pair.split('=', 1) for pair in pairs if '=' in pair)


def test_the_node_comes_up_active_under_its_name_on_its_topic(
    launch: Launch, client_node: Client
) -> None:
    launch(
        'inference.launch.py',
        'model:=tiny_detector@1',
        'namespace:=robot',
        'node_name:=detector',
        'image_topic:=/camera/image_raw',
    )
    client_node.wait_for_state('/robot/detector', 'active')
    client_node.publisher(Image, '/camera/image_raw')


def test_without_autostart_the_node_waits_to_be_configured(
    launch: Launch, client_node: Client
) -> None:
    launched = launch('inference.launch.py', 'autostart:=false')
    assert client_node.state('/inference_node') == 'unconfigured'
    assert client_node.parameter('/inference_node', 'autostart') is False
    assert 'Traceback' not in launched.log


def test_a_killed_process_comes_back_to_active(launch: Launch, client_node: Client) -> None:
    launched = launch('inference.launch.py', 'model:=tiny_detector')
    client_node.wait_for_state('/inference_node', 'active')
    (first,) = started(launched, 'inference_node')
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(started(launched, 'inference_node')) == 2, 'a second process')
    client_node.wait_for_state('/inference_node', 'active')


def test_ctrl_c_ends_the_node_too(launch: Launch, client_node: Client) -> None:
    launched = launch('inference.launch.py', 'model:=tiny_detector')
    client_node.wait_for_state('/inference_node', 'active')
    (pid,) = started(launched, 'inference_node')
    # The terminal tells the whole group, and launch passes on what it is told.
    os.killpg(launched.pid, signal.SIGINT)
    assert launched.wait() == 0
    assert not Path(f'/proc/{pid}').exists()
    assert 'process has finished cleanly' in launched.log
    assert 'process has died' not in launched.log


def test_a_parameter_file_counts_and_arguments_count_more(
    launch: Launch, client_node: Client, tmp_path: Path
) -> None:
    file = tmp_path / 'mine.yaml'
    file.write_text('/**:\n  ros__parameters: {model: tiny_detector@1, deadline_ms: 12.5}\n')
    launch('inference.launch.py', f'params_file:={file}', 'autostart:=false')
    assert client_node.parameter('/inference_node', 'deadline_ms') == 12.5
    assert client_node.parameter('/inference_node', 'model') == 'tiny_detector@1'
    launch(
        'inference.launch.py',
        f'params_file:={file}',
        'node_name:=other',
        'model:=tiny_detector@latest',
        'autostart:=false',
    )
    assert client_node.parameter('/other', 'model') == 'tiny_detector@latest'


@pytest.mark.parametrize(
    ('own', 'kept'),
    [
        ('', False),  # none: the package's profile
        ('/etc/mine.xml', True),  # the user's own stays
    ],
)
def test_images_get_enough_shared_memory_unless_the_user_has_decided(
    own: str, kept: bool, launch: Launch, client_node: Client
) -> None:
    environment = dict.fromkeys(VARIABLES, own)
    launched = launch('inference.launch.py', 'autostart:=false', environment=environment)
    client_node.state('/inference_node')
    (pid,) = started(launched, 'inference_node')
    profiles = {variables_of(pid).get(name) for name in VARIABLES} - {''}
    assert len(profiles) == 1
    assert (profiles == {own}) is kept


def test_the_demo_publishes_what_it_detects_in_the_source(
    launch: Launch, client_node: Client, tmp_path: Path
) -> None:
    picture = tmp_path / 'red.png'
    cv2.imwrite(str(picture), np.full((64, 64, 3), (0, 0, 255), np.uint8))
    results = client_node.collect(Detection2DArray, '/detector/detections')
    launched = launch(
        'demo.launch.py', f'source:={picture}', 'model:=tiny_detector', 'rate_hz:=10.0'
    )
    found = results.wait_for(lambda result: result.detections, 'a detection')
    assert {item.hypothesis.class_id for item in found.detections[0].results} == {'red'}
    os.killpg(launched.pid, signal.SIGINT)
    assert launched.wait() == 0
    assert launched.log.count('process has finished cleanly') == 2


def test_the_pictures_of_a_camera_that_compresses_them_are_taken(
    launch: Launch, client_node: Client
) -> None:
    launch(
        'inference.launch.py',
        'model:=tiny_detector',
        'image_topic:=/camera/image_raw',
        'image_transport:=compressed',
    )
    client_node.wait_for_state('/inference_node', 'active')
    camera = client_node.publisher(CompressedImage, '/camera/image_raw/compressed')
    results = client_node.collect(Detection2DArray, '/inference_node/detections')
    data = cv2.imencode('.jpg', np.full((64, 64, 3), (0, 0, 255), np.uint8))[1].tobytes()
    picture = CompressedImage(format='bgr8; jpeg compressed bgr8', data=array.array('B', data))

    def found() -> bool:
        picture.header.stamp = client_node.node.get_clock().now().to_msg()
        camera.publish(picture)
        return any(result.detections for result in results.messages)

    wait_until(found, 'a detection')


def test_what_a_user_needs_is_an_argument(
    launch: Launch, client_node: Client, store: Path, tmp_path: Path
) -> None:
    launch(
        'inference.launch.py',
        *('model:=tiny_detector', f'model_path:={store}', f'state_dir:={tmp_path}/state'),
        *('integrity:=off', 'swap_authority:=locked', 'cameras:=front, rear'),
        *('sensor_qos:=reliable', 'autostart:=false'),
        f'image_transport:={FORMS}',
        *('stages:=tracking, cascade', 'cascade.model:=landmarks@2'),
    )
    for name, value in (
        ('cascade.model', 'landmarks@2'),
        ('model_path', str(store)),
        ('state_dir', f'{tmp_path}/state'),
        ('integrity', 'off'),
        ('swap_authority', 'locked'),
        ('sensor_qos', 'reliable'),
        ('image_transport', FORMS),
    ):
        assert client_node.parameter('/inference_node', name) == value
    assert list(client_node.parameter('/inference_node', 'cameras')) == ['front', 'rear']
    assert list(client_node.parameter('/inference_node', 'stages')) == ['tracking', 'cascade']


@pytest.mark.parametrize(
    ('argument', 'sentence'),
    [
        ('integrity:=digst', "['', 'signed', 'digest', 'off']"),
        ('swap_authority:=me', "['', 'parameter', 'service', 'locked']"),
        ('log_level:=loud', "'debug'"),
        ('respawn:=perhaps', "'true'"),
        ('autostart:=1', "'true'"),
        ('params_file:=/gone.yaml', 'params_file:=/gone.yaml: there is no such file'),
    ],
)
def test_an_argument_that_is_not_allowed_ends_the_launch_with_a_sentence(
    argument: str, sentence: str, launch: Launch
) -> None:
    launched = launch('inference.launch.py', argument)
    assert launched.wait() == 1
    assert sentence in launched.log
    assert not started(launched, 'inference_node')


@pytest.mark.parametrize(
    ('text', 'sentence'),
    [
        ('{deadline_ms: -1}', "'deadline_ms' is not valid; got -1"),
        ('{executor: quick}', "'executor' is not valid; got 'quick'"),
    ],
)
def test_a_parameter_that_is_refused_does_not_respawn_for_ever(
    text: str, sentence: str, launch: Launch, tmp_path: Path
) -> None:
    file = tmp_path / 'mine.yaml'
    file.write_text(f'/**:\n  ros__parameters: {text}\n')
    launched = launch('inference.launch.py', f'params_file:={file}')
    launched.wait(60)
    assert sentence in launched.log
    assert len(started(launched, 'inference_node')) == 1
    assert 'is not started again: its arguments cannot be used' in launched.log
    assert 'Traceback' not in launched.log


def test_a_model_that_cannot_be_loaded_is_said_once_and_without_a_traceback(
    launch: Launch, client_node: Client
) -> None:
    launched = launch('inference.launch.py', 'model:=tiny_detektor')
    launched.wait_for_log('once that is mended: ros2 lifecycle set /inference_node configure')
    assert launched.log.count("there is no model 'tiny_detektor'") == 1
    assert "Did you mean 'tiny_detector'?" in launched.log
    assert 'Traceback' not in launched.log
