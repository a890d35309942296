"""Bags of both storages are read as the sensors need their messages."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from bags import IMAGE, IMU, SECOND, header, image, imu, joints, typed, write_bag
from rosbags.typesys.store import Typestore

from ml_integration.errors import RecordingError
from ml_integration.exports.trying.sample_pictures import pictures_of
from ml_integration.recordings import HasTopics, open_recording
from ml_integration.recordings.bag import LARGEST_METADATA, Bag
from ml_integration.sensors.image import Image
from ml_integration.sensors.imu import Imu
from ml_integration.sensors.joint_state import JointState

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def drive(folder: Path, storage: str = 'mcap') -> Path:
    return write_bag(
        folder,
        [
            ('/camera', image(PIXELS, 5 * SECOND), 7 * SECOND),
            ('/imu', imu(0.5, 6 * SECOND), 8 * SECOND),
            ('/joints', joints(['a', 'b'], [1.0, 2.0], 0), 9 * SECOND),
            ('/camera', image(PIXELS + 1, 7 * SECOND), 10 * SECOND),
        ],
        storage,
    )


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('named', ['folder', 'file'])
def test_messages_come_in_the_order_of_recording_with_their_own_stamps(
    storage: str, named: str, tmp_path: Path
) -> None:
    place = drive(tmp_path / 'bag', storage)
    if named == 'file':
        (place,) = (file for file in place.iterdir() if file.suffix in ('.mcap', '.db3'))
    recording = open_recording(place)
    assert recording.count == 4
    read = list(recording)
    assert [one.topic for one in read] == ['/camera', '/imu', '/joints', '/camera']
    # Without a stamp of its own: when it was recorded.
    assert [one.stamp_ns / SECOND for one in read] == [5, 6, 9, 7]
    assert [one.recorded_ns / SECOND for one in read] == [7, 8, 9, 10]
    assert read[1].name == '/imu at 1.00 s'
    assert [one.topic for one in recording] == [one.topic for one in read]


def test_a_single_file_without_the_metadata_is_read_from_its_folder(tmp_path: Path) -> None:
    (drive(tmp_path / 'bag') / 'metadata.yaml').unlink()
    assert len(list(open_recording(tmp_path / 'bag'))) == 4


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_the_sensors_decode_what_is_read(storage: str, tmp_path: Path) -> None:
    camera, turning, arm, _ = open_recording(drive(tmp_path / 'bag', storage))
    frame = Image(('bgr8',)).decode(camera.message, camera.stamp_ns)
    np.testing.assert_array_equal(frame.data, PIXELS)
    assert (frame.frame_id, frame.format) == ('front', 'bgr8')
    samples = Imu(('samples',)).decode(turning.message, 0)
    assert samples.data.tolist() == [[0.5, 0, 0, 0, 0, 9.81, 0, 0, 0, 1]]
    state = JointState(('samples',)).decode(arm.message, 0)
    assert (state.data.tolist(), state.names) == ([[1.0, 2.0]], ('a.position', 'b.position'))


def test_numbers_of_the_other_byte_order_are_read(tmp_path: Path) -> None:
    depth = np.array([[1, 256], [1000, 65535]], '>u2')
    message = image(depth, 0, '16UC1', is_bigendian=True)
    (one,) = open_recording(write_bag(tmp_path / 'bag', [('/depth', message, 1)]))
    frame = Image(('16UC1',)).decode(one.message, 0)
    assert frame.data.tolist() == depth.tolist()


def test_one_topic_can_be_read_alone(tmp_path: Path) -> None:
    place = drive(tmp_path / 'bag')
    recording = open_recording(place, '/imu')
    assert recording.count == 1
    assert [one.message_type for one in recording] == [IMU]
    whole = open_recording(place)
    assert isinstance(whole, HasTopics)
    assert whole.topics['/camera'] == IMAGE
    assert list(whole.only([])) == []


def test_a_topic_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no topic '/lidar'.*/camera, /imu, /joints"):
        open_recording(drive(tmp_path / 'bag'), '/lidar')


def test_a_message_that_cannot_be_read_does_not_end_the_bag(tmp_path: Path) -> None:
    bad = typed(IMAGE)(header(0), 1, 1, 'mono8', 0, 1, np.zeros(1, np.uint8))
    bad.header.stamp.nanosec = 2 * SECOND
    good = image(PIXELS, SECOND)
    place = write_bag(tmp_path / 'bag', [('/camera', bad, 1), ('/camera', good, 2)])
    reading = iter(open_recording(place))
    with pytest.raises(RecordingError, match=r'nanosec.*less than'):
        next(reading)
    assert next(reading).stamp_ns == SECOND
    assert next(reading, None) is None


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('kept', [0, 20, 600])
def test_a_bag_that_is_cut_off_is_refused_in_one_sentence(
    storage: str, kept: int, tmp_path: Path
) -> None:
    place = drive(tmp_path / 'bag', storage)
    (file,) = (file for file in place.iterdir() if file.suffix in ('.mcap', '.db3'))
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(RecordingError, match='bag cannot be read'):
        list(Bag(file))


def test_a_broken_metadata_file_is_refused(tmp_path: Path) -> None:
    place = drive(tmp_path / 'bag')
    (place / 'metadata.yaml').write_text('a: [')
    with pytest.raises(RecordingError, match='bag cannot be read'):
        open_recording(place)


def test_a_pipe_in_a_bag_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    place = drive(tmp_path / 'bag')
    os.mkfifo(place / 'other.mcap')
    metadata = place / 'metadata.yaml'
    text = metadata.read_text()
    (name,) = (file.name for file in place.glob('bag*.mcap'))
    metadata.write_text(text.replace(f'- {name}', '- other.mcap'))
    with pytest.raises(RecordingError, match=r'other\.mcap.* is no regular file'):
        open_recording(place)


def test_metadata_larger_than_any_is_not_parsed(tmp_path: Path) -> None:
    place = drive(tmp_path / 'bag')
    with (place / 'metadata.yaml').open('ab') as stream:
        stream.truncate(LARGEST_METADATA + 1)
    with pytest.raises(RecordingError, match=r'metadata\.yaml has more than'):
        open_recording(place)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_what_a_bag_says_of_its_types_never_becomes_code(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = drive(tmp_path / 'bag', storage)
    (file,) = (one for one in place.iterdir() if one.suffix in ('.mcap', '.db3'))
    data = file.read_bytes()
    definition = b'uint32 height'
    assert definition in data  # the bag does define its types, and not as they are
    file.write_bytes(data.replace(definition, b'int8   height'))

    def refuse(*_: object) -> None:
        raise AssertionError('code was made of a definition')

    generating = [one for name, one in sys.modules.items() if name.startswith('rosbags.typesys')]
    for module in generating:
        for name in ('generate_python_code', 'get_types_from_msg'):
            monkeypatch.setattr(module, name, refuse, raising=False)
    monkeypatch.setattr(Typestore, 'register', refuse)
    read = list(open_recording(place, '/camera'))
    assert [one.message.height for one in read] == [4, 4]


def test_a_sample_of_a_bag_is_spread_over_its_pictures_alone(tmp_path: Path) -> None:
    turning = [('/imu', imu(0.5, n * SECOND // 100), n * SECOND // 100) for n in range(500)]
    seen = [('/camera', image(PIXELS, n * SECOND), n * SECOND) for n in range(5)]
    place = write_bag(tmp_path / 'bag', sorted(turning + seen, key=lambda one: one[2]))
    assert len(pictures_of(place)) == 5


def test_a_sample_of_a_bag_takes_compressed_pictures_too(tmp_path: Path) -> None:
    data = cv2.imencode('.png', PIXELS)[1].reshape(-1)
    message = typed('sensor_msgs/msg/CompressedImage')(header(1), 'png', data)
    place = write_bag(tmp_path / 'bag', [('/camera/compressed', message, 1)])
    (picture,) = pictures_of(place)
    assert np.array_equal(picture.pixels, PIXELS)
