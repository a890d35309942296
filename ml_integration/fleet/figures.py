"""The figures of a node that people ask for first, found in its statuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ml_integration.core.findings import Level
from ml_integration.core.stats import STAGES
from ml_integration.fleet.status import Status

TOTAL = 'total'
_P50 = ' p50 [ms]'
RATES = ('rate [Hz]', 'Actual frequency (Hz)')
"""Keys of rates: ours, and that of diagnostic_updater."""


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Time of one stage of a frame [ms]; None: not known.

    Attributes:
        stage: its name.
        p50: half of the frames took less.
        p95: 95 of 100 frames took less.
        p99: 99 of 100 frames took less.
    """

    stage: str
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Frames since a node's activation, by how they ended; None: not known."""

    received: float | None = None
    dropped: float | None = None
    invalid: float | None = None
    failed: float | None = None

    def drop_ratio(self, before: Counts | None = None) -> float | None:
        """Returns the share of dropped frames among those that came, 0 to 1; None: not known.

        Args:
            before: counts of an earlier time, which are taken off; None: since the activation.
        """
        if self.received is None or self.dropped is None:
            return None
        received, dropped = self.received, self.dropped
        if before is not None:
            received -= before.received or 0
            dropped -= before.dropped or 0
        return min(max(dropped, 0) / received, 1.0) if received > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a node says of itself, as far as it does.

    Attributes:
        level: the worst one of its statuses.
        state: of its lifecycle; empty if it does not say.
        model: what serves, such as 'coco@4'; empty if it does not say.
        provider: what executes it; empty if it does not say.
        rate_hz: results per second [Hz]; of others, the first rate that they tell.
        stages: the times of its stages in the order of execution, without the total.
        total: all of them together.
        age_ms: from the stamp to the result, median [ms]; of several cameras the largest.
        counts: of frames.
        cpu_percent: 100 is one CPU [%].
        rss_mb: resident memory [MB].
    """

    level: Level
    state: str
    model: str
    provider: str
    rate_hz: float | None
    stages: tuple[StageTimes, ...]
    total: StageTimes
    age_ms: float | None
    counts: Counts
    cpu_percent: float | None
    rss_mb: float | None


def figures(statuses: Sequence[Status]) -> Figures:
    """Finds the figures of one node in its statuses."""
    of = {status.concern: status for status in statuses}
    nothing = Status('', Level.OK)
    model, latency = of.get('model', nothing), of.get('latency', nothing)
    resources = of.get('resources', nothing)
    return Figures(
        level=max((status.level for status in statuses), default=Level.OK),
        state=model.values.get('state', ''),
        model=model.values.get('model', ''),
        provider=model.values.get('provider', ''),
        rate_hz=_rate(of, statuses),
        stages=tuple(_times(latency, stage) for stage in stages_of(latency.values)),
        total=_times(latency, TOTAL),
        age_ms=largest(of.get('input', nothing), 'age p50 [ms]'),
        counts=_counts(of, nothing),
        cpu_percent=resources.number('cpu [%]'),
        rss_mb=resources.number('rss [MB]'),
    )


def largest(status: Status, key: str) -> float | None:
    """Returns the largest number under a key, which each of several cameras has for itself."""
    ending = f': {key}'
    keys = (one for one in status.values if one == key or one.endswith(ending))
    return max(
        (number for one in keys if (number := status.number(one)) is not None), default=None
    )


def _rate(of: Mapping[str, Status], statuses: Sequence[Status]) -> float | None:
    if 'results' in of and 'latency' in of:
        return of['results'].number('rate [Hz]')
    rates = (status.number(key) for status in statuses for key in RATES)
    return next((rate for rate in rates if rate is not None), None)


def stages_of(keys: Iterable[str]) -> Iterator[str]:
    """Yields the stages that the keys of `latency` are about: ours in their order, then others."""
    there = [key.removesuffix(_P50) for key in keys if key.endswith(_P50)]
    yield from (stage for stage in STAGES if stage in there and stage != TOTAL)
    yield from (stage for stage in there if stage not in (*STAGES, 'age'))


def _times(latency: Status, stage: str) -> StageTimes:
    return StageTimes(
        stage, *(latency.number(f'{stage} {share} [ms]') for share in ('p50', 'p95', 'p99'))
    )


def _counts(of: Mapping[str, Status], nothing: Status) -> Counts:
    drops = of.get('drops', nothing)
    dropped = [drops.number(key) for key in ('displaced', 'stale')]
    known = [number for number in dropped if number is not None]
    return Counts(
        received=drops.number('received'),
        dropped=sum(known) if known else None,
        invalid=of.get('results', nothing).number('invalid'),
        failed=of.get('errors', nothing).number('failed'),
    )
