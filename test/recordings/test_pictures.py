"""Pictures, videos and arrays become messages that the image sensor reads; the rest is refused."""

from __future__ import annotations

import os
import resource
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml_integration.errors import RecordingError
from ml_integration.recordings import Recorded, open_recording
from ml_integration.recordings.pictures import picture_message
from ml_integration.recordings.video import Video
from ml_integration.sensors.image import Image

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


def plain(color: tuple[int, int, int], width: int = 48, height: int = 32) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def pixels_of(recorded: Recorded) -> np.ndarray:
    """As BGR, by the sensor that the node has."""
    frame = Image(('bgr8',)).decode(recorded.message, recorded.stamp_ns)
    return frame.data


def color_of(recorded: Recorded) -> tuple[int, ...]:
    return tuple(pixels_of(recorded)[0, 0].tolist())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures whose names sort differently as text and as numbers, and a text file."""
    place = tmp_path / 'pictures'
    place.mkdir()
    for name, color in [('2.png', GREEN), ('10.png', BLUE), ('1.png', RED)]:
        cv2.imwrite(str(place / name), plain(color))
    (place / 'readme.txt').write_text('not a picture')
    return place


def test_a_message_has_the_fields_of_a_ros_picture() -> None:
    pixels = np.arange(2 * 8 * 3, dtype=np.uint8).reshape(2, 8, 3)[:, ::2]
    message = picture_message(pixels, 3_000_000_007)
    assert (message.height, message.width, message.step) == (2, 4, 12)
    assert (message.encoding, message.is_bigendian) == ('bgr8', 0)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (3, 7)
    assert message.data.tobytes() == pixels.tobytes()


def test_a_folder_is_read_in_the_order_of_numbers(folder: Path) -> None:
    recording = open_recording(folder)
    read = list(recording)
    assert recording.count == 3
    assert [one.name for one in read] == ['1.png', '2.png', '10.png']
    assert [color_of(one) for one in read] == [RED, GREEN, BLUE]
    assert [one.stamp_ns for one in read] == [0, 33_333_333, 66_666_667]


def test_a_picture_that_is_cut_off_does_not_end_the_folder(folder: Path) -> None:
    (folder / '2.png').write_bytes((folder / '2.png').read_bytes()[:40])
    (folder / '3.jpg').write_bytes(b'')
    reading = iter(open_recording(folder))
    assert next(reading).name == '1.png'
    for name in ('2.png', '3.jpg'):
        with pytest.raises(RecordingError, match=rf'{name}: it is no picture that OpenCV'):
            next(reading)
    assert [one.name for one in reading] == ['10.png']


def test_a_video_is_read_frame_by_frame(tmp_path: Path) -> None:
    path = tmp_path / 'drive.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 12.5, (48, 32))
    for number in range(5):
        writer.write(plain((50 * number, 50 * number, 50 * number)))
    writer.release()
    recording = open_recording(path)
    read = list(recording)
    assert recording.count == 5
    assert [one.stamp_ns for one in read] == [0, 80_000_000, 160_000_000, 240_000_000, 320_000_000]
    assert read[3].name == 'drive.avi at 0.24 s'
    assert [round(color_of(one)[0] / 50) for one in read] == [0, 1, 2, 3, 4]
    assert [one.name for one in recording] == [one.name for one in read]


def test_a_video_that_is_cut_off_is_read_as_far_as_it_goes_and_then_told(tmp_path: Path) -> None:
    path = tmp_path / 'drive.mp4'
    path.write_bytes(b'')
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), 10.0, (64, 48))
    noise = np.random.default_rng(0)
    for _ in range(30):
        writer.write(noise.integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    data = bytearray(path.read_bytes())
    middle = data.index(b'mdat') + (len(data) - data.index(b'mdat')) // 3
    end = data.index(b'moov')
    data[middle:end] = bytes(end - middle)  # a disk that was full for a while
    path.write_bytes(bytes(data))
    reading, read = iter(open_recording(path)), 0
    with pytest.raises(
        RecordingError, match=r'rest of the video cannot be decoded; got \d+ frames'
    ):
        while next(reading, None) is not None:
            read += 1
    assert read < 27
    assert next(reading, None) is None


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
@pytest.mark.parametrize('count', [1, 3])
def test_an_array_is_read_as_red_green_blue(suffix: str, count: int, tmp_path: Path) -> None:
    array = np.stack([plain((255, 0, 0))] * count)
    array[-1] = (0, 0, 255)
    path = tmp_path / f'pictures{suffix}'
    save: Callable[..., None] = np.save if suffix == '.npy' else np.savez_compressed
    save(path, array if count > 1 else array[0])
    recording = open_recording(path)
    assert recording.count == count
    assert color_of(list(recording)[-1]) == (255, 0, 0)  # in BGR
    assert color_of(next(iter(recording))) == ((0, 0, 255) if count > 1 else (255, 0, 0))


@pytest.mark.parametrize(
    ('array', 'got'),
    [
        (np.zeros((2, 4, 4, 3), np.float32), r'float32\[2, 4, 4, 3\]'),
        (np.zeros((100, 6), np.uint8), r'uint8\[100, 6\]'),
        (np.zeros((2, 3, 4, 4), np.uint8), r'uint8\[2, 3, 4, 4\]'),  # channels first
        (np.zeros((0, 4, 4, 3), np.uint8), r'uint8\[0, 4, 4, 3\]'),
        (np.array([{}], object), r'object\[1\]'),  # would be unpickled
    ],
)
def test_an_array_of_something_else_is_refused_with_what_it_is(
    array: np.ndarray, got: str, tmp_path: Path
) -> None:
    np.save(tmp_path / 'array.npy', array, allow_pickle=True)
    with pytest.raises(RecordingError, match=rf'no pictures; got {got}.*uint8\[N, H, W, 3\]'):
        open_recording(tmp_path / 'array.npy')


def test_an_array_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'array.npy'
    np.save(path, np.zeros((2, 40, 40, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RecordingError, match='array cannot be read'):
        open_recording(path)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / 'bomb.npz'
    header = np.lib.format.magic(1, 0) + struct.pack('<H', 54)
    header += b"{'descr': '|u1', 'fortran_order': False, 'shape': (9,)}"[:53] + b'\n'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a.npy', header)
        archive.infolist()[0].file_size = 2**40
    with pytest.raises(RecordingError, match='array cannot be read'):
        open_recording(path)


def huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', checksum)

    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', header)
        + chunk(b'IDAT', zlib.compress(b'\0' * 100))
        + chunk(b'IEND', b'')
    )


@pytest.mark.parametrize('size', [(16_000, 10_000), (60_000, 60_000)])
def test_a_picture_that_is_huge_by_its_header_is_refused_undecoded(
    size: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / 'huge.png').write_bytes(huge_png(*size))
    with pytest.raises(RecordingError, match='too large'):
        next(iter(open_recording(tmp_path / 'huge.png')))


def nothing(place: Path) -> Path:
    return place / 'gone.jpg'


def text(place: Path) -> Path:
    (place / 'text.mp4').write_text('text')
    return place / 'text.mp4'


def fifo(place: Path) -> Path:
    os.mkfifo(place / 'pipe.jpg')
    return place / 'pipe.jpg'


def split_folder(place: Path) -> Path:
    for name in ('train', 'val'):
        (place / name).mkdir()
    return place


def dangling(place: Path) -> Path:
    (place / 'link.png').symlink_to(place / 'gone.png')
    return place / 'link.png'


@pytest.mark.parametrize(
    ('make', 'expected'),
    [
        (nothing, 'no such file or folder'),
        (dangling, 'no such file or folder'),
        (text, 'nothing that can be replayed; expected a picture, a video'),
        (fifo, 'neither a regular file nor a folder'),
        (split_folder, 'Pictures are not looked for in train, val'),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_a_sentence(
    make: Callable[[Path], Path], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(RecordingError, match=expected):
        open_recording(make(tmp_path))


def test_a_topic_of_a_picture_is_refused(folder: Path) -> None:
    with pytest.raises(RecordingError, match='it has no topics'):
        open_recording(folder, '/camera')


def test_a_link_to_a_picture_is_as_good(folder: Path, tmp_path: Path) -> None:
    (tmp_path / 'link.png').symlink_to(folder / '1.png')
    assert [color_of(one) for one in open_recording(tmp_path / 'link.png')] == [RED]


def test_a_part_of_a_picture_that_claims_gigabytes_is_not_made_room_for(tmp_path: Path) -> None:
    data = bytearray(huge_png(8, 6))
    at = data.index(b'IDAT') - 4
    data[at : at + 4] = struct.pack('>I', 2**31 - 1)
    (tmp_path / 'odd.png').write_bytes(bytes(data))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RecordingError, match='no picture that OpenCV'):
        next(iter(open_recording(tmp_path / 'odd.png')))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # [kB]


@pytest.mark.parametrize(
    'text',
    [
        '#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{}\n#EXT-X-ENDLIST\n',
        'ffconcat version 1.0\nfile {name}\n',
    ],
)
@pytest.mark.parametrize('end', ['m3u8', 'mp4'])
def test_a_playlist_is_no_video_and_opens_no_other_file(
    text: str, end: str, tmp_path: Path
) -> None:
    video = tmp_path / 'real.avi'
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 10, (32, 32))
    for _ in range(3):
        writer.write(np.zeros((32, 32, 3), np.uint8))
    writer.release()
    assert Video.recognize(video)
    playlist = tmp_path / f'list.{end}'
    playlist.write_text(text.format(video, name=video.name))
    assert not Video.recognize(playlist)
