"""Whatever a recording holds, its messages are read or it is refused in a sentence."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from bags import IMAGE, image, imu, joints, write_bag
from fuzzing import fuzz

from ml_integration.errors import MessageError, RecordingError
from ml_integration.recordings.arrays import Arrays
from ml_integration.recordings.bag import Bag
from ml_integration.recordings.pictures import decode_picture
from ml_integration.sensors.image import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
NPY_WORDS = [b'\x93NUMPY', b"'descr': '|O'", b"'|u1'", b'[(', b'))', b', ', b'True', b'-1',
             b"'shape': (10000000, 10000000, 3)", b"'fortran_order': True", b'a.npy']  # fmt: skip
MOST = 50
"""Messages that are read of one recording."""


def saved(compressed: bool | None, *shape: int) -> bytes:
    stream = io.BytesIO()
    array = np.arange(np.prod(shape), dtype=np.int64).astype(np.uint8).reshape(shape)
    if compressed is None:
        np.save(stream, array)
    else:
        (np.savez_compressed if compressed else np.savez)(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize('end', ['.npy', '.npz'])
def test_arrays_are_pictures_or_refused(end: str, tmp_path: Path) -> None:
    file = tmp_path / f'array{end}'
    kinds = [None] if end == '.npy' else [False, True]
    seeds = [saved(kind, *shape) for kind in kinds for shape in [(2, 4, 6, 3), (4, 6, 3)]]

    def read(data: bytes) -> None:
        file.write_bytes(data)
        for recorded, _ in zip(Arrays(file), range(MOST), strict=False):
            message = recorded.message
            assert len(message.data) == message.height * message.width * 3

    fuzz(read, seeds, RecordingError, words=NPY_WORDS, keep=tmp_path)


def test_pictures_are_decoded_or_refused(tmp_path: Path) -> None:
    ends = ('.png', '.jpg', '.bmp', '.ppm', '.tiff', '.webp')
    seeds = [cv2.imencode(end, PIXELS)[1].tobytes() for end in ends]

    def read(data: bytes) -> None:
        pixels = decode_picture(data, 'picture')
        assert pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8

    fuzz(read, seeds, RecordingError, keep=tmp_path)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_bags_are_read_or_refused_message_by_message(storage: str, tmp_path: Path) -> None:
    folder = write_bag(
        tmp_path / 'bag',
        [
            ('/camera', image(PIXELS, 1), 1),
            ('/imu', imu(0.5, 2), 2),
            ('/joints', joints(['a'], [1.0], 3), 3),
        ],
        storage,
    )
    (original,) = (one for one in folder.iterdir() if one.suffix in ('.mcap', '.db3'))
    file = tmp_path / f'damaged{original.suffix}'
    sensor = Image(('bgr8',))

    def read(data: bytes) -> None:
        file.write_bytes(data)
        messages = iter(Bag(file))
        for _ in range(MOST):
            try:
                recorded = next(messages, None)
            except RecordingError as error:
                str(error).encode()
                continue
            if recorded is None:
                return
            if recorded.message_type == IMAGE:
                try:
                    sensor.decode(recorded.message, recorded.stamp_ns)
                except MessageError:
                    continue

    fuzz(read, [original.read_bytes()], RecordingError, keep=tmp_path)
