"""Recordings: pictures, videos, arrays and bags whose messages are replayed without ROS.

A new kind is one file `recordings/<kind>.py` with a class named after it (`video.py` holds
`Video`), or such a class under an entry point of the group `ml_integration.recordings`. Nothing
has to be registered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ml_integration.core import plugins
from ml_integration.errors import RecordingError

PLUGINS = 'recordings'
KINDS = ('bag', 'arrays', 'pictures', 'video')
"""Our own kinds in the order in which they are asked: a video reader takes nearly everything."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Message of a recording.

    Attributes:
        topic: where it was recorded; empty where a recording has no topics.
        message_type: the full type name, such as 'sensor_msgs/msg/Image'.
        message: anything with the fields of that type.
        stamp_ns: the publisher's stamp, or the place in the recording [ns].
        name: the message's source for a person, such as 'street.jpg' or 'drive.mp4 at 1.20 s'.
        recorded_ns: when it was recorded [ns]; the stamp where the recording does not say.
    """

    topic: str
    message_type: str
    message: Any
    stamp_ns: int
    name: str
    recorded_ns: int


class Recording(Protocol):
    """Messages of one file or folder, in the order in which they came. Built as `Video(path)`.

    Iterating begins anew each time, and goes on behind what cannot be read.
    """

    count: int | None
    """Number of messages, as the recording says; None if it is not known before they are read."""

    def __init__(self, path: Path) -> None:
        """Raises RecordingError when the file is of this kind and cannot be read."""

    @staticmethod
    def recognize(path: Path) -> bool:
        """Tells whether a file or folder, which exists, is of this kind."""

    def __iter__(self) -> Iterator[Recorded]:
        """Reads the messages.

        Raises:
            RecordingError: one cannot be read; the next one may be.
        """


class Attempts(Iterator[Recorded]):
    """Iterator that goes on behind a message which cannot be read.

    Args:
        reads: read one message each, or raise RecordingError.
    """

    def __init__(self, reads: Iterable[Callable[[], Recorded]]) -> None:
        self._reads = iter(reads)

    def __next__(self) -> Recorded:
        return next(self._reads)()


@runtime_checkable
class HasTopics(Protocol):
    """Recording of several topics, of which a reader may want only some."""

    topics: Mapping[str, str]
    """Message type of each topic, by its name."""

    def rate_hz(self, topic: str) -> float:
        """Returns how many messages of a topic came per second, on average; 0 if not known."""

    def only(self, topics: Collection[str]) -> Recording:
        """Returns the same recording with nothing but the messages of these topics."""


def open_recording(path: Path, topic: str = '') -> Recording:
    """Opens a picture, a folder of pictures, a video, a file of arrays or a bag.

    Args:
        path: file or folder.
        topic: the only topic to read, of a recording that has topics; empty: all of them.

    Raises:
        RecordingError: there is nothing of that name, it is of no kind that can be read, or it
            has no such topic.
    """
    where = str(path)
    if not path.exists():
        raise RecordingError('no such file or folder', where=where)
    if not (path.is_dir() or path.is_file()):  # opening it might wait for ever
        raise RecordingError('it is neither a regular file nor a folder', where=where)
    recording = _kind_of(path)(path)
    if not topic:
        return recording
    if not isinstance(recording, HasTopics):
        raise RecordingError('it has no topics, and one was asked for', where=where, got=topic)
    if topic not in recording.topics:
        there = ', '.join(recording.topics) or 'none at all'
        raise RecordingError(f"there is no topic '{topic}' in it", where=where, expected=there)
    return recording.only([topic])


def _kind_of(path: Path) -> type[Recording]:
    others = (name for name in plugins.names(PLUGINS) if name not in KINDS)
    for name in (*others, *KINDS):
        kind: type[Recording] = plugins.load(PLUGINS, name)
        if kind.recognize(path):
            return kind
    raise RecordingError(
        'it is nothing that can be replayed',
        where=str(path),
        expected='a picture, a video, an .npy or .npz file, a bag (.mcap, .db3 or its folder), or '
        'a folder of pictures',
        hint=_advice(path),
    )


def _advice(folder: Path) -> str:
    """Returns what may have been meant by a folder without pictures."""
    if not folder.is_dir():
        return ''
    try:
        inner = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    except OSError:
        return ''
    more = ' ...' if len(inner) > 3 else ''
    return f'Pictures are not looked for in {", ".join(inner[:3])}{more}.' if inner else ''
