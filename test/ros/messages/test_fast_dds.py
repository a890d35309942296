"""The shared memory that images travel through."""

from __future__ import annotations

import fcntl
import os
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_client import Client
from ros_processes import Process
from sensor_msgs.msg import Image

from ml_integration.ros.messages.fast_dds import (
    MIN_AGE_S,
    PROFILE,
    VARIABLES,
    environment,
    remove_stale_segments,
)

FULL_HD_BYTES = 1920 * 1080 * 3
FRAMES = 20
SEGMENT = 'fastrtps_0123456789abcdef'


def leave_segment(folder: Path, name: str = SEGMENT, age_s: float = 2 * MIN_AGE_S) -> Path:
    """What a process leaves in /dev/shm; returns the lock file."""
    (folder / name).write_bytes(b'memory')
    lock = folder / f'{name}_el'
    lock.touch()
    os.utime(lock, (time.time() - age_s,) * 2)
    return lock


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize('name', [SEGMENT, 'fastdds_0123456789abcdef'])  # version 2, version 3
def test_the_segment_of_a_dead_process_is_removed(name: str, tmp_path: Path) -> None:
    leave_segment(tmp_path, name)
    assert remove_stale_segments(tmp_path) == 1
    assert names(tmp_path) == []


def test_the_segment_of_a_living_process_stays(tmp_path: Path) -> None:
    with leave_segment(tmp_path).open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert remove_stale_segments(tmp_path) == 0
    assert names(tmp_path) == [SEGMENT, f'{SEGMENT}_el']


@pytest.mark.parametrize(
    ('name', 'age_s'),
    [
        (SEGMENT, 0.0),  # perhaps not locked yet
        ('fastrtps_port7411', 2 * MIN_AGE_S),  # a port: Fast DDS looks after these itself
        ('other_0123456789abcdef', 2 * MIN_AGE_S),  # of another program
    ],
)
def test_what_is_young_or_not_a_segment_stays(name: str, age_s: float, tmp_path: Path) -> None:
    leave_segment(tmp_path, name, age_s)
    assert remove_stale_segments(tmp_path) == 0
    assert (tmp_path / name).exists()


def test_the_profile_holds_two_full_hd_images_and_keeps_other_hosts() -> None:
    (file,) = set(environment({}).values())
    text = Path(file).read_text()
    root = ElementTree.fromstring(text)
    kinds = [item.text for item in root.iter('{http://www.eprosima.com}type')]
    (size,) = [int(item.text or 0) for item in root.iter('{http://www.eprosima.com}segment_size')]
    assert kinds == ['SHM', 'UDPv4']
    assert size > 2 * FULL_HD_BYTES


@pytest.mark.parametrize('variable', VARIABLES)
def test_a_profile_of_the_users_own_is_left_alone(variable: str) -> None:
    assert environment({variable: '/etc/mine.xml'}) == {}


@pytest.mark.parametrize(
    ('mark', 'variables'),
    [
        ('share/fastrtps', VARIABLES[:1]),  # version 2, which reads no other
        ('share/fastdds', VARIABLES[1:]),  # version 3, which warns about the other
    ],
)
def test_each_version_gets_the_variable_it_reads(
    mark: str, variables: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / mark).mkdir(parents=True)
    assert tuple(environment({'AMENT_PREFIX_PATH': str(tmp_path)})) == variables


def test_the_installed_profile_is_found_in_share(tmp_path: Path) -> None:
    installed = tmp_path / 'share/ml_integration' / PROFILE
    installed.parent.mkdir(parents=True)
    installed.touch()
    package = tmp_path / 'lib/python3/site-packages/ml_integration'
    assert set(environment({}, package).values()) == {str(installed)}


def test_without_an_installed_profile_nothing_is_set(tmp_path: Path) -> None:
    assert environment({}, tmp_path / 'ml_integration') == {}


def test_full_hd_frames_reach_a_best_effort_subscriber(
    spawn: Callable[..., Process], client_node: Client, tmp_path: Path
) -> None:
    picture = tmp_path / 'noise.bmp'
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8))
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    for number in range(FRAMES):
        (pictures / f'{number}.bmp').symlink_to(picture)
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    images = client_node.collect(Image, '/image', best_effort)
    parameters = ('-p', f'source:={pictures}', '-p', 'loop:=false', '-p', 'rate_hz:=10.0')
    player = spawn('-m', 'ml_integration.ros.video.video_player', '--ros-args', *parameters)
    for verb in ('configure', 'activate'):
        assert client_node.change_state('/video_player', verb)
    player.wait_for_log('played to the end')
    # A busy machine may lose some. Without the profile nine of ten get lost.
    arrived = images.wait(FRAMES // 2)
    assert {len(image.data) for image in arrived} == {FULL_HD_BYTES}
