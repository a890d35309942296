"""Images of whole numbers, serialized without a message object."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ml_integration.ops.image_messages import map_image, serialized_map_image
from ml_integration.ros.messages.message_types import message_type


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('frame_id', ['', 'c', 'cam', 'came', 'camera_link'])
def test_serialized_maps_are_those_of_the_typed_message(frame_id: str, dtype: type) -> None:
    numbers = (np.arange(35) * 7).astype(dtype).reshape(5, 7)
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = -3, 9
    typed = map_image(numbers, header, message_type)
    assert deserialize_message(serialized_map_image(numbers, header), Image) == typed
    assert np.frombuffer(typed.data, dtype).reshape(5, 7).tolist() == numbers.tolist()
    assert typed.step == 7 * numbers.itemsize
