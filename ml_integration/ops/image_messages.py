"""Makes sensor_msgs/msg/Image of maps of numbers, typed or serialized."""

from __future__ import annotations

import struct
from array import array as ByteArray  # noqa: N812
from typing import Any

import numpy as np

from ml_integration.core.contracts import MessageTypes
from ml_integration.core.datatypes import Array
from ml_integration.ops import cdr_writer

_ENCODINGS = {'uint8': 'mono8', 'uint16': 'mono16', 'float32': '32FC1'}


def map_image(numbers: Array, header: Any, messages: MessageTypes) -> Any:
    """Builds an image, mono8, mono16 or 32FC1, of a map (H, W) uint8, uint16 or float32."""
    message = messages('sensor_msgs/msg/Image')()
    message.header = header
    message.height, message.width = numbers.shape
    message.encoding, message.is_bigendian = _ENCODINGS[numbers.dtype.name], 0
    message.step = numbers.itemsize * numbers.shape[1]
    data = ByteArray('B')
    data.frombytes(_little_endian(numbers))
    message.data = data
    return message


def serialized_map_image(numbers: Array, header: Any) -> bytes:
    """Builds the same message in serialized form."""
    height, width = numbers.shape
    head = cdr_writer.header((header.stamp.sec, header.stamp.nanosec), header.frame_id)
    text = cdr_writer.text(_ENCODINGS[numbers.dtype.name])
    begin = cdr_writer.filled(head + struct.pack('<II', height, width) + text + b'\0', 4)
    data = _little_endian(numbers)
    sizes = struct.pack('<II', numbers.itemsize * width, len(data))
    return b''.join((cdr_writer.ENCAPSULATION, begin, sizes, data))


def _little_endian(numbers: Array) -> bytes:
    return np.ascontiguousarray(numbers, numbers.dtype.newbyteorder('<')).tobytes()
