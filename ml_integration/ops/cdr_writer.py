"""Pieces of serialized messages: little-endian plain CDR, see `ml_integration.ops.cdr`."""

from __future__ import annotations

import struct

ENCAPSULATION = b'\x00\x01\x00\x00'
"""First four bytes of every message; alignment counts from their end."""


def text(value: str) -> bytes:
    """Returns a serialized string, which has to begin at a multiple of 4."""
    data = value.encode() + b'\0'
    return struct.pack('<I', len(data)) + data


def header(stamp: tuple[int, int], frame_id: str) -> bytes:
    """Returns a serialized std_msgs/msg/Header, filled up to a multiple of 4.

    Args:
        stamp: seconds and nanoseconds.
        frame_id: the coordinate frame.
    """
    return filled(struct.pack('<iI', *stamp) + text(frame_id), 4)


def filled(data: bytes, size: int, position: int = 0) -> bytes:
    """Fills up data that begins at `position` so that it ends at a multiple of `size`."""
    return data + bytes(-(position + len(data)) % size)
