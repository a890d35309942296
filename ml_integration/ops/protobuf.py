"""Reads the wire format of protocol buffers, without knowing the message.

It takes no more than the engine's own parser does: groups, which nobody writes any more, tags
that do not fit in 32 bits and fields that end outside their message are errors.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
"""Wire types, which say how a field is written."""
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_LARGEST_TAG = 2**32 - 1

Field = tuple[int, int, int, int]
"""Number, wire type, begin and end of the content of a field."""


def fields(
    data: bytes, begin: int, end: int, skipped: re.Pattern[bytes] | None = None
) -> Iterator[Field]:
    """Yields the fields of the message in data[begin:end], in their order.

    Args:
        data: a buffer.
        begin: where the message begins.
        end: where it ends.
        skipped: runs of fields that nobody wants, which are passed over in one step each.

    Raises:
        ValueError: the message is broken.
    """
    while begin < end:
        if skipped is not None and (run := skipped.match(data, begin, end)):
            begin = run.end()
            continue
        tag, begin = _short(data, begin, end)
        number, wire_type = tag >> 3, tag & 7
        if number == 0 or tag > _LARGEST_TAG:
            raise ValueError(f'a tag {tag} at {begin}')
        if wire_type == DELIMITED:
            size, begin = _short(data, begin, end)
            after = begin + size
        elif wire_type == VARINT:
            _, after = varint(data, begin, end)
        elif wire_type in _FIXED_BYTES:
            after = begin + _FIXED_BYTES[wire_type]
        else:
            raise ValueError(f'field {number} of the wire type {wire_type} at {begin}')
        if after > end:
            raise ValueError(f'field {number} ends at {after} of {end}')
        yield number, wire_type, begin, after
        begin = after


def varint(data: bytes, begin: int, end: int) -> tuple[int, int]:
    """Returns the number that begins at a position, and the position behind it.

    Raises:
        ValueError: it does not end.
    """
    value = shift = 0
    for position in range(begin, min(end, begin + 10)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    raise ValueError(f'a number without an end at {begin}')


def _short(data: bytes, begin: int, end: int) -> tuple[int, int]:
    """Returns the same as `varint`, sooner if the number has one byte."""
    if begin < end and (byte := data[begin]) < 0x80:
        return byte, begin + 1
    return varint(data, begin, end)


def numbers_except(*kept: int) -> re.Pattern[bytes]:
    """Makes a pattern of numbers, up to a thousand, in fields below 16 but for the ones named."""
    tags = {
        kind: b''.join(re.escape(bytes([n << 3 | kind])) for n in range(1, 16) if n not in kept)
        for kind in (VARINT, FIXED64, FIXED32)
    }
    written = (
        rb'[%b][\x80-\xff]{0,9}[\x00-\x7f]' % tags[VARINT],
        rb'[%b].{8}' % tags[FIXED64],
        rb'[%b].{4}' % tags[FIXED32],
    )
    return re.compile(b'(?:%b){1,1000}' % b'|'.join(written), re.DOTALL)
