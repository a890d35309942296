"""Keeps the last frames of a node and writes them to a file when something goes wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from time import monotonic_ns
from typing import Any

from ml_integration.core.arrivals import Observation
from ml_integration.core.bits import digest_of
from ml_integration.core.datatypes import Array, Prediction
from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.freeze_frame import FrameRing, FreezeSettings, FrozenFrame, Source
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.watches import Look, Seen
from ml_integration.deploy.background import InOrder
from ml_integration.store.state.freeze_file import SUFFIX, Freeze, write_freeze

QUIET_S = 30.0
"""Time after a file in which no other one is written: what comes in pairs has one cause [s]."""
CONCERN = 'freeze_frame'

Serialize = Callable[[Any], bytes]
Privacy = Callable[[FrozenFrame], FrozenFrame | None]
"""Returns what may be kept of a frame, or None for nothing of it."""


def keep_everything(frame: FrozenFrame) -> FrozenFrame | None:
    """Keeps every frame as it is."""
    return frame


class Freezer:
    """Keeps the last frames of a node; see `FreezeSettings`.

    The frame loop's thread only keeps references. Serializing and writing are done by a thread
    of their own.

    Args:
        folder: gives the folder of this node's files.
        settings: gives the settings, which may change at any time.
        serialize: makes bytes of a message with fields.
        tell: is called with the sentence of a file that was written, or could not be, by the
            thread that wrote it, and with whether it was.
        privacy: decides about each frame before anything of it is kept.
    """

    def __init__(
        self,
        folder: Callable[[], Path],
        settings: Callable[[], FreezeSettings],
        serialize: Serialize,
        tell: Callable[[str, bool], None],
        privacy: Privacy = keep_everything,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._serialize = serialize
        self._tell = tell
        self._privacy = privacy
        self._ring = FrameRing()
        self._after: dict[str, tuple[Pipeline, Mapping[str, Array]]] = {}
        self._writer = InOrder('ml_freeze')
        self.written = 0
        self.file = self.problem = ''
        self._wrong: set[str] = set()
        self._last_ns: int | None = None
        self._statuses: deque[tuple[int, Any]] = deque()

    def keep(
        self,
        observation: Observation,
        pipeline: Pipeline,
        prediction: Prediction | None = None,
        reason: str = '',
        published: tuple[tuple[Source, Any], ...] = (),
    ) -> None:
        """Keeps a frame that was run just now; called on the thread of the frame loop.

        Args:
            observation: what it saw.
            pipeline: what ran.
            prediction: what came of it; None if it failed.
            reason: why it failed.
            published: the messages that went out.
        """
        frame = _frozen(observation, pipeline, self._state_before(observation, pipeline))
        if prediction is None:
            frame = replace(frame, outcome='failed', reason=reason)
        else:
            frame = replace(_with_result(frame, prediction), published=published)
        allowed = self._privacy(frame)
        if allowed is not None:
            self._ring.add(allowed, self._settings())

    def is_on(self) -> bool:
        """Tells whether frames are kept; forgets those that were before it was switched off."""
        enabled = self._settings().enabled
        if not enabled and len(self._ring):
            self.forget()
        return enabled

    def begin(self) -> None:
        """Begins anew: what is wrong from now on is news."""
        self.forget()
        self._writer = InOrder('ml_freeze')
        self._wrong, self._last_ns = set(), None
        self._statuses = deque(maxlen=self._settings().frames)

    def forget(self) -> None:
        """Forgets the frames."""
        self._ring.clear()
        self._after.clear()

    def finish(self) -> None:
        """Waits for a file that is being written; what hangs is left behind."""
        self._writer.finish()

    def look(self, health: Health, statuses: Any, about: Freeze) -> None:
        """Takes the statuses of a second; writes a file if something has become an ERROR.

        Args:
            health: the judgment that is shown.
            statuses: the message with the statuses.
            about: what is to be said of the node; its frames are filled in.
        """
        settings = self._settings()
        if not settings.enabled:
            return
        self._statuses.append((int(datetime.now(timezone.utc).timestamp() * 1e9), statuses))
        wrong = {one.concern: one.sentence for one in health.findings if one.level >= Level.ERROR}
        news, self._wrong = wrong.keys() - self._wrong, set(wrong)
        now_ns, last_ns = monotonic_ns(), self._last_ns
        quiet = last_ns is not None and now_ns - last_ns < QUIET_S * 1e9
        frames = self._ring.frames()
        if not news or quiet or not frames:
            return
        self._last_ns = now_ns
        concern = min(news)
        freeze = replace(about, reason=f'{concern}: {wrong[concern]}', frames=frames)
        kept = tuple(self._statuses)
        self._writer.do(lambda: self._write(freeze, kept, concern, settings.files))

    def seen(self) -> Look:
        """Returns what is to be told on `/diagnostics`."""
        settings = self._settings()
        sentence = f'{len(self._ring)} frames are kept' if settings.enabled else 'off'
        if self.file:
            sentence += f'; written: {self.file}'
        if self.problem:
            sentence += f'; {self.problem}'
        level = Level.WARN if self.problem else Level.OK
        values = (
            ('enabled', 'yes' if settings.enabled else 'no'),
            ('frames', len(self._ring)),
            ('size [MB]', self._ring.size_mb),
            ('written', self.written),
            ('file', self.file),
        )
        return Look(Finding(CONCERN, level, sentence), values)

    def _state_before(self, observation: Observation, pipeline: Pipeline) -> Mapping[str, Array]:
        """Returns what was fed back into this run, and remembers it for the next one."""
        stream = observation.stream
        known = self._after.get(stream)
        self._after[stream] = (pipeline, pipeline.state(stream))
        goes_on = known is not None and known[0] is pipeline and not observation.restarted
        return known[1] if known is not None and goes_on else {}

    def _write(
        self, freeze: Freeze, statuses: tuple[tuple[int, Any], ...], concern: str, files: int
    ) -> None:
        now = datetime.now(timezone.utc).strftime('%Y%m%dT%H%M%SZ')
        try:
            folder = self._folder()
            file = folder / f'{now}-{concern}{SUFFIX}'
            write_freeze(file, self._serialized(freeze, statuses))
            _remove_old(folder, files)
        except Exception as error:  # a disk, or a message that cannot be serialized
            self.problem = f'a freeze frame could not be written: {error}'
            self._tell(self.problem, False)
            return
        self.file, self.problem = str(file), ''
        self.written += 1
        count = len(freeze.frames)
        self._tell(
            f'the last {count} frames are in {file}, because of {freeze.reason}; look at them '
            f'with: ml_model replay {file}',
            True,
        )

    def _serialized(self, freeze: Freeze, statuses: tuple[tuple[int, Any], ...]) -> Freeze:
        told = tuple((at_ns, self._bytes(one)) for at_ns, one in statuses)
        return replace(freeze, frames=tuple(map(self._frame_bytes, freeze.frames)), statuses=told)

    def _frame_bytes(self, frame: FrozenFrame) -> FrozenFrame:
        arrivals = {
            name: tuple(one._replace(message=self._bytes(one.message)) for one in each)
            for name, each in frame.arrivals.items()
        }
        published = tuple((source, self._bytes(one)) for source, one in frame.published)
        return replace(frame, arrivals=arrivals, published=published)

    def _bytes(self, message: Any) -> bytes:
        return message if isinstance(message, bytes) else self._serialize(message)


class Freezing:
    """Gives the results of one stream to the freezer; a sink.

    Args:
        freezer: keeps them.
        published: returns the messages of the last result.
    """

    name = 'freeze_frame'

    def __init__(
        self, freezer: Freezer, published: Callable[[], tuple[tuple[str, Any], ...]]
    ) -> None:
        self._freezer = freezer
        self._published = published

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Keeps one frame with what was published of it."""
        if not self._freezer.is_on():
            return
        types = {topic.name: topic.message_type for topic in pipeline.topics}
        sent = self._published() if prediction.verdict.ok else ()
        published = tuple(
            (Source(topic, types[topic]), one) for topic, one in sent if topic in types
        )
        self._freezer.keep(observation, pipeline, prediction, published=published)

    def failed(self, observation: Observation, pipeline: Pipeline, reason: str) -> None:
        """Keeps one frame that failed."""
        if self._freezer.is_on():
            self._freezer.keep(observation, pipeline, reason=reason)


