"""Statuses of an inference node on `/diagnostics`: one per concern, in every state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from diagnostic_msgs.msg import DiagnosticStatus

from ml_integration.core.endpoints import Endpoint
from ml_integration.core.findings import Finding, Health
from ml_integration.core.health import FRAME_CONCERNS, Alarms
from ml_integration.core.histogram import BUCKETS, NO_COUNTS
from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import (
    STAGES,
    Counts,
    InputKey,
    InputStats,
    Percentiles,
    Stats,
)
from ml_integration.core.watches import Look
from ml_integration.deploy.loaded import Loaded
from ml_integration.deploy.shared_sessions import sharers
from ml_integration.ros.messages.diagnostic_status import Values, diagnostic_status

MODEL_KEYS = (
    *(
        'state',
        'loading',
        'model',
        'sha256',
        'verified by',
        'second models',
        'from cache',
        'provider',
        'fallback',
        'batch size',
        'pipelines',
        'load [s]',
        'threads',
        'spinning',
        'graph optimization',
    ),
    *('inputs', 'outputs', 'labels', 'since look [s]', 'alarms', 'alarm'),
)


def model_status(
    node: str,
    state: str,
    loading: str,
    serving: Loaded | None,
    finding: Finding,
    alarms: Alarms,
    since_look_s: float | None,
) -> DiagnosticStatus:
    """Makes the status of the model: its identity, device, verification and faults.

    Args:
        node: full name of the node.
        state: of its lifecycle.
        loading: what is being loaded and for how long; empty if nothing is.
        serving: the model, if one is loaded.
        finding: how bad it is.
        alarms: what is wrong.
        since_look_s: time since its files were looked at [s]; None if they were not.
    """
    sentence, values = f'{state}, no model loaded', dict.fromkeys(MODEL_KEYS)
    values['state'], values['loading'] = state, loading
    values.update(_alarm_values(alarms))
    if serving is not None:
        sentence = f'{state}, {serving.identity} on {serving.pipeline.session.device}'
        values.update(_model_values(serving))
        values['since look [s]'] = since_look_s
    sentence = '; '.join(filter(None, (sentence, loading, finding.sentence)))
    return _status(node, Finding(finding.concern, finding.level, sentence), values.items())


def frame_statuses(
    node: str, health: Health, stats: Stats, endpoints: Sequence[Endpoint], busy_s: float
) -> list[DiagnosticStatus]:
    """Makes the statuses of an active node's frames, one per concern.

    Args:
        node: full name of the node.
        health: the judgment.
        stats: the statistics behind the judgment.
        endpoints: one for each input of each stream.
        busy_s: time since work on the current frames began [s]; 0 if there are none.
    """
    values = _frame_values(stats, endpoints, busy_s)
    return [
        _status(node, health.of(concern), values)
        for concern, values in zip(FRAME_CONCERNS, values, strict=True)
    ]


def idle_statuses(node: str, health: Health, inputs: Sequence[InputKey]) -> list[DiagnosticStatus]:
    """Makes the same statuses as for an active node, with the same keys but no values.

    Args:
        node: full name of the node.
        health: the judgment of an idle node.
        inputs: the messages that will come.
    """
    endpoints = [Endpoint(key.stream, key.source, '', 0) for key in inputs]
    statuses = frame_statuses(node, health, Monitor(0, inputs).stats(0), endpoints, 0.0)
    for status in statuses:
        for item in status.values:
            item.value = ''
    return statuses


def watched_statuses(node: str, health: Health, looks: Iterable[Look]) -> list[DiagnosticStatus]:
    """Makes a status of what each watch has found.

    Args:
        node: full name of the node.
        health: the judgment.
        looks: the numbers behind it.
    """
    return [_status(node, health.of(look.finding.concern), look.values) for look in looks]


def _status(node: str, finding: Finding, values: Values) -> DiagnosticStatus:
    """Makes the status of one concern, named '<node>: <concern>'."""
    name = f'{node.lstrip("/")}: {finding.concern}'
    return diagnostic_status(name, finding.level, finding.sentence, node, values)


def _model_values(serving: Loaded) -> Values:
    model, session = serving.pipeline.model, serving.pipeline.session
    return (
        ('model', model.identity),
        ('sha256', model.identity.sha256),
        ('verified by', serving.package.verified_by),
        ('second models', seconds_in_words(serving)),
        ('from cache', 'yes' if session.from_cache else 'no'),
        ('provider', session.device),
        ('fallback', session.fallback),
        ('batch size', serving.pipeline.batch_size),
        ('pipelines', sharers(session)),
        ('load [s]', serving.load_s),
        ('threads', session.threads or None),
        ('spinning', session.spinning),
        ('graph optimization', session.graph_optimization),
        ('inputs', ', '.join(map(str, model.inputs))),
        ('outputs', ', '.join(map(str, model.outputs))),
        ('labels', len(model.labels)),
    )


def seconds_in_words(serving: Loaded) -> str:
    """Returns the second models of a model's stages: what each is, and what vouches for it."""
    return ', '.join(
        f'{stage}: {second.description.identity} (sha256 {second.description.identity.sha256}, '
        f'verified by {second.package.verified_by})'
        for stage, second in serving.seconds.items()
    )


