"""Messages read from their bytes are the ones that ROS reads from them."""

from __future__ import annotations

import array
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from example_messages import EXAMPLES, MESSAGES
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message, serialize_message
from ros_client import Client
from ros_processes import Process, wait_until
from rosidl_parser import definition as rosidl
from sensor_msgs.msg import CompressedImage, Image
from serialized_messages import ORDERS, assert_same, installed_types, random_of, read, written
from std_msgs.msg import Header

from ml_integration.errors import MessageError
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.messages.reader import (
    has_header,
    read_header,
    read_header_start,
    reader,
    record_class,
)
from ml_integration.sensors.image import Image as ImageSensor

ALL_TYPES = installed_types()
BROAD_TYPES = {
    'diagnostic_msgs/msg/DiagnosticArray',
    'geometry_msgs/msg/PoseArray',
    'geometry_msgs/msg/Twist',
    'nav_msgs/msg/OccupancyGrid',
    'nav_msgs/msg/Odometry',
    'nav_msgs/msg/Path',
    'rcl_interfaces/msg/ParameterDescriptor',  # bounded arrays
    'rcl_interfaces/msg/ParameterValue',  # arrays of bool, octet, int64, string
    'sensor_msgs/msg/CompressedImage',
    'sensor_msgs/msg/Image',
    'sensor_msgs/msg/Imu',
    'sensor_msgs/msg/JointState',
    'sensor_msgs/msg/LaserScan',
    'sensor_msgs/msg/PointCloud2',
    'std_msgs/msg/Byte',
    'std_msgs/msg/Empty',
    'std_msgs/msg/Float64MultiArray',
    'trajectory_msgs/msg/JointTrajectory',
    'vision_msgs/msg/Detection2DArray',
}


def test_the_types_that_are_installed_are_many() -> None:
    assert set(ALL_TYPES) >= BROAD_TYPES


@pytest.mark.parametrize('name', ALL_TYPES)
def test_any_message_is_read_as_ros_reads_it(name: str) -> None:
    for seed in range(10):
        message = random_of(name, seed)
        buffer = serialize_message(message)
        typed = deserialize_message(buffer, type(message))
        assert_same(read(message, buffer), typed)
        for order in ORDERS:
            assert_same(read(message, written(message, order)), typed)


@settings(deadline=None)
@given(MESSAGES)
def test_what_ros_writes_is_read_as_ros_reads_it(message: Any) -> None:
    buffer = serialize_message(message)
    assert_same(read(message, buffer), deserialize_message(buffer, type(message)))


@settings(deadline=None)
@given(MESSAGES, st.sampled_from(sorted(ORDERS)))
def test_either_byte_order_is_read_as_ros_reads_it(message: Any, order: str) -> None:
    buffer = written(message, order)
    typed = deserialize_message(buffer, type(message))
    assert_same(read(message, buffer), typed)
    assert written(typed, order) == buffer  # ROS has read what was meant, NaN included


@settings(deadline=None)
@given(MESSAGES, st.binary(max_size=3))
def test_padding_behind_the_message_is_ignored(message: Any, padding: bytes) -> None:
    assert_same(read(message, serialize_message(message) + padding), message)


def test_behind_numbers_of_eight_bytes_ros_leaves_bytes_without_meaning() -> None:
    message = random_of('sensor_msgs/msg/JointState')
    assert_same(read(message, serialize_message(message) + bytes(8)), message)


def test_a_type_that_cannot_be_read_says_which_field_it_is() -> None:
    class Wide:
        SLOT_TYPES = (rosidl.UnboundedSequence(rosidl.UnboundedWString()),)

        @staticmethod
        def get_fields_and_field_types() -> dict[str, str]:
            return {'names': 'sequence<wstring>'}

    with pytest.raises(MessageError, match=r"'names\[\]' .*'wstring'.*raw_subscription"):
        reader(Wide)


def test_the_class_of_what_is_read_can_be_filled_by_name() -> None:
    header = Header(frame_id='eye')
    message = record_class(CompressedImage)(header=header, format='png', data=b'')
    assert message.header is header
    assert type(read(EXAMPLES[1], serialize_message(EXAMPLES[1]))) is type(message)


