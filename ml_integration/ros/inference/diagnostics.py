"""What `/diagnostics` says about an inference node: one status per concern."""

from __future__ import annotations

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from ml_integration.core.health import Finding, Health, Level
from ml_integration.core.stats import Stats
from ml_integration.deploy.loading import Loaded
from ml_integration.deploy.shared_sessions import sharers
from ml_integration.ros.inference.input_diagnostics import (
    Values,
    drop_values,
    drops_finding,
    input_finding,
    input_values,
)
from ml_integration.ros.messages.endpoint import Wire

STUCK_S = 5.0


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
        ('frames per run', f'up to {serving.pipeline.batch_size}'),
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
    node: str, health: Health, stats: Stats, wires: Sequence[Wire], busy_s: float
) -> Sequence[DiagnosticStatus]:
    """The concerns of an active node: input, latency, drops, results and errors."""
    total = stats.total
    return (
        status(node, input_finding(health, stats, wires), input_values(stats, wires)),
        status(node, health.of('latency'), _latency_values(stats)),
        status(node, drops_finding(health, stats, wires), drop_values(stats, wires)),
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


def _latency_values(stats: Stats) -> Values:
    yield from ((stage, f'{spent} ms') for stage, spent in stats.stages.items())
    if len(stats.inputs) > 1:
        yield 'frames per run', f'{stats.together:.2f}'


def _with_freeze(finding: Finding, busy_s: float) -> Finding:
    if busy_s < STUCK_S:
        return finding
    sentence = f'one frame has been in work for {busy_s:.0f} s: the engine seems to be frozen'
    return Finding(finding.concern, Level.ERROR, sentence)
