"""Reads serialized messages: plain CDR, as every ROS middleware sends it.

Nothing large is copied: arrays are views of the buffer. Every length is checked against the
buffer before it is used, so that a damaged message is an error that names the field.

Sources: OMG Common Object Request Broker Architecture 3.3, part 2, section 9.3 (the layout);
OMG DDS-XTypes 1.3, section 7.6.2 (the four bytes in front of it).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.errors import MessageError

HEADER_BYTES = 4
# What is small travels filled up to a multiple of four, and Fast DDS does not take that off again.
MAX_PADDING = 3

_BYTE_ORDERS = {0x0000: '>', 0x0001: '<'}
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
_NUMBERS = {
    order: {code: struct.Struct(order + code) for code in 'BiIf'}
    for order in _BYTE_ORDERS.values()
}


class CdrReader:
    """Reads the fields of one message in the order of its definition.

    Args:
        buffer: the serialized message with the encapsulation header; it has to stay as it is as
            long as arrays of it are in use.

    Raises:
        MessageError: the encapsulation is not plain CDR. Every method raises it when the buffer
            has too few bytes for the field, or bytes that the field cannot have.
    """

    def __init__(self, buffer: bytes | bytearray | memoryview) -> None:
        whole = memoryview(buffer).toreadonly().cast('B')
        self._order = _byte_order(whole)
        self._numbers = _NUMBERS[self._order]
        # Fields are aligned to what follows the header.
        self._body = whole[HEADER_BYTES:]
        self._end = len(self._body)
        self._position = 0

    def uint8(self, field: str) -> int:
        value: int = self._number(field, 'B')
        return value

    def int32(self, field: str) -> int:
        value: int = self._number(field, 'i')
        return value

    def uint32(self, field: str) -> int:
        value: int = self._number(field, 'I')
        return value

    def float32(self, field: str) -> float:
        value: float = self._number(field, 'f')
        return value

    def boolean(self, field: str) -> bool:
        value = self.uint8(field)
        if value > 1:
            raise MessageError(field, value, '0 or 1')
        return value == 1

    def string(self, field: str) -> str:
        """Reads text without its terminator.

        Raises:
            MessageError: also where the only NUL is not at the end, or it is not UTF-8.
        """
        length = self.uint32(field)
        if not length:
            raise MessageError(field, 'a length of 0', 'at least 1, which counts the NUL')
        start = self._take(field, self._position, length)
        text = bytes(self._body[start : start + length])
        terminator = text.find(0)
        if terminator != length - 1:
            got = 'none' if terminator < 0 else f'one at character {terminator}'
            raise MessageError(field, got, f'a NUL after {length - 1} characters, and no other')
        try:
            return str(text[:-1], 'utf-8')
        except UnicodeDecodeError as error:
            raise MessageError(field, f'{error.reason} at byte {error.start}', 'UTF-8') from error

    def sequence(self, field: str, kind: str) -> Array:
        """Reads a length and as many numbers.

        Args:
            field: the field's name, for errors.
            kind: numpy's name of the element type without byte order, such as 'u1' or 'f4'.

        Returns:
            (N,) of `kind` in the MESSAGE's byte order: a read-only view of the buffer, which
            need not be aligned in memory.
        """
        count = self.uint32(field)
        dtype = np.dtype(self._order + kind)
        # Where there is no number, nothing is aligned for one.
        start = _aligned(self._position, dtype.itemsize) if count else self._position
        start = self._take(field, start, count * dtype.itemsize)
        return np.ndarray((count,), dtype, self._body, start)

    def finish(self) -> None:
        """Checks that nothing but padding follows.

        Not for messages with numbers of 8 bytes: ROS overestimates the size of some of them, and
        up to 8 bytes without meaning follow.

        Raises:
            MessageError: more does, so this is a message of another definition.
        """
        left = self._end - self._position
        if left > MAX_PADDING:
            raise MessageError(
                '(end)',
                f'{left} bytes after the last field',
                f'at most {MAX_PADDING} of padding',
                'The publisher may use another version of the message definition.',
            )

    def _number(self, field: str, code: str) -> Any:
        number = self._numbers[code]
        size = number.size
        start = _aligned(self._position, size)
        try:
            (value,) = number.unpack_from(self._body, start)
        except struct.error:
            raise self._too_short(field, start, size) from None
        self._position = start + size
        return value

    def _take(self, field: str, start: int, size: int) -> int:
        """Moves on behind `size` bytes from `start`, which is returned."""
        if start + size > self._end:
            raise self._too_short(field, start, size)
        self._position = start + size
        return start

    def _too_short(self, field: str, start: int, size: int) -> MessageError:
        left = max(self._end - start, 0)
        return MessageError(
            field,
            f'{left} bytes up to the end of the message',
            f'{size} from byte {HEADER_BYTES + start} on',
        )


def _aligned(position: int, size: int) -> int:
    return (position + size - 1) & -size


def _byte_order(whole: memoryview) -> str:
    if len(whole) < HEADER_BYTES:
        raise MessageError('(encapsulation)', f'{len(whole)} bytes', f'at least {HEADER_BYTES}')
    identifier = whole[0] << 8 | whole[1]
    order = _BYTE_ORDERS.get(identifier)
    if order is None:
        name = _OTHER_LAYOUTS.get(identifier, 'an unknown one')
        raise MessageError('(encapsulation)', f'{name} (0x{identifier:04x})', 'CDR_LE or CDR_BE')
    return order
