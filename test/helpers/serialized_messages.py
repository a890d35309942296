"""Messages of every type that is installed, with random contents, serialized in either order."""

from __future__ import annotations

import importlib
import math
import re
import struct
from typing import Any

import numpy as np
from ament_index_python import get_resource, get_resources

from ml_integration.core.datatypes import Array
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.messages.reader import reader

ORDERS = {'>': b'\0\0\0\0', '<': b'\0\1\0\0'}
FORMATS = {
    'boolean': '?',
    'octet': 'c',
    'int8': 'b',
    'uint8': 'B',
    'int16': 'h',
    'uint16': 'H',
    'int32': 'i',
    'uint32': 'I',
    'int64': 'q',
    'uint64': 'Q',
    'float': 'f',
    'double': 'd',
}
_SEQUENCE = re.compile(r'sequence<(?P<element>.+?)(, (?P<most>\d+))?>')
_ARRAY = re.compile(r'(?P<element>.+)\[(?P<count>\d+)\]')


def installed_types() -> list[str]:
    """Full names such as 'sensor_msgs/msg/Imu', sorted."""
    return sorted(
        f'{package}/{line.removesuffix(".idl")}'
        for package in get_resources('rosidl_interfaces')
        for line in get_resource('rosidl_interfaces', package)[0].split()
        if line.startswith('msg/') and line.endswith('.idl')
    )


def random_message(message_class: Any, rng: np.random.Generator) -> Any:
    """A message of which every field has a random value, arrays up to two elements."""
    message = message_class()
    for name, kind in message.get_fields_and_field_types().items():
        setattr(message, name, _random_value(kind, rng))
    return message


def written(message: Any, order: str) -> bytes:
    """Serializes a message in either byte order; ROS itself writes only this machine's."""
    body = bytearray()
    _write_value(body, message, '', order)
    return ORDERS[order] + bytes(body)


def _random_value(kind: str, rng: np.random.Generator) -> Any:
    if match := _SEQUENCE.fullmatch(kind):
        count = int(rng.integers(min(2, int(match['most'] or 2)), endpoint=True))
        return [_random_value(match['element'], rng) for _ in range(count)]
    if match := _ARRAY.fullmatch(kind):
        return [_random_value(match['element'], rng) for _ in range(int(match['count']))]
    if kind.startswith('string'):
        return ''.join(rng.choice(list('aé€😀 '), rng.integers(5)))
    if kind in FORMATS:
        code = FORMATS[kind]
        size = struct.calcsize(f'={code}')
        content = bytes([rng.integers(2)]) if code == '?' else rng.bytes(size)
        (value,) = struct.unpack(f'={code}', content)
        return value
    package, name = kind.split('/')
    return random_message(getattr(importlib.import_module(f'{package}.msg'), name), rng)


def _write_value(body: bytearray, value: Any, kind: str, order: str) -> None:
    if match := _SEQUENCE.fullmatch(kind):
        _write_value(body, len(value), 'uint32', order)
        for element in value:
            _write_value(body, element, match['element'], order)
    elif match := _ARRAY.fullmatch(kind):
        for element in value:
            _write_value(body, element, match['element'], order)
    elif kind.startswith('string'):
        _write_value(body, len(value.encode()) + 1, 'uint32', order)
        body += value.encode() + b'\0'
    elif kind in FORMATS:
        number = struct.pack(order + FORMATS[kind], value)
        body += b'\xaa' * (-len(body) % len(number)) + number
    else:
        fields = value.get_fields_and_field_types()
        for name, inner in fields.items():
            _write_value(body, getattr(value, name), inner, order)
        if not fields:  # structure_needs_at_least_one_member
            body.append(0)


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
