"""Watches what goes in: pictures that are frozen, dark or blurred, numbers that are missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np

from ml_integration.core.content_findings import (
    ContentSettings,
    Symptom,
    number_symptoms,
    picture_symptoms,
)
from ml_integration.core.findings import Finding, Level
from ml_integration.core.liveness import Liveness
from ml_integration.core.watches import Look, Seen, Value

CONCERN = 'content'
_LEARNED = ('brightness', 'sharpness', 'saturated_share', 'valid_share')
_SHARES = {'black_share', 'saturated_share', 'valid_share', 'nan_share'}
_HASH = 'content_hash'
_MEMORY_S = 60.0
"""Time constant with which what is usual follows what is good [s]."""
_HOLD_NS = 10_000_000_000
"""Time for which a judgment holds where nothing comes; then it is the input that is silent."""


@dataclass(frozen=True, slots=True)
class _Newest:
    """Newest numbers of a table that goes in: a row, and what its columns are."""

    row: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    names: tuple[str, ...]


class Content:
    """Tells when the content of pictures and samples is not what the stream is used to.

    What is usual is learned while nothing is wrong, and from the activation on; what is wrong
    never becomes usual.

    Args:
        settings: the limits; read every second, as they may change.
        simulated: whether time is simulated: what is drawn rests where a camera has noise.
    """

    concern = CONCERN
    of_frames = True

    def __init__(
        self, settings: Callable[[], ContentSettings], simulated: Callable[[], bool]
    ) -> None:
        self._settings = settings
        self._simulated = simulated
        self._lock = threading.Lock()
        self._inputs: dict[tuple[str, str], _Input] = {}

    def begin(self, now_ns: int) -> None:
        """Forgets what is usual, but not which inputs there are."""
        with self._lock:
            self._inputs = {key: one.renewed() for key, one in self._inputs.items()}

    def take(self, seen: Seen) -> None:
        """Takes the measures of one run."""
        learn_s = self._settings().learn_s
        newest = dict(_newest(seen))
        with self._lock:
            for topic, measures in _by_input(seen.measures).items():
                key = seen.stream, topic
                one = self._inputs.setdefault(key, _Input(tuple(measures)))
                one.take(seen.now_ns, measures, newest.get(topic), learn_s)

    def look(self, now_ns: int) -> Look:
        """Judges the last second of each input."""
        settings, simulated = self._settings(), self._simulated()
        with self._lock:
            found = [
                one.look(now_ns, settings, ' '.join(filter(None, key)), simulated)
                for key, one in sorted(self._inputs.items())
            ]
        values = tuple(pair for _, pairs in found for pair in pairs)
        return Look(_together([finding for finding, _ in found]), values)


class _Input:
    """What is known of one input of a stream.

    Args:
        names: its measures.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._sums = dict.fromkeys(names, 0.0)
        self._counts = dict.fromkeys(names, 0)
        self._now: dict[str, float] = {}
        self._usual = _Usual()
        self._same: Liveness | None = None
        self._channels: Liveness | None = None
        self._columns: tuple[str, ...] = ()
        self._found: list[Symptom] = []
        self._fresh_ns = 0

    def renewed(self) -> _Input:
        """Returns one that knows nothing but the names."""
        return _Input(self._names)

    def take(
        self,
        now_ns: int,
        measures: Mapping[str, float],
        newest: _Newest | None,
        learn_s: float,
    ) -> None:
        """Adds one run."""
        for name, value in measures.items():
            if isfinite(value) and name in self._sums:
                self._sums[name] += value
                self._counts[name] += 1
        hashed = np.array([measures.get(_HASH, float('nan'))])
        self._same = _taken(self._same, now_ns, hashed, learn_s)
        if newest is not None:
            same = newest.names == self._columns
            self._channels = _taken(self._channels if same else None, now_ns, newest.row, learn_s)
            self._columns = newest.names

    def look(
        self, now_ns: int, settings: ContentSettings, subject: str, simulated: bool
    ) -> tuple[Finding, list[tuple[str, Value]]]:
        """Judges what came since the last look, and learns from it if it is good."""
        if self._average():
            self._fresh_ns = now_ns
            self._found = list(self._symptoms(settings, simulated))
            spoiled = {name for one in self._found for name in one.spoils}
            good = {n: v for n, v in self._now.items() if n in _LEARNED and n not in spoiled}
            self._usual.learn(now_ns, good, settings.learn_s)
        elif now_ns - self._fresh_ns > _HOLD_NS:
            self._found = []
        return _finding(subject, self._found, self._now), list(self._values(subject))

    def _average(self) -> bool:
        """Makes means of what came since the last look; False if nothing came."""
        fresh = any(self._counts.values())
        if fresh:
            self._now = {n: self._sums[n] / count for n, count in self._counts.items() if count}
            self._sums = dict.fromkeys(self._names, 0.0)
            self._counts = dict.fromkeys(self._names, 0)
        return fresh

    def _symptoms(self, settings: ContentSettings, simulated: bool) -> Iterator[Symptom]:
        usual = self._usual.known()
        after_s = 0.0 if simulated else settings.frozen_s
        if self._same is not None and len(self._same.stuck(after_s)):
            yield Symptom(
                'frozen',
                f'the same content for {float(self._same.unchanged_s()[0]):.1f} s (limit '
                f'{after_s:.1f} s), and it always changed before: restart the driver',
                _LEARNED,
            )
        elif self._channels is not None and len(stuck := self._channels.stuck(after_s)):
            names = ', '.join(self._columns[index] for index in stuck[:3])
            more = f' and {len(stuck) - 3} more' if len(stuck) > 3 else ''
            yield Symptom(
                'stuck',
                f'{len(stuck)} of {self._channels.channels} channels have not changed for '
                f'{after_s:.1f} s, and always did before: {names}{more}; look at the sensor',
            )
        yield from picture_symptoms(self._now, usual, settings)
        yield from number_symptoms(self._now, usual, settings)

    def _values(self, subject: str) -> Iterator[tuple[str, Value]]:
        of = f'{subject}: ' if subject else ''
        usual = self._usual.known()
        for name in self._names:
            if name == _HASH:
                unchanged = None if self._same is None else float(self._same.unchanged_s()[0])
                yield f'{of}unchanged [s]', unchanged
                continue
            yield f'{of}{_key(name)}', _scaled(name, self._now.get(name))
            if name in _LEARNED:
                yield f'{of}usual {_key(name)}', _scaled(name, usual.get(name))


