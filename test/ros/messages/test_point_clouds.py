"""Clouds of points: what is serialized here is what the middleware makes of the message."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from ml_integration.ops.point_clouds import point_cloud, serialized_point_cloud
from ml_integration.ros.messages.message_types import message_type


@pytest.mark.parametrize('frame_id', ['', 'cam', 'camera', 'a/b'])
@pytest.mark.parametrize('names', [('x', 'y', 'z'), ('x', 'y', 'score'), ('ab', 'abc', 'a', 'b')])
@pytest.mark.parametrize('size', [(0, 17), (1, 1), (3, 5)])
def test_a_serialized_cloud_is_the_typed_one(
    size: tuple[int, int], names: tuple[str, ...], frame_id: str
) -> None:
    numbers = np.random.default_rng(1).random((*size, len(names)), np.float32)
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = 3, 999
    for dense in (True, False):
        typed = point_cloud(numbers, names, dense, header, message_type)
        serialized = serialized_point_cloud(numbers, names, dense, header)
        assert deserialize_message(serialized, PointCloud2) == typed
        assert len(serialized) <= len(serialize_message(typed)) <= len(serialized) + 3
