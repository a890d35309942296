"""Whatever arrives on a topic, it is a message or it is refused with a sentence."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from fuzzing import SECONDS, fuzz
from sensor_msgs.msg import CompressedImage, Image, Imu, JointState, PointCloud2
from serialized_messages import random_message, written
from vision_msgs.msg import Detection2DArray

from ml_integration.errors import FrameError, MessageError
from ml_integration.ros.messages.reader import read_header, read_header_start, reader
from ml_integration.sensors import compressed_image, image, imu, joint_state

KINDS = (Image, CompressedImage, Imu, JointState, PointCloud2, Detection2DArray, DiagnosticArray)
WORDS = [b'rgb8\0', b'bayer_rggb8\0', b'32FC1\0', b'mono16\0', b'yuv422\0', b'nv21\0', b'\0\1\0\0',
         b'\0\0\0\0', b'\0\3\0\0', b'\xff' * 8, b'\0' * 8, b'\xff\xc2', b'\xff\xda', b'\xff\xd9',
         b'IHDR', b'acTL', b'IEND', b'jpeg\0']  # fmt: skip
SENSORS: dict[type, Any] = {
    Image: image.Image(('rgb8', 'mono8', '32FC1')),
    CompressedImage: compressed_image.CompressedImage(('rgb8', 'mono8', '32FC1')),
    Imu: imu.Imu(('samples',)),
    JointState: joint_state.JointState(('samples',)),
}


def picture(encoding: str, channels: int) -> Image:
    pixels = bytes(range(6 * 4 * channels))
    return Image(height=4, width=6, step=6 * channels, encoding=encoding, data=pixels)


def compressed(what: str) -> CompressedImage:
    depth = '16UC1' in what or 'compressedDepth' in what
    pixels = np.arange(70, dtype=np.uint16 if depth else np.uint8).reshape(7, 10)
    data = cv2.imencode('.jpg' if 'jpeg' in what else '.png', pixels)[1].tobytes()
    start = struct.pack('<iff', 0, 10100, -1009) if 'compressedDepth' in what else b''
    return CompressedImage(format=what, data=start + data)


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)
def test_messages(kind: type, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    seeds = [written(random_message(kind, rng), order) for order in '<>' for _ in range(3)]
    if kind is Image:
        pictures = (('rgb8', 3), ('mono16', 2), ('yuv422_yuy2', 2), ('bayer_rggb8', 1))
        seeds += [written(picture(*one), order) for one in pictures for order in '<>']
    if kind is CompressedImage:
        formats = ('jpeg', 'mono8; png compressed ', '16UC1; png compressed ')
        formats += ('16UC1; compressedDepth png', '32FC1; compressedDepth png')
        seeds += [written(compressed(one), '<') for one in formats]
    read_message, sensor = reader(kind), SENSORS.get(kind)

    def read(data: bytes) -> None:
        for part in (read_header_start, read_header):
            try:
                part(data)
            except MessageError:
                continue
        message = read_message(data)
        if sensor is not None:
            sensor.decode(message, 0)

    fuzz(read, seeds, FrameError, words=WORDS, keep=tmp_path, seconds=max(SECONDS, 1.0))
