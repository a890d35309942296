"""Messages read from their bytes are the ones that ROS reads from them."""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from hypothesis import given, settings
from hypothesis import strategies as st
from rcl_interfaces.msg import IntegerRange, ParameterDescriptor, ParameterValue
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message, serialize_message
from ros_client import Client
from ros_processes import Process, wait_until
from rosidl_parser import definition as rosidl
from sensor_msgs.msg import CompressedImage, Image, LaserScan, PointCloud2, PointField
from serialized_messages import ORDERS, installed_types, random_message, written
from std_msgs.msg import Header
from type_description_interfaces.msg import FieldType

from ml_integration.core.datatypes import Array
from ml_integration.errors import MessageError
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.messages.reader import (
    has_header,
    read_header,
    read_stamp,
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

uint8 = st.integers(0, 2**8 - 1)
uint32 = st.integers(0, 2**32 - 1)
float32 = st.floats(width=32)
text = st.text(st.characters(codec='utf-8', min_codepoint=1), max_size=9)
data = st.binary(max_size=40).map(lambda content: array.array('B', content))
floats = st.lists(float32, max_size=9).map(lambda values: array.array('f', values))


@st.composite
def headers(draw: st.DrawFn) -> Header:
    header = Header(frame_id=draw(text))
    header.stamp.sec = draw(st.integers(-(2**31), 2**31 - 1))
    header.stamp.nanosec = draw(uint32)
    return header


IMAGES = st.builds(
    Image,
    header=headers(),
    height=uint32,
    width=uint32,
    encoding=text,
    is_bigendian=uint8,
    step=uint32,
    data=data,
)
COMPRESSED_IMAGES = st.builds(CompressedImage, header=headers(), format=text, data=data)
POINT_FIELDS = st.builds(PointField, name=text, offset=uint32, datatype=uint8, count=uint32)
POINT_CLOUDS = st.builds(
    PointCloud2,
    header=headers(),
    height=uint32,
    width=uint32,
    fields=st.lists(POINT_FIELDS, max_size=4),
    is_bigendian=st.booleans(),
    point_step=uint32,
    row_step=uint32,
    data=data,
    is_dense=st.booleans(),
)
LASER_SCANS = st.builds(
    LaserScan,
    header=headers(),
    angle_min=float32,
    angle_max=float32,
    angle_increment=float32,
    time_increment=float32,
    scan_time=float32,
    range_min=float32,
    range_max=float32,
    ranges=floats,
    intensities=floats,
)
MESSAGES = st.one_of(IMAGES, COMPRESSED_IMAGES, POINT_CLOUDS, LASER_SCANS)
EXAMPLES = [
    Image(header=Header(frame_id='cam'), encoding='mono8', height=1, width=3, data=[7] * 3),
    CompressedImage(header=Header(frame_id='cam'), format='jpeg', data=[7] * 5),
    PointCloud2(fields=[PointField(name='x'), PointField(name='range')], data=[7] * 9),
    LaserScan(ranges=[1.0, math.inf], intensities=[0.5]),
]


def type_name(message: Any) -> str:
    return type(message).__name__


def random_of(name: str, seed: int = 0) -> Any:
    return random_message(message_type(name), np.random.default_rng(seed))


def read(message: Any, buffer: bytes) -> Any:
    """Reads bytes as a message of the type of `message`."""
    return reader(type(message))(buffer)


def assert_same(raw: Any, typed: Any) -> None:
    """Every field has the typed message's value, and its Python type unless it is an array."""
    if hasattr(typed, 'get_fields_and_field_types'):
        for name in typed.get_fields_and_field_types():
            assert_same(getattr(raw, name), getattr(typed, name))
    elif isinstance(raw, np.ndarray):
        assert raw.shape == (len(typed),)
        assert not raw.flags.writeable
        assert_same_numbers(raw.astype(raw.dtype.newbyteorder('=')), typed)
    elif isinstance(typed, list):
        assert isinstance(raw, tuple)
        assert len(raw) == len(typed)
        for raw_element, typed_element in zip(raw, typed, strict=True):
            assert_same(raw_element, typed_element)
    else:
        assert type(raw) is type(typed)
        assert raw == typed or (math.isnan(raw) and math.isnan(typed))


def assert_same_numbers(raw: Array, typed: Any) -> None:
    if isinstance(typed, list) and typed and isinstance(typed[0], bytes):
        typed = np.frombuffer(b''.join(typed), np.uint8)
    elif isinstance(typed, list):
        typed = np.array(typed, raw.dtype)
    else:
        assert raw.dtype == (typed.dtype if isinstance(typed, np.ndarray) else typed.typecode)
    assert raw.tobytes() == typed.tobytes()


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


@pytest.mark.parametrize('name', ALL_TYPES)
def test_any_truncated_message_is_refused_wherever_it_ends(name: str) -> None:
    message = random_of(name)
    buffer = written(message, '<')
    for size in range(len(buffer)):
        with pytest.raises(MessageError):
            read(message, buffer[:size])


@settings(deadline=None)
@given(st.sampled_from(ALL_TYPES), st.sampled_from(sorted(ORDERS)), st.integers(0, 99), st.data())
def test_flipped_bits_of_any_message_are_refused_or_read_as_ros_reads_them(
    name: str, order: str, seed: int, choices: st.DataObject
) -> None:
    message = random_of(name, seed)
    assert_refused_or_same(message, flipped(written(message, order), choices))


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


@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('message', EXAMPLES, ids=type_name)
def test_a_truncated_message_is_refused_wherever_it_ends(message: Any, order: str) -> None:
    buffer = written(message, order)
    assert_same(read(message, buffer), message)
    for size in range(len(buffer)):
        with pytest.raises(MessageError):
            read(message, buffer[:size])


@settings(deadline=None)
@given(MESSAGES, st.sampled_from(sorted(ORDERS)), st.data())
def test_flipped_bits_are_refused_or_read_as_ros_reads_them(
    message: Any, order: str, choices: st.DataObject
) -> None:
    assert_refused_or_same(message, flipped(written(message, order), choices))


def flipped(buffer: bytes, choices: st.DataObject) -> bytes:
    changed = bytearray(buffer)
    # The two bytes of options mean nothing in plain CDR; newer Fast CDR refuses what older takes.
    bits = st.integers(0, 15) | st.integers(32, 8 * len(buffer) - 1)
    for bit in choices.draw(st.lists(bits, min_size=1, max_size=3)):
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def assert_refused_or_same(message: Any, buffer: bytes) -> None:
    try:
        raw = read(message, buffer)
    except MessageError:
        return
    assert_same(raw, deserialize_message(buffer, type(message)))


@pytest.mark.parametrize('message', EXAMPLES, ids=type_name)
def test_a_message_with_more_fields_is_refused(message: Any) -> None:
    with pytest.raises(MessageError, match='4 bytes after the last field'):
        read(message, serialize_message(message) + bytes(4))


def test_an_error_names_the_field_of_the_message() -> None:
    cloud = EXAMPLES[2]
    buffer = written(cloud, '<')
    with pytest.raises(MessageError) as caught:
        read(cloud, buffer[: buffer.index(b'range')])
    assert caught.value.field == 'fields[1].name'


def test_behind_numbers_of_eight_bytes_ros_leaves_bytes_without_meaning() -> None:
    message = random_of('sensor_msgs/msg/JointState')
    assert_same(read(message, serialize_message(message) + bytes(8)), message)


@pytest.mark.parametrize(
    ('name', 'cut', 'field'),
    [
        ('sensor_msgs/msg/Imu', 8, 'header.stamp.nanosec'),
        ('sensor_msgs/msg/Imu', -1, 'linear_acceleration_covariance'),
        ('sensor_msgs/msg/Imu', -73, 'linear_acceleration.z'),
        ('std_msgs/msg/Empty', 4, 'structure_needs_at_least_one_member'),
        ('diagnostic_msgs/msg/DiagnosticArray', -1, 'status[0].values[1].value'),
    ],
)
def test_an_error_names_the_field_by_its_whole_path(name: str, cut: int, field: str) -> None:
    pairs = [KeyValue(key='k', value='v'), KeyValue(key='k', value='v')]
    message = message_type(name)()
    if isinstance(message, DiagnosticArray):
        message.status = [DiagnosticStatus(values=pairs)]
    with pytest.raises(MessageError) as caught:
        read(message, written(message, '<')[:cut])
    assert caught.value.field == field


def test_a_damaged_bool_of_an_array_is_refused() -> None:
    message = ParameterValue(bool_array_value=[True, False, True])
    buffer = written(message, '<')
    assert buffer.count(b'\1\0\1') == 1
    with pytest.raises(MessageError, match='got 2; expected 0 or 1') as caught:
        read(message, buffer.replace(b'\1\0\1', b'\1\0\2'))
    assert caught.value.field == 'bool_array_value'


@pytest.mark.parametrize(
    ('message', 'field', 'got'),
    [
        (ParameterDescriptor(integer_range=[IntegerRange()] * 2), 'integer_range', '2 elements'),
        (FieldType(nested_type_name='n' * 256), 'nested_type_name', '256 bytes'),
    ],
    ids=type_name,
)
def test_more_than_a_bound_allows_is_refused(message: Any, field: str, got: str) -> None:
    with pytest.raises(MessageError, match=f'got .?{got}.?; expected at most') as caught:
        read(message, written(message, '<'))
    assert caught.value.field == field


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
def test_the_stamp_is_read_alone(order: str) -> None:
    image = Image()
    image.header.stamp.sec, image.header.stamp.nanosec = 1_700_000_000, 7
    buffer = written(image, order)
    assert read_stamp(buffer) == 1_700_000_000_000_000_007
    for size in range(12):
        with pytest.raises(MessageError):
            read_stamp(buffer[:size])
    with pytest.raises(MessageError, match='CDR2_LE'):
        read_stamp(b'\0\7' + buffer[2:])


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
