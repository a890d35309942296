"""A bag of ROS 2: an .mcap or .db3 file, or the folder that rosbag2 made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from ml_integration.errors import MessageError, RecordingError
from ml_integration.ops.recorded_types import message_types
from ml_integration.ops.stamps import message_stamp
from ml_integration.recordings import Attempts, Recorded

METADATA = 'metadata.yaml'
LARGEST_METADATA = 2**24
"""Bytes of the file that says what is in a bag: a hundred thousand topics."""
SUFFIXES = ('.mcap', '.db3')
HINT = "Where a recording was not ended properly, 'ros2 bag reindex' mends it."

Read = Callable[[bytes, str], Any]


@dataclass(slots=True)
class Bag:
    """Messages of a bag in the order in which they were recorded.

    Definitions of messages are those of `message_types`, whatever a bag says of them.

    Attributes:
        path: file or folder.
        topics: message type of each topic, by its name.
        count: number of messages.
        begin_ns: when the first one was recorded [ns].

    Raises:
        RecordingError: it cannot be read.
    """

    path: Path
    wanted: frozenset[str] | None = None
    topics: dict[str, str] = field(init=False)
    count: int | None = field(init=False)
    begin_ns: int = field(init=False)
    _rates_hz: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        try:
            with Reader(_readable(self.path)) as reader:
                connections = self._connections(reader)
                self.topics = {one.topic: one.msgtype for one in connections}
                self.count = sum(one.msgcount for one in connections)
                self.begin_ns = reader.start_time
                seconds = reader.duration / 1e9
                rates = {one.topic: one.msgcount / max(seconds, 1e-9) for one in connections}
                self._rates_hz = rates if seconds else {}
        except Exception as error:  # rosbags raises more kinds than it says
            raise self._unreadable(error) from error

    @staticmethod
    def recognize(path: Path) -> bool:
        """Tells whether it is a bag, by the names of its files."""
        if path.is_dir():
            return (path / METADATA).is_file() or len(_storages(path)) == 1
        return path.is_file() and path.suffix in SUFFIXES

    def rate_hz(self, topic: str) -> float:
        """Returns how many messages of a topic came per second, on average; 0 if not known."""
        return self._rates_hz.get(topic, 0.0)

    def only(self, topics: Collection[str]) -> Bag:
        """Returns the same bag with nothing but the messages of these topics."""
        return Bag(self.path, frozenset(topics))

    def __iter__(self) -> Iterator[Recorded]:
        """Reads the messages."""
        return Attempts(self._reads())

    def _reads(self) -> Iterator[Callable[[], Recorded]]:
        read: Read = message_types().deserialize_cdr
        try:
            with Reader(_readable(self.path)) as reader:
                connections = self._connections(reader)
                for connection, recorded_ns, data in (
                    reader.messages(connections) if connections else ()
                ):
                    yield partial(self._recorded, read, connection, recorded_ns, bytes(data))
        except Exception as error:
            yield partial(_raise, self._unreadable(error))

    def _connections(self, reader: Reader) -> list[Connection]:
        wanted = self.wanted
        return [one for one in reader.connections if wanted is None or one.topic in wanted]

    def _recorded(
        self, read: Read, connection: Connection, recorded_ns: int, data: bytes
    ) -> Recorded:
        kind = connection.msgtype
        name = f'{connection.topic} at {(recorded_ns - self.begin_ns) / 1e9:.2f} s'
        try:
            message = read(data, kind)
            stamp_ns = message_stamp(message) or recorded_ns
        except KeyError:
            expected = "one of ROS 2's own types, or objects or classes of vision_msgs"
            raise RecordingError(
                'messages of this type cannot be read', where=name, got=kind, expected=expected
            ) from None
        except MessageError as error:
            raise RecordingError(str(error), where=name) from error
        except Exception as error:
            what = f'the message cannot be read: {str(error) or type(error).__name__}'
            raise RecordingError(what, where=name, got=f'{len(data)} bytes of {kind}') from error
        return Recorded(connection.topic, kind, message, stamp_ns, name, recorded_ns)

    def _unreadable(self, error: Exception) -> RecordingError:
        reason = str(error) or type(error).__name__
        return RecordingError(f'the bag cannot be read: {reason}', where=str(self.path), hint=HINT)


def _raise(error: RecordingError) -> Recorded:
    raise error


def _storages(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.suffix in SUFFIXES]


def _readable(path: Path) -> Path:
    """Returns what to open: of a folder that lacks the metadata, its only file."""
    if not path.is_dir():
        return path
    for file in path.iterdir():
        if not (file.is_file() or file.is_dir()):  # the metadata may name it; it waits for ever
            raise ValueError(f'{file.name!a} is no regular file')
    if not (path / METADATA).is_file():
        (path,) = _storages(path)
    elif (path / METADATA).stat().st_size > LARGEST_METADATA:
        raise ValueError(f'{METADATA} has more than {LARGEST_METADATA} bytes')
    return path