def _alarm_values(alarms: Alarms) -> Values:
    findings = alarms.findings()
    return (
        ('alarms', len(findings)),
        ('alarm', ' | '.join(finding.sentence for finding in findings)),
    )


def _frame_values(stats: Stats, endpoints: Sequence[Endpoint], busy_s: float) -> Iterator[Values]:
    """Yields the values of each of FRAME_CONCERNS."""
    yield _input_values(stats, endpoints)
    yield _latency_values(stats)
    yield _drop_values(stats)
    yield (
        ('published', stats.total.published),
        ('rate [Hz]', stats.output_hz),
        ('invalid', stats.total.invalid),
        ('spectators failed', sum(stats.spectators_failed.values())),
        *((f'invalid: {kind}', count) for kind, count in stats.invalid_kinds.items()),
        *((f'omitted: {kind}', count) for kind, count in stats.omitted_kinds.items()),
    )
    yield (
        ('failed', stats.total.failed),
        ('last', stats.last_error),
        ('since last [s]', stats.since_error_s if stats.last_error else None),
        ('in work [s]', busy_s),
        *_error_values(stats),
        *(
            (f'{stream.name}: failed', stream.total.failed)
            for stream in stats.streams
            if stream.name
        ),
    )


def _error_values(stats: Stats) -> Values:
    for name, kind in stats.errors.items():
        yield f'error: {name}: count', kind.count
        yield f'error: {name}: first ago [s]', kind.first_ago_s
        yield f'error: {name}: last ago [s]', kind.last_ago_s


def _input_values(stats: Stats, endpoints: Sequence[Endpoint]) -> Values:
    at = {(endpoint.stream, endpoint.source): endpoint for endpoint in endpoints}
    for stream in stats.streams:
        of = _prefix(stream.name)
        yield from _percentiles(f'{of}age', stream.age)
        yield f'{of}missing', ', '.join(stream.missing)
        for one in stream.inputs:
            own = of + _prefix(one.source if len(stream.inputs) > 1 else '')
            yield from _message_values(own, one, at[stream.name, one.source])


def _message_values(of: str, one: InputStats, endpoint: Endpoint) -> Values:
    yield f'{of}topic', endpoint.topic
    yield f'{of}publishers', endpoint.publishers
    yield f'{of}mismatch', endpoint.mismatch
    yield f'{of}other types', ', '.join(endpoint.strangers)
    yield f'{of}rate [Hz]', one.hz
    yield f'{of}messages', one.total.received
    yield f'{of}lost', one.total.lost
    yield f'{of}silent [s]', one.since_s
    yield f'{of}serialized [bytes]', one.serialized_bytes
    yield f'{of}segment [bytes]', endpoint.segment_bytes
    yield f'{of}transport p50 [ms]', one.transport.p50 if one.transport else None
    yield f'{of}stamp ahead [s]', one.ahead_s
    yield f'{of}stamps [Hz]', one.rhythm.rate_hz
    yield f'{of}stamps usual [Hz]', one.rhythm.usual_hz
    yield f'{of}jitter p95 [ms]', one.rhythm.jitter_ms
    yield f'{of}time jumps', one.rhythm.total_jumps


def _latency_values(stats: Stats) -> Values:
    for stage in dict.fromkeys((*STAGES, *stats.stages)):
        yield from _percentiles(stage, stats.stages.get(stage))
    for stage in dict.fromkeys((*STAGES, 'age', *stats.histograms)):
        counts = stats.histograms.get(stage, NO_COUNTS)
        for bound, count in zip(BUCKETS, counts, strict=True):
            yield f'{stage} <= {bound} [ms]', count
    yield 'frames per run', stats.together


def _drop_values(stats: Stats) -> Values:
    """Yields the numbers of received and dropped frames, of all streams and of each."""
    yield from _dropped('', stats.total)
    for stream in stats.streams:
        if stream.name:
            yield from _dropped(_prefix(stream.name), stream.total)


def _dropped(of: str, counts: Counts) -> Values:
    yield f'{of}received', counts.received
    yield f'{of}displaced', counts.displaced
    yield f'{of}stale', counts.stale


def _percentiles(what: str, spent: Percentiles | None) -> Values:
    yield f'{what} p50 [ms]', spent.p50 if spent else None
    yield f'{what} p95 [ms]', spent.p95 if spent else None
    yield f'{what} p99 [ms]', spent.p99 if spent else None


def _prefix(name: str) -> str:
    """Returns the beginning of a stream's or input's keys; empty if there is only one."""
    return f'{name}: ' if name else ''
