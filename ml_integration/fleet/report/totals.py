"""One number each for the whole time of a node."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from ml_integration.fleet.figures import RATES
from ml_integration.fleet.report.history import NodeHistory
from ml_integration.fleet.report.series import Series

BOUND = re.compile(r'total <= (\S+) \[ms\]')


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers over the whole time; None: the node does not tell.

    Attributes:
        rate_hz: results per second, median [Hz].
        p50_ms: median of the medians of a frame's time [ms].
        p95_ms: median of its 95th percentiles [ms].
        drop_ratio: share of dropped frames, 0 to 1.
        invalid: results held back.
        failed: failed frames.
    """

    rate_hz: float | None
    p50_ms: float | None
    p95_ms: float | None
    drop_ratio: float | None
    invalid: float | None
    failed: float | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Frames that took at most so long, and longer than those of the bucket before."""

    bound: str
    count: float


def totals(node: NodeHistory) -> Totals:
    """Finds the totals of a node."""
    latency, drops, results = node.of('latency'), node.of('drops'), node.of('results')
    received = _counted(drops, 'received')
    dropped = [_counted(drops, key) or 0.0 for key in ('displaced', 'stale')]
    return Totals(
        rate_hz=_middle(results, 'rate [Hz]') if 'rate [Hz]' in results.keys else _foreign(node),
        p50_ms=_middle(latency, 'total p50 [ms]'),
        p95_ms=_middle(latency, 'total p95 [ms]'),
        drop_ratio=None if received is None else sum(dropped) / received if received else 0.0,
        invalid=_counted(results, 'invalid'),
        failed=_counted(node.of('errors'), 'failed'),
    )


def histogram(node: NodeHistory) -> tuple[Bucket, ...]:
    """Returns how long frames took within the time, all stages together; empty if not told."""
    latency = node.of('latency')
    found = {match[1]: key for key in latency.keys if (match := BOUND.fullmatch(key))}
    before, buckets = 0.0, []
    for bound in sorted(found, key=float):
        below = latency.counted(found[bound])
        buckets.append(Bucket(bound, max(below - before, 0.0)))
        before = below
    return tuple(buckets)


def _foreign(node: NodeHistory) -> float | None:
    found = (_middle(h.series, key) for h in node.statuses.values() for key in RATES)
    return next((rate for rate in found if rate is not None), None)


def _counted(series: Series, key: str) -> float | None:
    return series.counted(key) if key in series.keys else None


def _middle(series: Series, key: str) -> float | None:
    known = list(_known(series.values(key)))
    return median(known) if known else None


def _known(values: Iterable[float]) -> Iterable[float]:
    return (value for value in values if not math.isnan(value))
