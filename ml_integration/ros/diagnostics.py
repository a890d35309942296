"""What `/diagnostics` says about an inference node: one status per concern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.qos import QoSProfile

from ml_integration.core.health import Finding, Health, Level
from ml_integration.core.monitor import Stats
from ml_integration.deploy.deployment import Loaded
from ml_integration.deploy.shared_sessions import sharers
from ml_integration.ros import qos

STUCK_S = 5.0

Values = Iterable[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Wire:
    """The subscription as the middleware sees it.

    Attributes:
        topic: the topic's full name after remapping.
        publishers: how many there are.
        mismatch: why a publisher does not connect; empty if all do.
    """

    topic: str
    publishers: int
    mismatch: str


def inspect_wire(node: Node, topic: str, profile: QoSProfile) -> Wire:
    """Asks the middleware who publishes on a topic and whether that can reach us."""
    publishers = node.get_publishers_info_by_topic(topic)
    reasons = [qos.mismatch(publisher.qos_profile, profile) for publisher in publishers]
    return Wire(topic, len(publishers), next(filter(None, reasons), ''))


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
        status(node, _with_wire(health.of('input'), wire), _input_values(stats, wire)),
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
        ('age at result p50 / p95 / p99', f'{stats.age} ms' if stats.age else 'no results'),
    )


def _with_wire(finding: Finding, wire: Wire) -> Finding:
    if finding.level == Level.OK and not wire.mismatch:
        return finding
    sentence = f'{finding.sentence} on {wire.topic}; {wire.publishers} publisher(s)'
    if wire.mismatch:
        sentence += f'; QoS mismatch: {wire.mismatch}'
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
