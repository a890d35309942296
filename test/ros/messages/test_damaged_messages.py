"""Damaged messages are refused, or read as ROS reads them."""

from __future__ import annotations

from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from example_messages import EXAMPLES, MESSAGES
from hypothesis import given, settings
from hypothesis import strategies as st
from rcl_interfaces.msg import IntegerRange, ParameterDescriptor, ParameterValue
from rclpy.serialization import deserialize_message, serialize_message
from serialized_messages import (
    ORDERS,
    assert_same,
    installed_types,
    random_of,
    read,
    type_name,
    written,
)
from type_description_interfaces.msg import FieldType

from ml_integration.errors import MessageError
from ml_integration.ros.messages.message_types import message_type

ALL_TYPES = installed_types()


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
