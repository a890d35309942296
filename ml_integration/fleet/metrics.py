"""A fleet in metrics as Prometheus wants them: base units, and few series for each node.

Labels are node, model, stage, stream and reason only, and the digest in the metric that tells
which model serves. What could have many values is cut, so that no node has more than MOST_SERIES.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ml_integration.core.findings import Level
from ml_integration.core.histogram import BUCKETS
from ml_integration.fleet.fleet import NodeView, Overview
from ml_integration.fleet.status import Status

PREFIX = 'ml_integration_'
MOST_SERIES = 60
MOST_REASONS, MOST_STREAMS = 4, 3
LONGEST_LABEL = 128
STALE = 3
MB = 1e6
INVALID = 'invalid: '
NOTHING = Status('', Level.OK)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of a node, or a histogram.

    Attributes:
        kind: how Prometheus treats it.
        name: with the unit, without the prefix.
        text: what it is.
        value: the number.
        labels: names and values besides that of the node.
        buckets: of a histogram: upper bounds [s] and how many were at most as long.
    """

    kind: Literal['gauge', 'counter', 'histogram', 'info']
    name: str
    text: str
    value: float = 0.0
    labels: tuple[tuple[str, str], ...] = ()
    buckets: tuple[tuple[str, float], ...] = ()


def fleet_metrics(overview: Overview, target: float) -> Iterator[Metric]:
    """Yields the metrics of all nodes together.

    Args:
        overview: all nodes.
        target: wanted availability [%].
    """
    whole = overview.availability[-1].ratio if overview.availability else None
    for name, text, value in (
        ('fleet_nodes', 'Nodes that are followed.', float(len(overview.nodes))),
        ('fleet_silent_nodes', 'Nodes that are silent.', float(len(overview.silent))),
        ('fleet_availability_target_ratio', 'Wanted availability.', target / 100),
        ('fleet_availability_ratio', 'Of all nodes together, over the longest window.', whole),
    ):
        yield from _gauge(name, text, value)


def node_metrics(node: NodeView) -> Iterator[Metric]:
    """Yields the metrics of one node, as far as it tells them."""
    level = float(STALE if node.stale else node.finding.level)
    yield from _gauge('node_level', '0 OK, 1 WARN, 2 ERROR, 3 silent.', level)
    yield from _counter('node_restarts_total', 'Starts after the first one.', node.restarts)
    yield from _availability(node)
    if node.stale:  # old numbers would look like new ones
        return
    yield from _model(node)
    yield from _latency(node)
    yield from _frames(node)
    yield from _input(node.of('input') or NOTHING)
    yield from _resources(node.of('resources') or NOTHING)


def _availability(node: NodeView) -> Iterator[Metric]:
    ratio = node.availability[-1].ratio if node.availability else None
    yield from _gauge('node_availability_ratio', 'Over the longest window.', ratio)
    booked = node.booked
    yield from _counter('node_available_seconds_total', 'Time it was available.', booked.available)
    yield from _counter(
        'node_unavailable_seconds_total',
        'Time it should have been available and was not.',
        booked.unavailable,
    )


def _model(node: NodeView) -> Iterator[Metric]:
    values = (node.of('model') or NOTHING).values
    if values.get('model'):
        labels = (('model', values['model']), ('sha256', values.get('sha256', '')))
        yield Metric('info', 'model', 'What serves.', 1.0, _cut(labels))


def _latency(node: NodeView) -> Iterator[Metric]:
    latency = node.of('latency') or NOTHING
    for what, text in (
        ('total', 'Time that a frame took in all stages.'),
        ('age', 'Time from the stamp of a frame to its result.'),
    ):
        buckets = tuple(_buckets(latency, what))
        if buckets:
            name = 'frame_duration_seconds' if what == 'total' else 'frame_age_seconds'
            yield Metric('histogram', name, text, buckets=buckets)
    for stage in node.figures.stages[:7]:
        median = None if stage.p50 is None else stage.p50 / 1e3
        labels = (('stage', stage.stage),)
        yield from _gauge('stage_median_seconds', 'Median time of a stage.', median, labels)


