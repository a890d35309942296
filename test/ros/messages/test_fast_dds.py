"""The shared memory that images travel through."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from dds_profiles import write_profile
from odd_files import put_odd
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_client import Client
from ros_processes import Process
from sensor_msgs.msg import Image

from ml_integration.core.endpoints import SEGMENT_BYTES
from ml_integration.errors import SettingError
from ml_integration.ops.dds_profile import dds_profile, segment_bytes
from ml_integration.ros.messages.fast_dds import (
    LARGEST,
    MIN_AGE_S,
    PROFILE,
    PROFILES,
    VARIABLES,
    environment,
    remove_stale_segments,
    segment_of_process,
    shortage,
)
from ml_integration.ros.messages.segments import segment_of
from ml_integration.store.state.places import share_folder

ROOT = Path(__file__).parents[3]
SHIPPED = share_folder() or ROOT
FULL_HD_BYTES = 1920 * 1080 * 3
UHD_BYTES = 3840 * 2160 * 3
FRAMES = 20
SEGMENT = 'fastrtps_0123456789abcdef'
COMPOSED = """
nodes:
  - plugin: ml_integration::VideoPlayer
    parameters: {{source: {source}, rate_hz: 4.0, autostart: true}}
"""


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


@pytest.mark.parametrize('name', PROFILES)
def test_the_shipped_profiles_are_what_the_generator_writes(name: str) -> None:
    file = SHIPPED / name
    assert file.read_text() == dds_profile(PROFILES[name], file.name)


@pytest.mark.parametrize(
    ('largest', 'variables', 'name'),
    [
        (0, {}, 'config/fastdds_large_messages.xml'),
        (FULL_HD_BYTES, {}, 'config/fastdds_large_messages.xml'),
        (FULL_HD_BYTES + 1, {}, 'config/fastdds_4k.xml'),
        (0, {LARGEST: '3840x2160'}, 'config/fastdds_4k.xml'),
        (FULL_HD_BYTES, {LARGEST: '5120x2880'}, 'config/fastdds_8k.xml'),
        (99_532_800, {LARGEST: ''}, 'config/fastdds_8k.xml'),
        (10**9, {}, 'config/fastdds_8k.xml'),  # the largest there is
    ],
)
def test_the_smallest_profile_that_fits_is_chosen(
    largest: int, variables: dict[str, str], name: str
) -> None:
    assert set(environment(variables, largest_bytes=largest).values()) == {str(SHIPPED / name)}


@pytest.mark.parametrize('variable', VARIABLES)
def test_a_smaller_profile_of_this_package_gives_way_to_a_larger_one(variable: str) -> None:
    small, large = (str(SHIPPED / name) for name in [*PROFILES][:2])
    assert environment({variable: small}, largest_bytes=FULL_HD_BYTES + 1) == {variable: large}
    assert environment({variable: large}, largest_bytes=FULL_HD_BYTES) == {}


def test_what_is_no_size_ends_a_program_with_a_sentence(
    spawn: Callable[..., Process], tmp_path: Path
) -> None:
    node = ('-m', 'ml_integration.ros.inference.inference_node')
    process = spawn(*node, environment={LARGEST: '4K'})
    assert process.wait() == 1
    assert "'largest' is not valid; got '4K'; expected WIDTHxHEIGHT" in process.log


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
    assert environment({variable: '/etc/mine.xml'}, largest_bytes=10**8) == {}


@pytest.mark.parametrize('variable', VARIABLES)
@pytest.mark.parametrize('kind', ['fifo', 'zeros', 'socket', 'folder'])
def test_a_profile_that_is_no_file_is_refused_before_anybody_waits_for_it(
    variable: str, kind: str, tmp_path: Path
) -> None:
    put_odd(tmp_path / 'mine.xml', kind)
    with pytest.raises(SettingError, match=f'{variable}.*a regular file'):
        environment({variable: str(tmp_path / 'mine.xml')})
    assert environment({variable: os.devnull}) == {}


def test_the_segment_of_a_process_is_what_its_profile_says(tmp_path: Path) -> None:
    for name in VARIABLES:
        assert segment_of_process({name: str(SHIPPED / PROFILE)}) == 16 * 2**20
    assert segment_of_process({VARIABLES[0]: str(tmp_path / 'missing.xml')}) == SEGMENT_BYTES
    assert segment_of_process({}) == SEGMENT_BYTES


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


def test_a_process_says_what_does_not_fit_into_its_memory() -> None:
    variables = {VARIABLES[0]: str(SHIPPED / PROFILE)}
    assert shortage(FULL_HD_BYTES, variables) == ''
    sentence = shortage(UHD_BYTES, variables)
    assert 'one message of 24.9 MB is larger than the shared memory' in sentence
    assert LARGEST in sentence


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


def generated(folder: Path) -> dict[str, str]:
    """The variables for a profile that `ml_model` has written."""
    command = [sys.executable, '-m', 'ml_integration.cli.main', 'dds-profile']
    text = subprocess.check_output([*command, '--largest', '3840x2160'], cwd=ROOT, text=True)
    return write_profile(folder, text)


@pytest.mark.parametrize('who', ['generator', 'player', 'composition'])
def test_4k_frames_come_through_shared_memory(
    who: str, spawn: Callable[..., Process], client_node: Client, tmp_path: Path
) -> None:
    source = tmp_path / '4k.png'
    cv2.imwrite(str(source), np.zeros((2160, 3840, 3), np.uint8))
    images = client_node.collect(
        Image, '/image', QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    environment = generated(tmp_path) if who == 'generator' else {}
    if who == 'composition':
        (tmp_path / 'composed.yaml').write_text(COMPOSED.format(source=source))
        command = ['ml_integration.ros.composition.run', str(tmp_path / 'composed.yaml')]
    else:  # left to itself, a player looks at its source
        values = ('-p', f'source:={source}', '-p', 'rate_hz:=4.0', '-p', 'autostart:=true')
        command = ['ml_integration.ros.video.video_player', '--ros-args', *values]
    player = spawn('-m', *command, environment=environment)
    assert {len(image.data) for image in images.wait(4)} == {UHD_BYTES}
    assert segment_of(player.pid & 0xFFFF) >= segment_bytes(UHD_BYTES)
