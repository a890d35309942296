"""Reads serialized messages: plain CDR, as every ROS middleware sends it.

A `Plan` reads messages of one definition. It consists of steps, each of which reads one field or
a run of neighboring numbers from a position of the buffer on, and leaves one value per field.

Nothing large is copied: arrays are views of the buffer. Every length is checked against the
buffer before it is used, so that a damaged message is an error that names the field.

Sources: OMG Common Object Request Broker Architecture 3.3, part 2, section 9.3 (the layout);
OMG DDS-XTypes 1.3, section 7.6.2 (the four bytes in front of it).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ml_integration.errors import MessageError

HEADER_BYTES = 4
# What is small travels filled up to a multiple of four, and Fast DDS does not take that off again.
MAX_PADDING = 3

BYTE_ORDERS = {b'\x00\x00': '>', b'\x00\x01': '<'}
"""Byte order of a message by its first two bytes."""
# CDR2 aligns numbers of 8 bytes to 4 and puts a size in front of arrays of messages; PL_CDR
# puts an identifier in front of every field.
_OTHER_LAYOUTS = {
    0x0002: 'PL_CDR_BE',
    0x0003: 'PL_CDR_LE',
    0x0006: 'CDR2_BE',
    0x0007: 'CDR2_LE',
    0x0008: 'D_CDR2_BE',
    0x0009: 'D_CDR2_LE',
    0x000A: 'PL_CDR2_BE',
    0x000B: 'PL_CDR2_LE',
}

Step = Callable[[bytes, int, list[Any]], int]
"""Reads values from a position on, appends them to the list and returns the end position."""
Fold = tuple[int, int, Callable[[list[Any]], Any]]
"""First and end index of the values that become one object, and the function that makes it."""


class Damaged(Exception):  # noqa: N818 - Plan.read makes the package's own error of it
    """Error: a field has impossible bytes; `field` is relative to the plan that reads it."""

    def __init__(self, field: str, got: object, expected: str) -> None:
        self.field, self.got, self.expected = field, got, expected


class Plan:
    """Reads messages of one definition, or elements of an array, in one byte order.

    Args:
        steps: read the fields, in the order of the definition.
        folds: make objects of the values, inner ones first, until one value is left.
        exact: whether nothing but padding may follow.
    """

    def __init__(self, steps: Sequence[Step], folds: Sequence[Fold], exact: bool) -> None:
        self._steps, self._folds, self._exact = tuple(steps), tuple(folds), exact

    def read(self, buffer: bytes) -> Any:
        """Reads a whole message.

        Raises:
            MessageError: the buffer has too few bytes for a field, bytes that a field cannot
                have, or more than the definition says.
        """
        try:
            value, end = self.read_element(buffer, HEADER_BYTES)
        except Damaged as damaged:
            raise MessageError(damaged.field, damaged.got, damaged.expected) from None
        if self._exact and len(buffer) - end > MAX_PADDING:
            raise MessageError(
                '(end)',
                f'{len(buffer) - end} bytes after the last field',
                f'at most {MAX_PADDING} of padding',
                'The publisher may use another version of the message definition.',
            )
        return value

    def read_element(self, buffer: bytes, position: int) -> tuple[Any, int]:
        """Reads one value; returns it and its end position."""
        values: list[Any] = []
        for step in self._steps:
            position = step(buffer, position, values)
        for first, end, make in self._folds:
            values[first:end] = (make(values[first:end]),)
        return values[0], position


def numbers(order: str, codes: Sequence[tuple[str, str]]) -> Step:
    """Reads neighboring numbers at once.

    Args:
        order: '<' or '>'.
        codes: each field's name and the code of its type in `struct`.
    """
    # Their padding depends on where the first one happens to begin.
    layouts = [_layout(order, codes, start) for start in range(8)]

    def step(buffer: bytes, position: int, values: list[Any]) -> int:
        layout = layouts[position & 7]
        try:
            values += layout.unpack_from(buffer, position)
        except struct.error:
            raise _short_number(codes, buffer, position) from None
        return position + layout.size

    return step


def boolean(field: str) -> Step:
    """Makes a bool of the number that was read last."""

    def step(buffer: bytes, position: int, values: list[Any]) -> int:
        value = values[-1]
        if value > 1:
            raise Damaged(field, value, '0 or 1')
        values[-1] = value == 1
        return position

    return step


def text(field: str, most: int | None) -> Step:
    """Reads UTF-8 of as many bytes as the number that was read last, the last one a NUL.

    Args:
        field: its name.
        most: the longest text that the definition allows [bytes]; None: any.
    """

    def step(buffer: bytes, position: int, values: list[Any]) -> int:
        length = values[-1]
        end: int = position + length
        content = buffer[position:end]
        if not length or content.find(0) != length - 1:
            raise _bad_text(field, buffer, position, length)
        if most is not None and length > most + 1:
            raise Damaged(field, f'{length - 1} bytes', f'at most {most}')
        try:
            values[-1] = str(content[:-1], 'utf-8')
        except UnicodeDecodeError as error:
            raise Damaged(field, f'{error.reason} at byte {error.start}', 'UTF-8') from error
        return end

    return step


def view(field: str, dtype: np.dtype[Any], count: int | None, most: int | None = None) -> Step:
    """Makes a read-only array of the buffer's bytes, which need not be aligned in memory.

    Args:
        field: its name.
        dtype: an element's type, in the message's byte order; bool is checked to be 0 or 1.
        count: how many elements; None: as many as the number that was read last.
        most: the most elements that the definition allows; None: any.
    """
    size = dtype.itemsize

    def step(buffer: bytes, position: int, values: list[Any]) -> int:
        length = values.pop() if count is None else count
        if most is not None and length > most:
            raise Damaged(field, f'{length} elements', f'at most {most}')
        # Where there is no number, nothing is aligned for one.
        start = position + (HEADER_BYTES - position) % size if length else position
        end = start + length * size
        if end > len(buffer):
            raise _too_short(field, buffer, start, length * size)
        values.append(np.ndarray((length,), dtype, buffer, start))
        return end

    return step if dtype.kind != 'b' else _checked_booleans(field, step)


def repeat(field: str, plan: Plan, count: int | None, most: int | None = None) -> Step:
    """Reads a tuple of what `plan` reads.

    Args:
        field: its name; an element's is `field[index]`.
        plan: reads an element, which has at least one byte.
        count: how many elements; None: as many as the number that was read last.
        most: the most elements that the definition allows; None: any.
    """

    def step(buffer: bytes, position: int, values: list[Any]) -> int:
        length = values.pop() if count is None else count
        if most is not None and length > most:
            raise Damaged(field, f'{length} elements', f'at most {most}')
        elements: list[Any] = []
        try:
            for _ in range(length):
                element, position = plan.read_element(buffer, position)
                elements.append(element)
        except Damaged as damaged:
            damaged.field = joined(f'{field}[{len(elements)}]', damaged.field)
            raise
        values.append(tuple(elements))
        return position

    return step


def joined(outer: str, inner: str) -> str:
    """Returns the dotted name of a field of a field; either may be empty."""
    return f'{outer}.{inner}' if outer and inner else outer or inner


def byte_order(buffer: bytes) -> str:
    """Returns '<' or '>'.

    Raises:
        MessageError: the encapsulation is not plain CDR.
    """
    if len(buffer) < HEADER_BYTES:
        raise MessageError('(encapsulation)', f'{len(buffer)} bytes', f'at least {HEADER_BYTES}')
    order = BYTE_ORDERS.get(buffer[:2])
    if order is None:
        identifier = buffer[0] << 8 | buffer[1]
        name = _OTHER_LAYOUTS.get(identifier, 'an unknown one')
        raise MessageError('(encapsulation)', f'{name} (0x{identifier:04x})', 'CDR_LE or CDR_BE')
    return order


def _layout(order: str, codes: Sequence[tuple[str, str]], start: int) -> struct.Struct:
    """Returns the layout of numbers whose first byte is at `start` modulo 8 in the buffer."""
    position, layout = start - HEADER_BYTES, order
    for _, code in codes:
        size = struct.calcsize(order + code)
        padding = -position % size
        layout += 'x' * padding + code
        position += padding + size
    return struct.Struct(layout)


def _checked_booleans(field: str, read: Step) -> Step:
    def step(buffer: bytes, position: int, values: list[Any]) -> int:
        end = read(buffer, position, values)
        highest = values[-1].view(np.uint8).max(initial=0)
        if highest > 1:
            raise Damaged(field, highest, '0 or 1')
        return end

    return step


def _short_number(codes: Sequence[tuple[str, str]], buffer: bytes, position: int) -> Damaged:
    """Returns the error about the first of several numbers that the buffer is too short for."""
    for field, code in codes:
        size = struct.calcsize(f'={code}')
        position += (HEADER_BYTES - position) % size
        if position + size > len(buffer):
            return _too_short(field, buffer, position, size)
        position += size
    raise AssertionError('a run of numbers that fits into the buffer was not read')


def _bad_text(field: str, buffer: bytes, start: int, length: int) -> Damaged:
    if not length:
        return Damaged(field, 'a length of 0', 'at least 1, which counts the NUL')
    if start + length > len(buffer):
        return _too_short(field, buffer, start, length)
    terminator = buffer.find(0, start, start + length) - start
    got = 'none' if terminator < 0 else f'one at character {terminator}'
    return Damaged(field, got, f'a NUL after {length - 1} characters, and no other')


def _too_short(field: str, buffer: bytes, start: int, size: int) -> Damaged:
    left = max(len(buffer) - start, 0)
    return Damaged(
        field, f'{left} bytes up to the end of the message', f'{size} from byte {start} on'
    )
