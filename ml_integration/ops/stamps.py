"""Stamps of messages: the rules of headers that anybody may send."""

from __future__ import annotations

from typing import Any

from ml_integration.errors import MessageError

NANOSECONDS = 1_000_000_000
MAX_FRAME_ID_BYTES = 256
"""Longest name of a coordinate frame; it is copied into every detection of a result."""


def checked_stamp(sec: int, nanosec: int, frame_id_bytes: int) -> int:
    """Returns the stamp of a header [ns].

    Args:
        sec: its seconds.
        nanosec: its nanoseconds.
        frame_id_bytes: length of the name of its coordinate frame [bytes].

    Raises:
        MessageError: nobody may send such a header.
    """
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


def message_stamp(message: Any) -> int:
    """Returns the stamp of a message with fields [ns]; 0 if it has no header.

    Raises:
        MessageError: nobody may send such a header.
    """
    header = getattr(message, 'header', None)
    if header is None:
        return 0
    frame_id_bytes = len(header.frame_id.encode('utf-8', 'surrogateescape'))
    return checked_stamp(int(header.stamp.sec), int(header.stamp.nanosec), frame_id_bytes)
