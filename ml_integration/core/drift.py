"""Watches whether what goes in and what comes out is still what is usual for the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ml_integration.core.blocks import Block, BlockMaker
from ml_integration.core.declaration import declared
from ml_integration.core.drift_reference import Numbers, Reference
from ml_integration.core.findings import Finding, Level
from ml_integration.core.watches import Look, Seen, Value

NAMED = 4
"""Signals that a finding names, those that are farthest away."""
EACH_KEYS = ('', ': times its limit')
STREAM_KEYS = ('blocks', 'blocks in a row', 'times its limit', 'moved', 'since [s]')


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """Settings of the watch for drift."""

    false_alarms_per_day: float = declared(
        1.0,
        'False alarms about drift that are allowed per day and stream, of a model that has a '
        'reference (ml_model profile); fewer take larger changes; 0: nothing is watched.',
        ge=0.01,
        le=1440.0,
        off=0.0,
    )


@dataclass(frozen=True, slots=True)
class Moved:
    """What a stream's last block says.

    Attributes:
        count: blocks so far.
        means: (S,) of the last block; NaN where nothing was told.
        times: (S,) how far each is away, in limits; 0 where nothing was told.
        in_a_row: (S,) how many blocks each has been beyond its limit, all on one side.
        since_ns: when each went beyond it [ns, steady clock].
    """

    count: int
    means: Numbers
    times: Numbers
    in_a_row: tuple[int, ...]
    since_ns: tuple[int, ...]


class StreamDrift:
    """Compares the blocks of one stream with a reference.

    Args:
        reference: what is usual.

    Attributes:
        unknown: signals of the reference that the stream does not have.
        moved: what the last block says; None before the first one.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.unknown: tuple[str, ...] = ()
        self.moved: Moved | None = None
        self._maker = BlockMaker(reference.rule)
        self._sides = np.zeros(len(reference.names))
        self._rows = np.zeros(len(reference.names), int)
        self._since = np.zeros(len(reference.names), np.int64)
        self._allowed = (0.0, np.ones(len(reference.names)))

    def take(self, seen: Seen, per_day: float) -> None:
        """Takes a frame of the stream."""
        block = self._maker.add(seen.prediction.stamp_ns, seen.measures, seen.signals)
        if block is not None:
            self._compare(block, seen.now_ns, per_day)

    def _compare(self, block: Block, now_ns: int, per_day: float) -> None:
        reference, limits = self.reference, self.reference.limits
        self.unknown = tuple(name for name in reference.names if name not in block.means)
        if self._allowed[0] != per_day:
            self._allowed = per_day, limits.allowed(per_day)
        means = np.array([block.means.get(name, math.nan) for name in reference.names])
        away = np.nan_to_num((means - limits.center) / limits.scale)
        times = away / self._allowed[1]
        sides = np.where(np.abs(times) > 1, np.sign(times), 0.0)
        going_on = (sides != 0) & (sides == self._sides)
        self._since = np.where(going_on, self._since, now_ns)
        self._rows = np.where(going_on, self._rows + 1, (sides != 0).astype(int))
        self._sides = sides
        count = self.moved.count + 1 if self.moved else 1
        self.moved = Moved(
            count, means, np.abs(times), tuple(self._rows.tolist()), tuple(self._since.tolist())
        )

    def drifted(self) -> list[int]:
        """Returns the signals that have moved for long enough, the farthest first."""
        if self.moved is None or self.unknown:
            return []
        least, moved = self.reference.limits.in_a_row, self.moved
        found = [at for at, rows in enumerate(moved.in_a_row) if rows >= least]
        return sorted(found, key=lambda at: -moved.times[at])


