"""The player over real DDS, and the parts of it that need none."""

from __future__ import annotations

import array
import signal
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from ros_client import Client
from ros_processes import Process, wait_until
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ml_integration.errors import SettingError
from ml_integration.recordings.pictures import RATE_HZ
from ml_integration.ros.messages.image_message import serialized_bgr8
from ml_integration.ros.video.pace import Pace
from ml_integration.ros.video.video_source import open_source

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)
Spawn = Callable[..., Process]


def plain(color: tuple[int, int, int], width: int = 48, height: int = 32) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def color_of(message: Image) -> tuple[int, ...]:
    pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
    return tuple(pixels[message.height // 2, message.width // 2].tolist())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures whose names sort differently as text and as numbers, and a text file."""
    place = tmp_path / 'pictures'
    place.mkdir()
    for name, color in [('2.png', GREEN), ('10.png', BLUE), ('1.png', RED)]:
        cv2.imwrite(str(place / name), plain(color))
    (place / 'readme.txt').write_text('not a picture')
    return place


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A video of one second at 12.5 Hz."""
    path = tmp_path / 'video.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 12.5, (48, 32))
    for number in range(12):
        writer.write(plain((20 * number, 20 * number, 20 * number)))
    writer.release()
    return path


@pytest.fixture
def player(spawn: Spawn, client_node: Client) -> Callable[..., Process]:
    """Starts a player with parameters as keyword arguments."""

    def start(**parameters: object) -> Process:
        pairs = [f'{name}:={value}' for name, value in parameters.items()]
        arguments = [part for pair in pairs for part in ('-p', pair)]
        return spawn('-m', 'ml_integration.ros.video.video_player', '--ros-args', *arguments)

    return start


def test_deadlines_do_not_drift_when_frames_are_a_little_late() -> None:
    pace = Pace(0.1, 0.0)
    late = (0.0, 0.13, 0.21, 0.38)
    deadlines = [now + pace.wait_s(now) for now in late]
    assert deadlines == pytest.approx([0.0, 0.13, 0.21, 0.38])
    assert 0.38 + pace.wait_s(0.38) == pytest.approx(0.4)


def test_a_hiccup_is_not_followed_by_a_burst() -> None:
    pace = Pace(0.1, 0.0)
    pace.wait_s(0.0)
    assert pace.wait_s(1.05) == 0.0
    assert 1.05 + pace.wait_s(1.05) == pytest.approx(1.1)
    assert 1.1 + pace.wait_s(1.1) == pytest.approx(1.2)


def test_pictures_come_in_the_order_of_their_numbers(folder: Path) -> None:
    source = open_source(str(folder), '/player')
    colors = []
    while (frame := source.read()) is not None:
        colors.append(tuple(frame[0, 0]))
    assert colors == [RED, GREEN, BLUE]
    assert source.rate_hz == RATE_HZ


def test_a_numbered_picture_is_not_taken_for_the_start_of_a_sequence(folder: Path) -> None:
    source = open_source(str(folder / '1.png'), '/player')
    assert source.read() is not None
    assert source.read() is None


def test_a_video_brings_its_own_rate_and_begins_again_after_rewind(video: Path) -> None:
    source = open_source(str(video), '/player')
    assert source.rate_hz == pytest.approx(12.5)
    first = source.read()
    while source.read() is not None:
        pass
    source.rewind()
    again = source.read()
    assert first is not None and again is not None
    np.testing.assert_array_equal(first, again)


def test_a_broken_picture_in_a_folder_is_passed_over(folder: Path) -> None:
    whole = (folder / '2.png').read_bytes()
    (folder / '2.png').write_bytes(whole[:40])
    source = open_source(str(folder), '/player')
    frames = [source.read(), source.read(), source.read()]
    assert [frame is None for frame in frames] == [False, False, True]


@pytest.mark.parametrize(
    ('make', 'expected'),
    [
        (lambda place: '', 'a video file, a picture or a folder of pictures'),  # not set
        (lambda place: str(place / 'gone.mp4'), 'there is no file or folder'),  # a typo
        (lambda place: str(place / 'text.mp4'), 'that OpenCV'),  # not a video
        (lambda place: str(place), 'with at least one picture'),  # nothing but text
    ],
)
def test_what_cannot_be_played_is_refused_with_what_would_be_right(
    make: Callable[[Path], str], expected: str, tmp_path: Path
) -> None:
    (tmp_path / 'text.mp4').write_text('text')
    with pytest.raises(SettingError, match=expected):
        open_source(make(tmp_path), '/player')


@pytest.mark.parametrize('frame_id', ['', 'a', 'left', 'Gerät_7'])
def test_a_picture_is_serialized_as_the_typed_message_would_be(frame_id: str) -> None:
    pixels = np.arange(2 * 8 * 3, dtype=np.uint8).reshape(2, 8, 3)
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = -3, 2**32 - 1
    typed = Image(header=header, height=2, width=8, encoding='bgr8', step=24)
    typed.data = array.array('B', pixels.tobytes())
    assert deserialize_message(serialized_bgr8(header, pixels), Image) == typed


def test_pixels_that_are_not_contiguous_are_copied_in_order() -> None:
    pixels = np.arange(2 * 8 * 3, dtype=np.uint8).reshape(2, 8, 3)[:, ::2]
    message = deserialize_message(serialized_bgr8(Header(), pixels), Image)
    assert message.data.tobytes() == pixels.tobytes()
    assert (message.width, message.height, message.step) == (4, 2, 12)


def test_frames_arrive_stamped_and_in_their_own_colors(
    player: Callable[..., Process], client_node: Client, folder: Path
) -> None:
    process = player(source=folder, rate_hz=20.0, frame_id='left', autostart=True)
    images = client_node.collect(Image, '/image').wait(8)
    assert {image.encoding for image in images} == {'bgr8'}
    assert {(image.width, image.height, image.step) for image in images} == {(48, 32, 144)}
    assert {image.header.frame_id for image in images} == {'left'}
    assert {color_of(image) for image in images} == {RED, GREEN, BLUE}
    stamps = [image.header.stamp.sec + image.header.stamp.nanosec / 1e9 for image in images]
    assert stamps == sorted(stamps)
    process.wait_for_log('at 20 Hz on /image')


def test_frames_are_resized_to_the_size_asked_for(
    player: Callable[..., Process], client_node: Client, folder: Path
) -> None:
    player(source=folder, size='[24, 20]', autostart=True)
    (image, *_) = client_node.collect(Image, '/image').wait(1)
    assert (image.width, image.height) == (24, 20)


def test_half_a_size_is_refused(
    player: Callable[..., Process], client_node: Client, folder: Path
) -> None:
    process = player(source=folder, size='[24, 0]')
    assert not client_node.change_state('/video_player', 'configure')
    process.wait_for_log('both numbers above 0')


def test_a_missing_file_is_named_and_the_node_can_be_configured_once_it_is_right(
    player: Callable[..., Process], client_node: Client, folder: Path
) -> None:
    process = player(source='/nowhere/gone.mp4')
    assert not client_node.change_state('/video_player', 'configure')
    process.wait_for_log("there is no file or folder '/nowhere/gone.mp4' to play")
    assert client_node.state('/video_player') == 'unconfigured'
    assert client_node.set_parameter('/video_player', 'source', str(folder)).successful
    assert client_node.change_state('/video_player', 'configure')


def test_without_loop_the_end_is_said_once_and_activation_plays_again(
    player: Callable[..., Process], client_node: Client, folder: Path
) -> None:
    process = player(source=folder, loop=False, rate_hz=50.0)
    images = client_node.collect(Image, '/image')
    assert client_node.change_state('/video_player', 'configure')
    wait_until(lambda: client_node.node.count_publishers('/image'), 'the publisher')
    assert client_node.change_state('/video_player', 'activate')
    process.wait_for_log('played to the end')
    images.wait(1)
    assert client_node.change_state('/video_player', 'deactivate')
    assert client_node.change_state('/video_player', 'activate')
    wait_until(lambda: process.log.count('played to the end') == 2, 'the second end')
    images.wait(4)
    assert len(images.messages) <= 6


def test_nothing_is_published_once_deactivation_has_answered(
    player: Callable[..., Process], client_node: Client, folder: Path
) -> None:
    player(source=folder, rate_hz=100.0, autostart=True)
    images = client_node.collect(Image, '/image')
    images.wait(3)
    assert client_node.change_state('/video_player', 'deactivate')
    answered_ns = client_node.node.get_clock().now().nanoseconds
    assert client_node.state('/video_player') == 'inactive'
    stamps = [i.header.stamp.sec * 10**9 + i.header.stamp.nanosec for i in images.messages]
    assert max(stamps) <= answered_ns


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_without_a_traceback(
    number: signal.Signals, player: Callable[..., Process], client_node: Client, folder: Path
) -> None:
    process = player(source=folder, rate_hz=200.0, autostart=True)
    client_node.collect(Image, '/image').wait(5)
    process.send(number)
    assert process.wait() == 0
    assert 'Traceback' not in process.log