class FreezeWatch:
    """Tells on `/diagnostics` what is kept; see `ml_integration.core.watches.Watch`.

    Args:
        freezer: keeps it.
    """

    concern = CONCERN
    of_frames = False

    def __init__(self, freezer: Freezer) -> None:
        self._freezer = freezer

    def begin(self, now_ns: int) -> None:
        self._freezer.begin()

    def take(self, seen: Seen) -> None:
        """Takes nothing: the freezer is a sink of its own, as it wants the messages too."""

    def look(self, now_ns: int) -> Look:
        return self._freezer.seen()


def _remove_old(folder: Path, files: int) -> None:
    for file in sorted(folder.glob(f'*{SUFFIX}'))[:-files]:
        with suppress(OSError):
            file.unlink()


def _frozen(
    observation: Observation, pipeline: Pipeline, state: Mapping[str, Array]
) -> FrozenFrame:
    sources = {
        one.tensor: Source(one.source.topic, one.sensor.message_type)
        for one in pipeline.wiring.sources
    }
    return FrozenFrame(
        observation.stream,
        observation.trigger._replace(message=None),
        {name: tuple(each) for name, each in observation.arrivals.items()},
        sources,
        state,
        pipeline.model.identity,
        'published',
        stages=tuple(pipeline.stages),
    )


def _with_result(frame: FrozenFrame, prediction: Prediction) -> FrozenFrame:
    verdict, digest = prediction.verdict, ''
    with suppress(TypeError):  # a result of a plug-in that cannot be compared
        digest = digest_of(prediction.result)
    return replace(
        frame,
        outcome='published' if verdict.ok else 'invalid',
        reason='' if verdict.ok else verdict.reasons[0].detail,
        digest=digest,
        together=prediction.together,
    )
