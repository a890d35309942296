"""Keeps the last frames of each stream, for when something goes wrong."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ml_integration.core.arrivals import Arrival
from ml_integration.core.datatypes import Array, ModelIdentity
from ml_integration.core.declaration import declared

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class FreezeSettings:
    """Settings of what is kept for the case that something goes wrong."""

    enabled: bool = declared(
        False, 'Keep the last frames in memory, and write them to state_dir on an ERROR.'
    )
    frames: int = declared(20, 'Frames of each stream to keep.', ge=1, le=1000)
    max_mb: float = declared(
        64.0, 'Memory for the kept messages of all streams together [MB].', ge=1.0, le=4096.0
    )
    files: int = declared(
        5, 'Files of a node that stay; the oldest one goes first.', ge=1, le=1000
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Origin of messages: their topic in the manifest or of the results, and their full type."""

    topic: str
    message_type: str


@dataclass(frozen=True, slots=True)
class FrozenFrame:
    """One run as it was: what it saw, and what came of it.

    Attributes:
        stream: '' for the only stream of a node.
        trigger: the arrival that started it.
        arrivals: the messages by the name of tensor or companion, as they came.
        sources: where those came from, by the same names.
        state: outputs of the run before that were fed back, by tensor.
        model: what ran.
        outcome: 'published', 'invalid' or 'failed'.
        reason: why it was not published; empty if it was.
        digest: of all bits of the result; empty if there is none, or it has no lasting bits.
        published: the messages that went out, with where they went.
        together: frames of the same run, this one included.
        stages: that worked on the result, whose memory is not kept.
        stamp_ns: of the trigger [ns].
    """

    stream: str
    trigger: Arrival
    arrivals: Mapping[str, tuple[Arrival, ...]]
    sources: Mapping[str, Source]
    state: Mapping[str, Array]
    model: ModelIdentity
    outcome: str
    reason: str = ''
    digest: str = ''
    published: tuple[tuple[Source, Any], ...] = ()
    together: int = 1
    stages: tuple[str, ...] = ()

    def messages(self) -> Iterable[Any]:
        """Yields all messages that it keeps."""
        for arrivals in self.arrivals.values():
            yield from (one.message for one in arrivals)
        yield from (message for _, message in self.published)


class FrameRing:
    """The last frames of each stream, within a limit of memory. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: dict[str, deque[FrozenFrame]] = {}
        self._uses: Counter[int] = Counter()
        self._bytes = 0

    @property
    def size_mb(self) -> float:
        """Size of the kept messages [MB]; what several frames have is counted once."""
        return self._bytes / MB

    def __len__(self) -> int:
        return sum(map(len, self._frames.values()))

    def add(self, frame: FrozenFrame, settings: FreezeSettings) -> None:
        """Adds a frame and lets go of the oldest ones that are too many or too large."""
        with self._lock:
            own = self._frames.setdefault(frame.stream, deque())
            own.append(frame)
            self._count(frame, 1)
            while len(own) > settings.frames:
                self._count(own.popleft(), -1)
            while self._bytes > settings.max_mb * MB and len(self) > 1:
                longest = max(self._frames.values(), key=len)
                self._count(longest.popleft(), -1)

    def frames(self) -> tuple[FrozenFrame, ...]:
        """Returns the kept frames, those of a stream one after another."""
        with self._lock:
            return tuple(frame for own in self._frames.values() for frame in own)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._frames.clear()
            self._uses.clear()
            self._bytes = 0

    def _count(self, frame: FrozenFrame, change: int) -> None:
        for message in frame.messages():
            before = self._uses[id(message)]
            self._uses[id(message)] = before + change
            if before == 0 or before + change == 0:
                self._bytes += change * _size(message)
            if before + change == 0:
                del self._uses[id(message)]


def _size(message: Any) -> int:
    """Returns the bytes of a message, serialized or with fields of which the data is large."""
    return len(message) if isinstance(message, bytes) else len(getattr(message, 'data', b''))
