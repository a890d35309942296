"""Collects what happens to frames, and summarizes the last seconds of it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from ml_integration.core.arrivals import CLOCK
from ml_integration.core.datatypes import Reason, Verdict
from ml_integration.core.error_kinds import ErrorKind, ErrorKinds
from ml_integration.core.histogram import Histograms
from ml_integration.core.rhythm import Rhythm, Stamps
from ml_integration.core.stats import (
    Arrivals,
    Counts,
    InputKey,
    InputStats,
    Percentiles,
    Stats,
    StreamStats,
)

MAX_SAMPLES = 4096
SLICE_NS = 100_000_000
"""Events are counted in slices of the window, so that messages at any rate cost the same."""

_Event = tuple[str, 'str | None', str]
"""Kind of event, stream (None: not known), and topic of the message or kind of reason."""
KIND = 'kind'
"""Event: a reason of that kind made a result invalid."""
OMITTED = 'omitted'
"""Event: a result went out without something, for a reason of that kind."""
INCOMPLETE = 'incomplete'
"""Event: a result went out that lacks something."""
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ns: int
    age_ms: float
    stage_ms: Mapping[str, float]
    stream: str
    together: int


class _Last(NamedTuple):
    """Last message of an input: its time of arrival, size and stamp, if there was one.

    `ahead_ns` is the stamp's lead over the clock of the one who received it.
    """

    at_ns: int
    serialized_bytes: int = 0
    stamp_ns: int | None = None
    ahead_ns: int | None = None

    def stamp_now(self, now_ns: int) -> int | None:
        """Returns the stamp that its publisher would give now [ns]; None if it gives no stamps."""
        return None if self.stamp_ns is None else self.stamp_ns + now_ns - self.at_ns


@dataclass(frozen=True, slots=True)
class _Slice:
    begin_ns: int
    events: dict[_Event, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Window:
    """Events and samples of the time that a summary covers, and what has no window."""

    now_ns: int
    length_s: float
    recent: Counter[_Event]
    total: Counter[_Event]
    samples: Sequence[_Sample]
    rhythms: Mapping[tuple[str, str], Rhythm]
    histograms: Mapping[str, tuple[int, ...]]
    errors: Mapping[str, ErrorKind]


class Monitor:
    """Collects what happens to frames. Thread-safe; the caller brings the (steady) time.

    Args:
        now_ns: the time of the start [ns].
        inputs: the messages that come; those of a stream one after another.
        window_s: length of the window [s].
    """

    def __init__(
        self,
        now_ns: int,
        inputs: Sequence[InputKey] = (InputKey(),),
        window_s: float = 10.0,
    ) -> None:
        self._lock = threading.Lock()
        self._window_ns = int(window_s * 1e9)
        self._start_ns = now_ns
        self._inputs = tuple(inputs)
        self._last = {(key.stream, key.source): _Last(now_ns) for key in self._inputs}
        self._stamps = {key: Stamps(now_ns, self._window_ns) for key in self._last}
        self._slices = deque([_Slice(now_ns)])
        self._events, self._end_ns = self._slices[0].events, now_ns + SLICE_NS
        self._settled: Counter[_Event] = Counter()
        self._samples: deque[_Sample] = deque(maxlen=MAX_SAMPLES)
        self._last_invalid = self._last_omitted = ''
        self._spectators_failed: Counter[str] = Counter()
        self._last_error = ''
        self._error_ns = now_ns
        self._error_kinds = ErrorKinds()
        self._histograms = Histograms()

    def received(
        self,
        stream: str,
        source: str,
        now_ns: int,
        serialized_bytes: int = 0,
        stamp_ns: int | None = None,
        ahead_ns: int | None = None,
    ) -> None:
        """Counts a message, or a tick of the clock if that starts runs.

        Args:
            stream: of the message.
            source: the topic in the manifest that it came on, or `CLOCK`.
            now_ns: the time [ns].
            serialized_bytes: its size as it came over the network; 0 if it did not.
            stamp_ns: the publisher's stamp [ns]; None if it cannot be used.
            ahead_ns: how much later that is than the clock by which ages are told [ns].
        """
        with self._lock:
            self._last[stream, source] = _Last(now_ns, serialized_bytes, stamp_ns, ahead_ns)
            stamps = self._stamps.get((stream, source))
            if stamps is not None and stamp_ns is not None:
                lead_ns = stamp_ns - now_ns if ahead_ns is None else ahead_ns
                stamps.take(now_ns, stamp_ns, lead_ns)
            self._count(('received', stream, source), now_ns)

    def lost(self, stream: str, source: str, count: int, now_ns: int) -> None:
        with self._lock:
            self._count(('lost', stream, source), now_ns, count)

    def displaced(self, stream: str, now_ns: int, count: int = 1) -> None:
        with self._lock:
            self._count(('displaced', stream, ''), now_ns, count)

    def stale(self, stream: str, now_ns: int) -> None:
        with self._lock:
            self._count(('stale', stream, ''), now_ns)

    def failed(
        self, sentence: str, now_ns: int, stream: str | None = None, kind: str = 'Exception'
    ) -> None:
        """Counts a frame, or a message, that ended in an error.

        Args:
            sentence: what the error says.
            now_ns: the time [ns].
            stream: of the frame; None if that is not known.
            kind: name of the error's type.
        """
        with self._lock:
            self._error_kinds.add(kind, now_ns)
            self._last_error, self._error_ns = sentence, now_ns
            self._count(('failed', stream, ''), now_ns)

    def spectator_failed(self, name: str) -> None:
        """Counts a failure of a spectator; it counts against no frame and no model."""
        with self._lock:
            self._spectators_failed[name] += 1

    def completed(
        self,
        stream: str,
        verdict: Verdict,
        age_ms: float,
        stage_ms: Mapping[str, float],
        now_ns: int,
        together: int = 1,
        omitted: Sequence[Reason] = (),
    ) -> None:
        with self._lock:
            stage_ms = {**stage_ms, 'total': sum(stage_ms.values())}
            self._samples.append(_Sample(now_ns, age_ms, stage_ms, stream, together))
            self._histograms.add(stage_ms)
            self._histograms.add({'age': age_ms})
            self._count(('published' if verdict.ok else 'invalid', stream, ''), now_ns)
            for kind in {reason.kind for reason in verdict.reasons}:
                self._count((KIND, stream, kind), now_ns)
            if not verdict.ok:
                self._last_invalid = verdict.reasons[0].detail
            elif omitted:
                self._last_omitted = omitted[0].detail
                self._count((INCOMPLETE, stream, ''), now_ns)
                for reason in omitted:
                    self._count((OMITTED, stream, reason.kind), now_ns)

    def _count(self, event: _Event, now_ns: int, count: int = 1) -> None:
        if now_ns >= self._end_ns:
            self._next_slice(now_ns)
        self._events[event] = self._events.get(event, 0) + count

    def _next_slice(self, now_ns: int) -> None:
        self._settled.update(self._events)
        self._forget(now_ns - self._window_ns)
        begin_ns = now_ns - (now_ns - self._start_ns) % SLICE_NS
        self._slices.append(_Slice(begin_ns))
        self._events, self._end_ns = self._slices[-1].events, begin_ns + SLICE_NS

    def _forget(self, begin_ns: int) -> None:
        """Drops slices and samples from before the window, but never the newest slice."""
        while len(self._slices) > 1 and self._slices[0].begin_ns < begin_ns:
            self._slices.popleft()
        while self._samples and self._samples[0].at_ns < begin_ns:
            self._samples.popleft()

    def stats(self, now_ns: int, missing: Mapping[str, tuple[str, ...]] = _NOTHING) -> Stats:
        """Summarizes the window that ends now and forgets older events.

        Args:
            now_ns: the time [ns].
            missing: by stream, the topics whose messages never came or are too old.
        """
        window = self._window(now_ns)
        counts = _counts(self._frames(window.recent))
        together = sum(1 / sample.together for sample in window.samples)
        return Stats(
            window_s=window.length_s,
            streams=tuple(
                self._stream(name, window, missing.get(name, ()))
                for name in dict.fromkeys(key.stream for key in self._inputs)
            ),
            output_hz=counts.published / window.length_s,
            together=len(window.samples) / max(together, 1e-9),
            recent=counts,
            total=_counts(self._frames(window.total)),
            stages=_stages(window.samples),
            invalid_kinds=_kinds(window.total, KIND),
            recent_kinds=_kinds(window.recent, KIND),
            last_invalid=self._last_invalid,
            omitted_kinds=_kinds(window.total, OMITTED),
            recent_incomplete=_sum(window.recent, INCOMPLETE),
            last_omitted=self._last_omitted,
            histograms=window.histograms,
            errors=window.errors,
            spectators_failed=dict(self._spectators_failed),
            last_error=self._last_error,
            since_error_s=(now_ns - self._error_ns) / 1e9,
        )

    def _window(self, now_ns: int) -> _Window:
        begin_ns = max(now_ns - self._window_ns, self._start_ns)
        recent: Counter[_Event] = Counter()
        with self._lock:  # only as long as frames can wait
            self._forget(begin_ns)
            for one in self._slices:
                if one.begin_ns + SLICE_NS > begin_ns:
                    recent.update(one.events)
            samples, total = list(self._samples), Counter(self._settled)
            total.update(self._events)
            rhythms = {key: stamps.rhythm(now_ns) for key, stamps in self._stamps.items()}
            histograms, errors = self._histograms.cumulative(), self._error_kinds.at(now_ns)
        length_s = max((now_ns - begin_ns) / 1e9, 1e-9)
        return _Window(now_ns, length_s, recent, total, samples, rhythms, histograms, errors)

    def _frames(self, events: Counter[_Event], stream: str | None = None) -> Counter[str]:
        """Counts the events of frames by their kind, of one stream or of all."""
        triggers = {(key.stream, key.source) for key in self._inputs if key.triggers}
        triggers |= {(key.stream, CLOCK) for key in self._inputs}
        frames: Counter[str] = Counter()
        for (event, of, source), count in events.items():
            if event in ('lost', KIND, OMITTED, INCOMPLETE):
                continue
            is_frame = event != 'received' or (of, source) in triggers
            if is_frame and stream in (None, of):
                frames[event] += count
        return frames

    def _stream(self, name: str, window: _Window, missing: tuple[str, ...]) -> StreamStats:
        own = [sample for sample in window.samples if sample.stream == name]
        return StreamStats(
            name=name,
            inputs=tuple(
                self._input(key, window, own) for key in self._inputs if key.stream == name
            ),
            recent=_counts(self._frames(window.recent, name)),
            total=_counts(self._frames(window.total, name)),
            age=_percentiles(sample.age_ms for sample in own),
            missing=missing,
        )

    def _input(self, key: InputKey, window: _Window, own: Sequence[_Sample]) -> InputStats:
        last = self._last[key.stream, key.source]
        transports = [item.age_ms - item.stage_ms['total'] for item in own if key.triggers]
        recent = _arrivals(window.recent, key)
        return InputStats(
            source=key.source,
            hz=recent.received / window.length_s,
            since_s=(window.now_ns - last.at_ns) / 1e9,
            serialized_bytes=last.serialized_bytes,
            recent=recent,
            total=_arrivals(window.total, key),
            transport=_percentiles(transports),
            behind_s=self._behind_s(key, window.now_ns),
            ahead_s=None if last.ahead_ns is None else last.ahead_ns / 1e9,
            holds=key.holds,
            triggers=key.triggers,
            rhythm=window.rhythms[key.stream, key.source],
        )

    def _behind_s(self, key: InputKey, now_ns: int) -> float | None:
        triggers = [
            one.source for one in self._inputs if one.stream == key.stream and one.triggers
        ]
        trigger = self._last.get((key.stream, next(iter(triggers), CLOCK)), _Last(now_ns))
        expected_ns = trigger.stamp_now(now_ns)
        stamp_ns = self._last[key.stream, key.source].stamp_now(now_ns)
        if key.triggers or expected_ns is None or stamp_ns is None:
            return None
        return (expected_ns - stamp_ns) / 1e9


def _counts(frames: Counter[str]) -> Counts:
    return Counts(**frames)


def _kinds(events: Counter[_Event], wanted: str) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for (event, _, kind), count in events.items():
        if event == wanted:
            kinds[kind] += count
    return dict(kinds.most_common())


def _sum(events: Counter[_Event], wanted: str) -> int:
    return sum(count for (event, _, _), count in events.items() if event == wanted)


def _arrivals(events: Counter[_Event], key: InputKey) -> Arrivals:
    received = events['received', key.stream, key.source]
    return Arrivals(received, events['lost', key.stream, key.source])


def _percentiles(values: Iterable[float]) -> Percentiles | None:
    values = list(values)
    return Percentiles.of(values) if values else None


def _stages(samples: Sequence[_Sample]) -> dict[str, Percentiles]:
    spent: dict[str, list[float]] = {}
    for sample in samples:
        for name, ms in sample.stage_ms.items():
            spent.setdefault(name, []).append(ms)
    return {name: Percentiles.of(values) for name, values in spent.items()}
