"""Messages of any type, read from their serialized bytes without copying what is large.

How a message is read follows from the slots of its class. What comes has the typed message's
attributes, so a sensor takes either. Arrays of numbers are read-only views of the bytes, in the
publisher's byte order (of octets: uint8), other arrays tuples.
"""

from __future__ import annotations

import struct
from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from rosidl_parser import definition as rosidl
from std_msgs.msg import Header

from ml_integration.errors import MessageError
from ml_integration.ops import cdr
from ml_integration.ros.messages.message_types import message_type

Reader = Callable[[bytes], Any]
"""Makes a message of its serialized bytes; raises MessageError."""

# rosidl's name of a number's type: its code in `struct`, numpy's name of it.
_NUMBERS = {
    'boolean': ('B', '?'),
    'octet': ('c', 'u1'),  # by itself a bytes of length 1, as in typed messages
    'int8': ('b', 'i1'),
    'uint8': ('B', 'u1'),
    'int16': ('h', 'i2'),
    'uint16': ('H', 'u2'),
    'int32': ('i', 'i4'),
    'uint32': ('I', 'u4'),
    'int64': ('q', 'i8'),
    'uint64': ('Q', 'u8'),
    'float': ('f', 'f4'),
    'double': ('d', 'f8'),
}
# By a message's first two bytes: seconds, nanoseconds, and the frame's name with its NUL.
_STARTS = {
    head: struct.Struct(f'{order}{cdr.HEADER_BYTES}xiII').unpack_from
    for head, order in cdr.BYTE_ORDERS.items()
}


@cache
def reader(message_class: Any) -> Reader:
    """Returns a function that reads serialized messages of a class.

    Raises:
        MessageError: a field has a type that cannot be read, such as wstring.
    """
    plans = _plans(message_class)
    by_head = {head: plans[order].read for head, order in cdr.BYTE_ORDERS.items()}

    def read(buffer: bytes) -> Any:
        plan = by_head.get(buffer[:2])
        return plan(buffer) if plan else plans[cdr.byte_order(buffer)].read(buffer)

    return read


@cache
def record_class(message_class: Any) -> Any:
    """Returns the class of the objects that are read: a namedtuple of the message's fields."""
    return namedtuple(message_class.__name__, list(_fields(message_class)))


def has_header(message_class: Any) -> bool:
    """Tells whether messages of a class begin with a std_msgs/msg/Header."""
    first = next(iter(_fields(message_class).values()))
    return isinstance(first, rosidl.NamespacedType) and _class_of(first) is Header


def read_header_start(buffer: bytes) -> tuple[int, int, int]:
    """Reads the start of a serialized message that begins with a header.

    Returns:
        Seconds and nanoseconds of its stamp, and the length of its `frame_id` [bytes].

    Raises:
        MessageError: the encapsulation is not plain CDR, or the message ends in its header.
    """
    try:
        sec, nanosec, length = _STARTS[buffer[:2]](buffer)
    except (KeyError, struct.error):
        cdr.byte_order(buffer)  # says what is wrong with the first bytes, if something is
        raise MessageError('header', f'{len(buffer)} bytes', 'at least 16') from None
    return sec, nanosec, length - 1


def read_header(buffer: bytes) -> Any:
    """Returns the header alone, of any serialized message that begins with one."""
    return _plans(Header, 'header', exact=False)[cdr.byte_order(buffer)].read(buffer)


class _Planner:
    """Collects the steps and folds of a plan; numbers that are neighbors become one step.

    Args:
        order: '<' or '>'.
        outer: name of the field whose elements are read; empty for a whole message.
    """

    def __init__(self, order: str, outer: str = '') -> None:
        self._order = order
        self._outer = outer
        self._steps: list[cdr.Step] = []
        self._folds: list[cdr.Fold] = []
        self._numbers: list[tuple[str, str]] = []
        self._has_wide_numbers = False

    def plan(self, exact: bool) -> cdr.Plan:
        """Makes the plan; `exact` is for `Plan`, but never holds with numbers of 8 bytes.

        ROS overestimates the size of some such messages, and sends bytes without meaning.
        """
        self._end_numbers()
        return cdr.Plan(self._steps, self._folds, exact and not self._has_wide_numbers)

    def message(self, message_class: Any, field: str, index: int) -> None:
        """Adds a message whose first value is number `index` of the list that a plan fills."""
        fields = _fields(message_class)
        for offset, (name, kind) in enumerate(fields.items()):
            self.value(kind, cdr.joined(field, name), index + offset)
        make = partial(tuple.__new__, record_class(message_class))
        self._folds.append((index, index + len(fields), make))

    def value(self, kind: Any, field: str, index: int) -> None:
        """Adds one field of any type."""
        if isinstance(kind, rosidl.AbstractNestedType):
            self._array(kind, field)
        elif isinstance(kind, rosidl.NamespacedType):
            self.message(_class_of(kind), field, index)
        elif isinstance(kind, rosidl.AbstractString):
            self._number(field, 'I')
            self._step(cdr.text(field, getattr(kind, 'maximum_size', None)))
        else:
            self._number(field, self._number_type(kind, field)[0])
            if kind.typename == 'boolean':
                self._step(cdr.boolean(field))

    def _array(self, kind: Any, field: str) -> None:
        count = kind.size if isinstance(kind, rosidl.Array) else None
        most = getattr(kind, 'maximum_size', None)
        if count is None:
            self._number(field, 'I')
        element = kind.value_type
        if isinstance(element, rosidl.BasicType):
            dtype = np.dtype(self._order + self._number_type(element, field)[1])
            self._has_wide_numbers |= dtype.itemsize == 8
            self._step(cdr.view(field, dtype, count, most))
        else:
            inner = _Planner(self._order, f'{cdr.joined(self._outer, field)}[]')
            inner.value(element, '', 0)
            self._step(cdr.repeat(field, inner.plan(exact=False), count, most))
            self._has_wide_numbers |= inner._has_wide_numbers

    def _number_type(self, kind: Any, field: str) -> tuple[str, str]:
        name = getattr(kind, 'typename', 'wstring')
        if name not in _NUMBERS:
            raise MessageError(
                cdr.joined(self._outer, field),
                name,
                'a type that can be read from serialized messages',
                'Set the parameter raw_subscription to false.',
            )
        return _NUMBERS[name]

    def _number(self, field: str, code: str) -> None:
        self._numbers.append((field, code))
        self._has_wide_numbers |= struct.calcsize(f'={code}') == 8

    def _step(self, step: cdr.Step) -> None:
        self._end_numbers()
        self._steps.append(step)

    def _end_numbers(self) -> None:
        if self._numbers:
            self._steps.append(cdr.numbers(self._order, self._numbers))
            self._numbers = []


@cache
def _plans(message_class: Any, field: str = '', exact: bool = True) -> Mapping[str, cdr.Plan]:
    """Makes the plans that read messages of a class, by byte order."""
    plans = {}
    for order in cdr.BYTE_ORDERS.values():
        planner = _Planner(order)
        planner.message(message_class, field, 0)
        plans[order] = planner.plan(exact)
    return plans


def _fields(message_class: Any) -> Mapping[str, Any]:
    """Returns each field's type; a message without fields has one byte."""
    names, kinds = message_class.get_fields_and_field_types(), message_class.SLOT_TYPES
    if not names:
        return {'structure_needs_at_least_one_member': rosidl.BasicType('uint8')}
    return dict(zip(names, kinds, strict=True))


def _class_of(kind: rosidl.NamespacedType) -> Any:
    return message_type('/'.join(kind.namespaced_name()))
