"""What `/diagnostics` says about an inference node: one status per concern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from ml_integration.core.health import Finding, Health, Level
from ml_integration.core.monitor import Stats
from ml_integration.deploy.deployment import Loaded
from ml_integration.deploy.shared_sessions import sharers
from ml_integration.ros.wire import Wire, fragmentation

STUCK_S = 5.0

Values = Iterable[tuple[str, object]]


def status(node: str, finding: Finding, values: Values = ()) -> DiagnosticStatus:
    """One concern as a message, named '<node>: <concern>'."""
    return DiagnosticStatus(
        level=bytes([finding.level]),
        name=f'{node.lstrip("/")}: {finding.concern}',
        message=finding.sentence,
        hardware_id=node,
        values=[KeyValue(key=key, value=str(value)) for key, value in values],
    )


def model_finding(
    state: str, serving: Loaded | None, alarms: Sequence[Finding]
) -> tuple[Finding, Values]:
    """Which model is loaded, what executes it, what vouches for it and what is wrong with it.

    Args:
        state: of the node's lifecycle.
        serving: the model, if one is loaded.
        alarms: what to complain about; the worst one gives the level and the sentence.
    """
    if serving is None:
        return Finding('model', Level.OK, f'{state}, no model loaded'), ()
    model, session = serving.pipeline.model, serving.pipeline.session
    device = session.device
    values = (
        ('model', model.identity),
        ('sha256', model.identity.sha256),
        ('verified by', serving.package.verified_by),
        ('provider', device),
        ('in use by', f'{sharers(session)} pipeline(s) of this process'),
        ('inputs', ', '.join(map(str, model.inputs))),
        ('outputs', ', '.join(map(str, model.outputs))),
        ('labels', len(model.labels)),
        *(('alarm', alarm.sentence) for alarm in alarms),
    )
    fine = Finding('model', Level.OK, f'{state}, {model.identity} on {device}')
    worst = max((fine, *alarms), key=lambda finding: finding.level)
    if worst is not fine:
        worst = Finding('model', worst.level, f'{fine.sentence}; {worst.sentence}')
    return worst, values


def frame_statuses(
    node: str, health: Health, stats: Stats, wire: Wire, busy_s: float
) -> Sequence[DiagnosticStatus]:
    """The concerns of an active node: input, latency, drops, results and errors."""
    total = stats.total
    return (
        status(node, _with_wire(health.of('input'), wire, stats), _input_values(stats, wire)),
        status(node, health.of('latency'), ((k, f'{v} ms') for k, v in stats.stages.items())),
        status(
            node,
            _with_clocks(health.of('drops'), stats),
            (('received', total.received), ('displaced', total.displaced), ('stale', total.stale)),
        ),
        status(
            node,
            health.of('results'),
            (
                ('published', total.published),
                ('invalid', total.invalid),
                *((f'invalid: {kind}', count) for kind, count in stats.invalid_kinds.items()),
            ),
        ),
        status(
            node,
            _with_freeze(health.of('errors'), busy_s),
            (('failed', total.failed), ('last', stats.last_error)),
        ),
    )


def _input_values(stats: Stats, wire: Wire) -> Values:
    return (
        ('topic', wire.topic),
        ('publishers', wire.publishers),
        ('rate', f'{stats.input_hz:.2f} Hz'),
        ('lost on the way', stats.total.lost),
        ('serialised', f'{stats.serialised_bytes} bytes'),
        ('age at result p50 / p95 / p99', f'{stats.age} ms' if stats.age else 'no results'),
    )


def _with_wire(finding: Finding, wire: Wire, stats: Stats) -> Finding:
    slow = fragmentation(wire, stats)
    if finding.level == Level.OK and not wire.mismatch and not slow:
        return finding
    sentence = f'{finding.sentence} on {wire.topic}; {wire.publishers} publisher(s)'
    if wire.mismatch:
        sentence += f'; QoS mismatch: {wire.mismatch}'
    elif slow:
        sentence += f'; {slow}'
    elif not wire.publishers:
        sentence += '; is the topic remapped to the right name?'
    return Finding(finding.concern, max(finding.level, Level.WARN), sentence)


def _with_clocks(finding: Finding, stats: Stats) -> Finding:
    recent = stats.recent
    if not recent.received or recent.stale < recent.received - recent.displaced:
        return finding
    hint = '; every frame is too old: does the publisher use the same clock (use_sim_time)?'
    return Finding(finding.concern, Level.ERROR, finding.sentence + hint)


def _with_freeze(finding: Finding, busy_s: float) -> Finding:
    if busy_s < STUCK_S:
        return finding
    sentence = f'one frame has been in work for {busy_s:.0f} s: the engine seems to be frozen'
    return Finding(finding.concern, Level.ERROR, sentence)
