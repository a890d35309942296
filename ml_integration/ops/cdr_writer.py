"""Pieces of serialized messages: little-endian plain CDR, see `ml_integration.ops.cdr`."""

from __future__ import annotations

import struct

ENCAPSULATION = b'\x00\x01\x00\x00'
"""In front of every message; alignment counts from behind it."""


def text(value: str) -> bytes:
    """A string, which begins at a multiple of 4."""
    data = value.encode() + b'\0'
    return struct.pack('<I', len(data)) + data


def header(stamp: tuple[int, int], frame_id: str) -> bytes:
    """A std_msgs/msg/Header, filled up to a multiple of 4.

    Args:
        stamp: seconds and nanoseconds.
        frame_id: the coordinate frame.
    """
    return filled(struct.pack('<iI', *stamp) + text(frame_id), 4)


def filled(data: bytes, size: int, position: int = 0) -> bytes:
    """Data that begins at `position`, filled up so that it ends at a multiple of `size`."""
    return data + bytes(-(position + len(data)) % size)
