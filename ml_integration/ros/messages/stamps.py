"""Reads the stamps of messages as they arrive, and refuses headers that nobody may send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_integration.ops.stamps import checked_stamp, message_stamp
from ml_integration.ros.messages.reader import has_header, read_header_start

StampReader = Callable[[Any], int]
"""Reads the stamp of a message [ns]; 0 if it has none; raises MessageError."""


def stamp_reader(message_class: Any) -> StampReader:
    """Returns a function that reads and checks the header of messages, serialized or not."""
    return _stamp_ns if has_header(message_class) else lambda message: 0


def _stamp_ns(message: Any) -> int:
    if isinstance(message, bytes):
        return checked_stamp(*read_header_start(message))
    return message_stamp(message)
