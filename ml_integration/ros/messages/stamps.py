"""Reads the stamps of messages as they arrive, and refuses headers that nobody may send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_integration.errors import MessageError
from ml_integration.ros.messages.reader import has_header, read_header_start

NANOSECONDS = 1_000_000_000
MAX_FRAME_ID_BYTES = 256
"""Longest name of a coordinate frame; it is copied into every detection of a result."""

StampReader = Callable[[Any], int]
"""Reads the stamp of a message [ns]; 0 if it has none; raises MessageError."""


def stamp_reader(message_class: Any) -> StampReader:
    """Returns a function that reads and checks the header of messages, serialized or not."""
    return _stamp_ns if has_header(message_class) else lambda message: 0


def _stamp_ns(message: Any) -> int:
    if isinstance(message, bytes):
        return _checked(*read_header_start(message))
    header = message.header
    frame_id_bytes = len(header.frame_id.encode('utf-8', 'surrogateescape'))
    return _checked(int(header.stamp.sec), int(header.stamp.nanosec), frame_id_bytes)


def _checked(sec: int, nanosec: int, frame_id_bytes: int) -> int:
    if nanosec >= NANOSECONDS:
        raise MessageError(
            'header.stamp.nanosec',
            nanosec,
            f'less than {NANOSECONDS}',
            'The publisher does not split its time into seconds and nanoseconds.',
        )
    if sec < 0:
        raise MessageError('header.stamp.sec', sec, 'at least 0', 'Is its clock set?')
    if frame_id_bytes > MAX_FRAME_ID_BYTES:
        raise MessageError(
            'header.frame_id',
            f'{frame_id_bytes} bytes',
            f'at most {MAX_FRAME_ID_BYTES}',
            'It is the name of a coordinate frame, and is copied into every result.',
        )
    return sec * NANOSECONDS + nanosec
