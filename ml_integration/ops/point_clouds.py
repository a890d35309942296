"""Makes sensor_msgs/msg/PointCloud2 of rows of points, typed or serialized; points of depth."""

from __future__ import annotations

import struct
from array import array as ByteArray  # noqa: N812
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ml_integration.core.contracts import MessageTypes
from ml_integration.core.datatypes import Array
from ml_integration.ops import cdr_writer
from ml_integration.ops.camera_model import CameraModel, ray_grid

FLOAT32 = 7
"""sensor_msgs/msg/PointField.FLOAT32."""
NUMBER_BYTES = 4
IN_SPACE = ('x', 'y', 'z')
"""Numbers of a point in space."""


def points_of(depth: Array, camera: CameraModel) -> Array:
    """Returns the points (H, W, 3) float32 [m] of a depth image (H, W) float32 [m].

    They lie in the camera's optical frame: x to the right, y down, z ahead. All three are NaN
    where the depth is.
    """
    across, down = ray_grid(camera)
    z = np.ascontiguousarray(depth, np.float32)
    points: Array = cv2.merge((cv2.multiply(across, z), cv2.multiply(down, z), z))
    return points


def point_cloud(
    points: Array, names: Sequence[str], dense: bool, header: Any, messages: MessageTypes
) -> Any:
    """Builds an organized cloud: one row of it for each row of points.

    Args:
        points: (H, W, F) float32.
        names: what the F numbers of a point are, such as `IN_SPACE`.
        dense: whether all numbers are finite.
        header: of the message.
        messages: gives the classes of messages.
    """
    message = messages('sensor_msgs/msg/PointCloud2')()
    field_type = messages('sensor_msgs/msg/PointField')
    fields = []
    for index, name in enumerate(names):
        field = field_type()
        field.name, field.offset = name, NUMBER_BYTES * index
        field.datatype, field.count = FLOAT32, 1
        fields.append(field)
    message.header, message.fields = header, fields
    message.height, message.width = points.shape[:2]
    message.is_bigendian, message.is_dense = False, dense
    message.point_step = NUMBER_BYTES * len(names)
    message.row_step = message.point_step * points.shape[1]
    data = ByteArray('B')
    data.frombytes(_little_endian(points))
    message.data = data
    return message


def serialized_point_cloud(points: Array, names: Sequence[str], dense: bool, header: Any) -> bytes:
    """Builds the same message in serialized form."""
    head = cdr_writer.header((header.stamp.sec, header.stamp.nanosec), header.frame_id)
    begin = head + struct.pack('<III', *points.shape[:2], len(names))
    for index, name in enumerate(names):
        field = struct.pack('<IB', NUMBER_BYTES * index, FLOAT32)
        begin = cdr_writer.filled(begin, 4) + cdr_writer.filled(cdr_writer.text(name), 4)
        begin = cdr_writer.filled(begin + field, 4) + struct.pack('<I', 1)
    step, data = NUMBER_BYTES * len(names), _little_endian(points)
    sizes = struct.pack('<III', step, step * points.shape[1], len(data))
    begin = cdr_writer.filled(begin + b'\0', 4)
    return b''.join((cdr_writer.ENCAPSULATION, begin, sizes, data, bytes([dense])))


def _little_endian(points: Array) -> memoryview:
    """Returns the bytes of points, not copied where they are in this order already."""
    return np.ascontiguousarray(points, '<f4').reshape(-1).view(np.uint8).data
