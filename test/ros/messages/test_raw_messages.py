"""Messages read from their bytes are the ones that ROS reads from them."""

from __future__ import annotations

import array
import math
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message, serialize_message
from ros_client import Client
from ros_processes import Process, wait_until
from sensor_msgs.msg import CompressedImage, Image, JointState, LaserScan, PointCloud2, PointField
from std_msgs.msg import Header

from ml_integration.errors import MessageError
from ml_integration.ops.cdr import CdrReader
from ml_integration.ros.messages.raw_messages import reader_for, typed_header
from ml_integration.sensors.image import Image as ImageSensor

FORMATS = {'uint8': 'B', 'boolean': '?', 'int32': 'i', 'uint32': 'I', 'float': 'f'}
ORDERS = {'>': b'\0\0\0\0', '<': b'\0\1\0\0'}

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


def written(message: Any, order: str) -> bytes:
    """Serializes a message in either byte order; ROS itself writes only this machine's."""
    body = bytearray()
    write_fields(body, message, order)
    return ORDERS[order] + bytes(body)


def write_fields(body: bytearray, message: Any, order: str) -> None:
    for name, kind in message.get_fields_and_field_types().items():
        value = getattr(message, name)
        if kind.startswith('sequence<'):
            write_value(body, len(value), 'uint32', order)
            for element in value:
                write_value(body, element, kind[9:-1], order)
        else:
            write_value(body, value, kind, order)


def write_value(body: bytearray, value: Any, kind: str, order: str) -> None:
    if kind == 'string':
        write_value(body, len(value.encode()) + 1, 'uint32', order)
        body += value.encode() + b'\0'
    elif kind in FORMATS:
        number = struct.pack(order + FORMATS[kind], value)
        body += b'\xaa' * (-len(body) % len(number)) + number
    else:
        write_fields(body, value, order)


def type_name(message: Any) -> str:
    return f'sensor_msgs/msg/{type(message).__name__}'


def read(message: Any, buffer: bytes) -> Any:
    """Reads bytes as a raw message of the type of `message`."""
    reader = reader_for(type_name(message))
    assert reader is not None
    return reader(buffer)


def assert_same(raw: Any, typed: Any) -> None:
    """Every field has the typed message's value, and its Python type unless it is an array."""
    if hasattr(typed, 'get_fields_and_field_types'):
        for name in typed.get_fields_and_field_types():
            assert_same(getattr(raw, name), getattr(typed, name))
    elif isinstance(typed, array.array):
        assert raw.astype(raw.dtype.newbyteorder('=')).tobytes() == typed.tobytes()
        assert raw.dtype.newbyteorder('=') == np.dtype(typed.typecode)
        assert not raw.flags.writeable
    elif isinstance(typed, list):
        assert len(raw) == len(typed)
        for raw_element, typed_element in zip(raw, typed, strict=True):
            assert_same(raw_element, typed_element)
    else:
        assert type(raw) is type(typed)
        assert raw == typed or (math.isnan(raw) and math.isnan(typed))


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
    buffer = bytearray(written(message, order))
    bits = st.integers(0, 8 * len(buffer) - 1)
    for bit in choices.draw(st.lists(bits, min_size=1, max_size=3)):
        buffer[bit // 8] ^= 1 << bit % 8
    try:
        raw = read(message, bytes(buffer))
    except MessageError:
        return
    assert_same(raw, deserialize_message(bytes(buffer), type(message)))


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


@settings(deadline=None)
@given(headers(), st.lists(text, max_size=3), st.lists(st.floats(), max_size=3))
def test_numbers_of_eight_bytes_lie_where_ros_puts_them(
    header: Header, names: list[str], position: list[float]
) -> None:
    message = JointState(header=header, name=names, position=position, effort=position[:1])
    cdr = CdrReader(serialize_message(message))
    assert cdr.int32('sec') == header.stamp.sec
    assert cdr.uint32('nanosec') == header.stamp.nanosec
    assert cdr.string('frame_id') == header.frame_id
    assert [cdr.string('name') for _ in range(cdr.uint32('name'))] == names
    assert cdr.sequence('position', 'f8').tobytes() == message.position.tobytes()
    assert cdr.sequence('velocity', 'f8').size == 0
    assert cdr.sequence('effort', 'f8').tobytes() == message.effort.tobytes()


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
    assert (frame.format, frame.stamp_ns, frame.frame_id) == (encoding, 0, 'camera')
    assert np.shares_memory(frame.data, np.frombuffer(buffer, np.uint8))


@settings(deadline=None)
@given(headers())
def test_the_header_of_a_raw_message_goes_into_a_typed_one(header: Header) -> None:
    raw = read(EXAMPLES[0], serialize_message(Image(header=header)))
    assert typed_header(raw.header) == header
    assert typed_header(header) == header


def test_other_messages_are_left_to_ros() -> None:
    assert reader_for('sensor_msgs/msg/Imu') is None


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
