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
from ml_integration.ros import qos

STUCK_S = 5.0

Values = Iterable[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Wire:
    """A subscription as the middleware sees it.

    Attributes:
        camera: whose it is; empty when a node has only one.
        topic: the topic's full name after remapping.
        publishers: how many there are.
        mismatch: why a publisher does not connect; empty if all do.
    """

    camera: str
    topic: str
    publishers: int
    mismatch: str


def inspect_wire(node: Node, camera: str, topic: str, profile: QoSProfile) -> Wire:
    """Asks the middleware who publishes on a topic and whether that can reach us."""
    publishers = node.get_publishers_info_by_topic(topic)
    reasons = [qos.mismatch(publisher.qos_profile, profile) for publisher in publishers]
    return Wire(camera, topic, len(publishers), next(filter(None, reasons), ''))


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
    model, device = serving.pipeline.model, serving.pipeline.session.device
    values = (
        ('model', model.identity),
        ('sha256', model.identity.sha256),
        ('verified by', serving.package.verified_by),
        ('provider', device),
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
    node: str, health: Health, stats: Stats, wires: Sequence[Wire], busy_s: float
) -> Sequence[DiagnosticStatus]:
    """The concerns of an active node: input, latency, drops, results and errors."""
    total = stats.total
    return (
        status(node, _input_finding(health, wires), _input_values(stats, wires)),
        status(node, health.of('latency'), _latency_values(stats)),
        status(node, _with_clocks(health.of('drops'), stats), _drop_values(stats, wires)),
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


def _input_finding(health: Health, wires: Sequence[Wire]) -> Finding:
    """What is wrong with the input of any camera; the rates when nothing is."""
    findings = [_with_wire(f, wire) for f, wire in zip(health.inputs, wires, strict=True)]
    level = max(finding.level for finding in findings)
    if level != Level.OK:
        wrong = (finding.sentence for finding in findings if finding.level != Level.OK)
        return Finding('input', level, ' | '.join(wrong))
    rates = (f'{w.camera} {f.sentence}'.strip() for f, w in zip(findings, wires, strict=True))
    return Finding('input', level, ', '.join(rates))


def _input_values(stats: Stats, wires: Sequence[Wire]) -> Values:
    for wire, one in zip(wires, stats.inputs, strict=True):
        of = _of(wire)
        yield f'{of}topic', wire.topic
        yield f'{of}publishers', wire.publishers
        yield f'{of}rate', f'{one.hz:.2f} Hz'
        age = f'{one.age} ms' if one.age else 'no results'
        yield f'{of}age at result p50 / p95 / p99', age


def _latency_values(stats: Stats) -> Values:
    yield from ((stage, f'{spent} ms') for stage, spent in stats.stages.items())
    if len(stats.inputs) > 1:
        yield 'frames per run', f'{stats.together:.2f}'


def _drop_values(stats: Stats, wires: Sequence[Wire]) -> Values:
    total = stats.total
    yield from (
        ('received', total.received), ('displaced', total.displaced), ('stale', total.stale)
    )  # fmt: skip
    for wire, one in zip(wires, stats.inputs, strict=True):
        if wire.camera:
            yield f'{_of(wire)}received', one.received
            yield f'{_of(wire)}displaced', one.displaced


def _of(wire: Wire) -> str:
    """What the names of a camera's values begin with."""
    return f'{wire.camera}: ' if wire.camera else ''


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