def _buckets(latency: Status, what: str) -> Iterator[tuple[str, float]]:
    """Yields the buckets of a duration; none where one is missing or they do not grow."""
    counts = [latency.number(f'{what} <= {bound} [ms]') for bound in BUCKETS]
    known = [count for count in counts if count is not None and count >= 0]
    if len(known) < len(BUCKETS) or known != sorted(known):
        return
    for bound, count in zip(BUCKETS, known, strict=True):
        yield ('+Inf' if bound == 'inf' else f'{int(bound) / 1e3:g}', count)


def _frames(node: NodeView) -> Iterator[Metric]:
    drops, results = node.of('drops') or NOTHING, node.of('results') or NOTHING
    errors = node.of('errors') or NOTHING
    yield from _counter('frames_received_total', 'Frames that came.', drops.number('received'))
    for reason in ('displaced', 'stale'):
        yield from _counter(
            'frames_dropped_total',
            'Frames that were not used.',
            drops.number(reason),
            (('reason', reason),),
        )
    yield from _counter('frames_failed_total', 'Ended in an error.', errors.number('failed'))
    if results is NOTHING:
        return
    yield from _counter(
        'results_published_total', 'Results that went out.', results.number('published')
    )
    yield from _gauge('results_per_second', 'Results per second.', node.figures.rate_hz)
    for reason, count in _invalid(results):
        yield from _counter(
            'results_invalid_total', 'Results that were held back.', count, (('reason', reason),)
        )


def _invalid(results: Status) -> Iterator[tuple[str, float]]:
    """Yields the first reasons by name with their counts, and the others together."""
    known = {
        key.removeprefix(INVALID): count
        for key in results.values
        if key.startswith(INVALID) and (count := results.number(key)) is not None
    }
    named = sorted(known)[:MOST_REASONS]
    yield from ((reason, known[reason]) for reason in named)
    others = sum(count for reason, count in known.items() if reason not in named)
    if others or not known:
        yield 'other', others if known else results.number('invalid') or 0.0


def _input(status: Status) -> Iterator[Metric]:
    ending = 'messages'
    streams = [
        key.removesuffix(ending).removesuffix(': ')
        for key in status.values
        if key == ending or key.endswith(f': {ending}')
    ]
    for stream in sorted(streams)[:MOST_STREAMS]:
        of = f'{stream}: ' if stream else ''
        labels = (('stream', stream),)
        yield from _gauge(
            'input_messages_per_second', 'Messages per second.',
            status.number(f'{of}rate [Hz]'), labels,
        )  # fmt: skip
        yield from _counter(
            'input_messages_lost_total', 'Sent and never arrived.',
            status.number(f'{of}lost'), labels,
        )  # fmt: skip


def _resources(status: Status) -> Iterator[Metric]:
    for name, text, key, unit in (
        ('process_cpu_ratio', 'CPU that it takes; 1 is one CPU.', 'cpu [%]', 0.01),
        ('process_resident_memory_bytes', 'Its memory.', 'rss [MB]', MB),
        ('process_memory_budget_bytes', '0: no limit.', 'memory budget [MB]', MB),
        ('process_open_files', 'Files that it has open.', 'open files', 1.0),
        ('process_uptime_seconds', 'Since its start.', 'uptime [s]', 1.0),
        ('cpu_temperature_celsius', 'Of the CPU.', 'temperature [C]', 1.0),
    ):
        number = status.number(key)
        yield from _gauge(name, text, None if number is None else number * unit)


def _gauge(
    name: str, text: str, value: float | None, labels: tuple[tuple[str, str], ...] = ()
) -> Iterator[Metric]:
    if value is not None:
        yield Metric('gauge', name, text, value, _cut(labels))


def _counter(
    name: str, text: str, value: float | None, labels: tuple[tuple[str, str], ...] = ()
) -> Iterator[Metric]:
    if value is not None and value >= 0:
        yield Metric('counter', name, text, value, _cut(labels))


def _cut(labels: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value[:LONGEST_LABEL]) for name, value in labels)
