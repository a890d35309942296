"""Makes a message of pixels."""

from __future__ import annotations

import struct
from typing import Any

from ml_integration.core.datatypes import Array
from ml_integration.ops import cdr_writer


def serialized_bgr8(header: Any, pixels: Array) -> bytes:
    """Makes a serialized sensor_msgs/msg/Image, which a publisher takes like a message.

    The pixels are copied once; by way of a typed message it would be three times.

    Args:
        header: std_msgs/msg/Header.
        pixels: (H, W, 3) uint8, BGR.
    """
    height, width = pixels.shape[:2]
    step = 3 * width
    fields = b''.join(
        (
            cdr_writer.header((header.stamp.sec, header.stamp.nanosec), header.frame_id),
            struct.pack('<II', height, width),
            cdr_writer.filled(cdr_writer.text('bgr8') + b'\0', 4),  # and is_bigendian
            struct.pack('<II', step, height * step),
        )
    )
    data = pixels.data if pixels.flags.c_contiguous else pixels.tobytes()
    return b''.join((cdr_writer.ENCAPSULATION, fields, data))
