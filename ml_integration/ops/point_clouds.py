"""Makes sensor_msgs/msg/PointCloud2 of a depth image."""

from __future__ import annotations

from array import array as ByteArray  # noqa: N812
from typing import Any

import cv2
import numpy as np

from ml_integration.core.contracts import MessageTypes
from ml_integration.core.datatypes import Array
from ml_integration.ops.camera_model import CameraModel, ray_grid

FLOAT32 = 7
"""sensor_msgs/msg/PointField.FLOAT32."""
FIELDS = ('x', 'y', 'z')
POINT_BYTES = 12


def points_of(depth: Array, camera: CameraModel) -> Array:
    """Returns the points (H, W, 3) float32 [m] of a depth image (H, W) float32 [m].

    They lie in the camera's optical frame: x to the right, y down, z ahead. All three are NaN
    where the depth is.
    """
    across, down = ray_grid(camera)
    z = np.ascontiguousarray(depth, np.float32)
    points: Array = cv2.merge((cv2.multiply(across, z), cv2.multiply(down, z), z))
    return points


def point_cloud(points: Array, header: Any, messages: MessageTypes) -> Any:
    """Builds an organized cloud of points (H, W, 3) float32: one row of it for each row."""
    message = messages('sensor_msgs/msg/PointCloud2')()
    field_type = messages('sensor_msgs/msg/PointField')
    fields = []
    for index, name in enumerate(FIELDS):
        field = field_type()
        field.name, field.offset, field.datatype, field.count = name, 4 * index, FLOAT32, 1
        fields.append(field)
    message.header, message.fields = header, fields
    message.height, message.width = points.shape[:2]
    message.is_bigendian, message.is_dense = False, False
    message.point_step, message.row_step = POINT_BYTES, POINT_BYTES * points.shape[1]
    data = ByteArray('B')
    data.frombytes(np.ascontiguousarray(points, '<f4').data.cast('B'))
    message.data = data
    return message
