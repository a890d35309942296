"""Recordings: pictures, videos, arrays and bags whose messages are replayed without ROS.

A new kind is one file `recordings/<kind>.py` with a class named after it (`video.py` holds
`Video`), or such a class under an entry point of the group `ml_integration.recordings`. Nothing
has to be registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PLUGINS = 'recordings'


@dataclass(frozen=True, slots=True)
class Recorded:
    """Message of a recording.

    Attributes:
        topic: where it was recorded; empty where a recording has no topics.
        message_type: the full type name, such as 'sensor_msgs/msg/Image'.
        message: anything with the fields of that type.
        stamp_ns: the publisher's stamp, or the place in the recording [ns].
        name: the message's source for a person, such as 'street.jpg' or 'drive.mp4 at 1.20 s'.
    """

    topic: str
    message_type: str
    message: Any
    stamp_ns: int
    name: str


class Recording(Protocol):
    """Messages of one file or folder in the order of their stamps. Built as `Video(path)`.

    Iterating begins anew each time.
    """

    count: int | None
    """Number of messages; None if it is not known before they are read."""

    def __init__(self, path: Path) -> None:
        """Raises RecordingError when the file is of this kind and cannot be read."""

    @staticmethod
    def recognize(path: Path) -> bool:
        """Tells whether a file or folder is of this kind."""

    def __iter__(self) -> Iterator[Recorded]:
        """Reads the messages.

        Raises:
            RecordingError: one cannot be read.
        """