@dataclass(slots=True)
class Drift:
    """Watch for drift: blocks of each stream against the reference of the model that serves.

    A signal has moved when so many blocks in a row, as the reference says, are beyond its limit on
    the same side. How rarely a stable stream does that is known; see `ops.drift_calibration`.
    """

    settings: Callable[[], DriftSettings]
    concern: str = field(default='drift', init=False)
    of_frames: bool = field(default=True, init=False)
    _streams: dict[str, StreamDrift] = field(default_factory=dict, init=False)
    _reference: Reference | None = field(default=None, init=False)
    _unused: str = field(default='', init=False)

    def begin(self, now_ns: int) -> None:
        """Forgets everything."""
        self._streams, self._reference, self._unused = {}, None, ''

    def take(self, seen: Seen) -> None:
        """Takes one run; what is not valid or only tried tells nothing of what is usual."""
        if seen.lent:
            return
        pipeline = seen.pipeline
        if pipeline.reference is not self._reference:
            self._streams, self._reference = {}, pipeline.reference
            self._unused = _unusable(pipeline.reference, pipeline.model.identity.sha256)
        per_day = self.settings().false_alarms_per_day
        if (
            self._reference is None
            or self._unused
            or not per_day
            or not seen.prediction.verdict.ok
        ):
            return
        stream = self._streams.get(seen.stream)
        if stream is None:
            stream = StreamDrift(self._reference)
            self._streams = {**self._streams, seen.stream: stream}
        stream.take(seen, per_day)

    def look(self, now_ns: int) -> Look:
        """Tells what has moved."""
        reference, streams = self._reference, self._streams
        per_day = self.settings().false_alarms_per_day
        used = reference is not None and bool(per_day) and not self._unused
        values: list[tuple[str, Value]] = [
            ('reference', self._told_reference()),
            ('reference blocks', len(reference.blocks) if reference else None),
            ('false alarms allowed per day', per_day if used else None),
        ]
        for name in streams or ('',):
            values.extend(_stream_values(name, streams.get(name), now_ns))
        return Look(self._finding(per_day, now_ns), tuple(values))

    def _told_reference(self) -> str:
        if self._reference is None:
            return 'none'
        return self._unused or f'{self._reference}, data {self._reference.data[:12]}'

    def _finding(self, per_day: float, now_ns: int) -> Finding:
        reference = self._reference
        if not per_day:
            return Finding(self.concern, Level.OK, 'not watched: drift.false_alarms_per_day is 0')
        if reference is None:
            sentence = 'the model has no reference: ml_model profile makes one'
            return Finding(self.concern, Level.OK, sentence)
        if self._unused:
            return Finding(self.concern, Level.OK, f'the reference is not used: {self._unused}')
        if reference.fewest_per_day > per_day:
            return Finding(self.concern, Level.OK, _too_short(reference, per_day))
        for stream in self._streams.values():
            if stream.unknown:
                what = f'there is no {", ".join(stream.unknown[:NAMED])} here'
                return Finding(self.concern, Level.OK, f'the reference is not used: {what}')
        found = [
            f'{f"{name}: " if name else ""}{_sentence(stream, stream.moved, drifted, now_ns)}'
            for name, stream in self._streams.items()
            if (drifted := stream.drifted()) and stream.moved is not None
        ]
        if found:
            return Finding(self.concern, Level.WARN, ' | '.join(found), kind='drift')
        return Finding(self.concern, Level.OK, 'as in the reference')


def _unusable(reference: Reference | None, sha256: str) -> str:
    if reference is None or reference.sha256 == sha256:
        return ''
    return f'it was made with another model, {reference.model} (sha256 {reference.sha256[:12]})'


def _too_short(reference: Reference, per_day: float) -> str:
    return (
        f'the reference is not used: it is too short for {per_day:g} false alarms per day '
        f'({reference}, as good as {reference.limits.independent:.0f} independent ones)'
    )


def _sentence(stream: StreamDrift, moved: Moved, drifted: list[int], now_ns: int) -> str:
    reference, since_ns = stream.reference, min(moved.since_ns[at] for at in drifted)
    parts = [
        f'{reference.names[at]} {moved.means[at]:.3g} instead of '
        f'{reference.limits.center[at]:.3g} ({moved.times[at]:.1f} x its limit)'
        for at in drifted[:NAMED]
    ]
    more = len(drifted) - len(parts)
    parts += [f'{more} more'] * bool(more)
    return f'{", ".join(parts)} for {(now_ns - since_ns) / 1e9:.0f} s'


def _stream_values(
    name: str, stream: StreamDrift | None, now_ns: int
) -> Iterator[tuple[str, Value]]:
    of = f'{name}: ' if name else ''
    moved = stream.moved if stream else None
    if stream is None or moved is None:
        yield from ((f'{of}{key}', None) for key in STREAM_KEYS)
        names = stream.reference.names if stream else ()
        yield from ((f'{of}{one}{what}', None) for one in names for what in EACH_KEYS)
        return
    drifted = stream.drifted()
    since_ns = min((moved.since_ns[at] for at in drifted), default=now_ns)
    yield f'{of}blocks', moved.count
    yield f'{of}blocks in a row', max(moved.in_a_row)
    yield f'{of}times its limit', float(moved.times.max())
    yield f'{of}moved', ', '.join(stream.reference.names[at] for at in drifted)
    yield f'{of}since [s]', (now_ns - since_ns) / 1e9 if drifted else None
    for one, mean, times in zip(stream.reference.names, moved.means, moved.times, strict=True):
        yield f'{of}{one}', float(mean) if math.isfinite(mean) else None
        yield f'{of}{one}: times its limit', float(times)