@pytest.mark.parametrize('order', ORDERS)
def test_the_start_of_a_header_is_read_alone(order: str) -> None:
    image = Image(header=Header(frame_id='eye'))
    image.header.stamp.sec, image.header.stamp.nanosec = 1_700_000_000, 7
    buffer = written(image, order)
    assert read_header_start(buffer) == (1_700_000_000, 7, 3)
    for size in range(16):
        with pytest.raises(MessageError):
            read_header_start(buffer[:size])
    with pytest.raises(MessageError, match='CDR2_LE'):
        read_header_start(b'\0\7' + buffer[2:])


@pytest.mark.parametrize('order', ORDERS)
def test_the_header_is_read_alone(order: str) -> None:
    message = random_of('sensor_msgs/msg/Imu')
    buffer = written(message, order)
    assert_same(read_header(buffer), message.header)
    with pytest.raises(MessageError) as caught:
        read_header(buffer[:17])
    assert caught.value.field == 'header.frame_id'


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('sensor_msgs/msg/Image', True),
        ('vision_msgs/msg/Detection2DArray', True),
        ('std_msgs/msg/Header', False),
        ('std_msgs/msg/Empty', False),
        ('geometry_msgs/msg/Twist', False),
        ('std_msgs/msg/Float64MultiArray', False),
    ],
)
def test_whether_a_message_begins_with_a_header_is_known(name: str, expected: bool) -> None:
    assert has_header(message_type(name)) is expected


@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('encoding', ['bgr8', 'mono16', '32FC1'])
def test_the_image_sensor_sees_the_bytes_that_came(order: str, encoding: str) -> None:
    size = {'bgr8': 3, 'mono16': 2, '32FC1': 4}[encoding]
    pixels = array.array('B', range(4 * 5 * size))
    message = Image(encoding=encoding, height=4, width=5, step=5 * size, data=pixels)
    message.header.frame_id = 'camera'
    buffer = written(message, order)
    sensor = ImageSensor((encoding,))
    frame = sensor.decode(read(message, buffer), 3)
    expected = sensor.decode(message, 3)
    assert frame.data.tobytes() == expected.data.tobytes()
    assert (frame.data.shape, frame.data.dtype) == (expected.data.shape, expected.data.dtype)
    assert (frame.format, frame.stamp_ns, frame.frame_id) == (encoding, 3, 'camera')
    assert np.shares_memory(frame.data, np.frombuffer(buffer, np.uint8))


def test_a_vga_image_arrives_equal(
    spawn: Callable[..., Process], client_node: Client, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    picture = tmp_path / 'noise.bmp'
    cv2.imwrite(str(picture), pixels)
    arrived: list[bytes] = []
    client_node.node.create_subscription(Image, '/image', arrived.append, 1, raw=True)
    parameters = ('-p', f'source:={picture}', '-p', 'autostart:=true')
    spawn('-m', 'ml_integration.ros.video.video_player', '--ros-args', *parameters)
    wait_until(lambda: arrived, 'an image')
    message = read(Image(), arrived[0])
    assert message.header.stamp.sec > 0
    assert np.array_equal(ImageSensor(('bgr8',)).decode(message, 0).data, pixels)


PUBLISHER = """
import signal, rclpy
from rcl_interfaces.msg import IntegerRange, ParameterDescriptor, ParameterValue
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage

rclpy.init()
node = rclpy.create_node('publisher')
latched = QoSProfile(depth=8, durability=DurabilityPolicy.TRANSIENT_LOCAL)
publisher = node.create_publisher(CompressedImage, '/picture', latched)
for size in range(8):
    publisher.publish(CompressedImage(format='jpeg', data=bytes(range(size))))
signal.pause()
"""


def test_messages_of_every_length_arrive_with_the_padding_of_the_wire(
    spawn: Callable[..., Process], client_node: Client
) -> None:
    arrived: list[bytes] = []
    latched = QoSProfile(depth=8, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    client_node.node.create_subscription(
        CompressedImage, '/picture', arrived.append, latched, raw=True
    )
    spawn(sys.executable, '-c', PUBLISHER)
    wait_until(lambda: len(arrived) == 8, '8 messages')
    contents = [read(CompressedImage(), buffer).data.tolist() for buffer in arrived]
    assert contents == [list(range(size)) for size in range(8)]