class _Usual:
    """What is usual for a stream: a mean that follows what is good, once there was enough."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}
        self._learned_s: dict[str, float] = {}
        self._last_ns: int | None = None
        self._learn_s = 0.0

    def learn(self, now_ns: int, good: Mapping[str, float], learn_s: float) -> None:
        """Takes the means of one look [ns, steady clock]."""
        seconds = 0.0 if self._last_ns is None else min((now_ns - self._last_ns) / 1e9, 2.0)
        self._last_ns = now_ns
        for name, value in good.items():
            so_far = self._learned_s.get(name, 0.0) + seconds
            weight = 1.0 if name not in self._means else seconds / min(so_far, _MEMORY_S)
            mean = self._means.get(name, value)
            self._means[name] = mean + min(weight, 1.0) * (value - mean)
            self._learned_s[name] = so_far
        self._learn_s = learn_s

    def known(self) -> dict[str, float]:
        """Returns the means that enough is known for."""
        return {
            name: mean
            for name, mean in self._means.items()
            if self._learned_s[name] >= self._learn_s
        }


def _taken(liveness: Liveness | None, now_ns: int, row: object, learn_s: float) -> Liveness:
    values = np.asarray(row, np.float64)
    if liveness is None or liveness.channels != len(values):
        return Liveness(now_ns, values)
    liveness.take(now_ns, values, learn_s)
    return liveness


def _by_input(measures: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Sorts measures by the topic that their names begin with; '' for the only input."""
    sorted_by: dict[str, dict[str, float]] = {}
    for name, value in measures.items():
        topic, _, measure = name.rpartition(': ')
        sorted_by.setdefault(topic, {})[measure] = value
    return sorted_by


def _newest(seen: Seen) -> Iterator[tuple[str, _Newest]]:
    """Yields the newest row of each input that is made of named numbers."""
    inputs = seen.pipeline.wiring.inputs
    for item in inputs:
        frame = seen.prediction.frames[item.tensor][-1]
        if frame.names and frame.data.ndim == 2 and len(frame.data):
            topic = item.source.topic if len(inputs) > 1 else ''
            yield topic, _Newest(frame.data[-1], frame.names)


def _together(found: list[Finding]) -> Finding:
    wrong = [one for one in found if one.level != Level.OK]
    level = max((one.level for one in wrong), default=Level.OK)
    sentence = ' | '.join(f'{one.subject} {one.sentence}'.strip() for one in wrong or found)
    kind = wrong[0].kind if wrong else ''
    return Finding(CONCERN, level, sentence, kind=kind, parts=tuple(found))


def _finding(subject: str, symptoms: list[Symptom], now: Mapping[str, float]) -> Finding:
    if symptoms:
        sentence = '; '.join(one.sentence for one in symptoms)
        return Finding(CONCERN, Level.WARN, sentence, kind=symptoms[0].kind, subject=subject)
    known = {name: _scaled(name, now.get(name)) for name in _LEARNED}
    told = [f'{_key(name)} {value:.2f}' for name, value in known.items() if value is not None]
    return Finding(CONCERN, Level.OK, ', '.join(told), subject=subject)


def _key(name: str) -> str:
    """Returns the key of a measure on `/diagnostics`, with its unit."""
    if name in _SHARES:
        return f'{name.removesuffix("_share")} [%]'
    return 'median depth [m]' if name == 'median_depth_m' else name.replace('_', ' ')


def _scaled(name: str, value: float | None) -> float | None:
    return 100 * value if value is not None and name in _SHARES else value
