"""What a monitor knows of a fleet, as messages: its own statuses, and one for each node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from diagnostic_msgs.msg import DiagnosticStatus

from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.watches import Look, Value
from ml_integration.fleet.fleet import NodeView, Overview
from ml_integration.fleet.fleet_findings import window_values
from ml_integration.ros.messages.diagnostic_status import Values, diagnostic_status


def own_statuses(node: str, looks: Iterable[Look], health: Health) -> list[DiagnosticStatus]:
    """Makes the monitor's statuses, one per concern.

    Args:
        node: full name of the monitor.
        looks: what was found, with the numbers.
        health: the same, steadied.
    """
    return [
        _status(
            f'{node.lstrip("/")}: {look.finding.concern}',
            health.of(look.finding.concern),
            look.values,
            node,
        )
        for look in looks
    ]


def summary(node: str, overview: Overview, looks: Iterable[Look], health: Health) -> list[
    DiagnosticStatus
]:  # fmt: skip
    """Makes the statuses of `~/summary`: 'total', then one of each node by its name."""
    values = dict(pair for look in looks for pair in look.values)
    wrong = [one for one in health.findings if one.level > Level.OK]
    sentence = '; '.join(one.sentence for one in wrong) or f'{len(overview.nodes)} nodes are well'
    level = max((health.level, *(one.finding.level for one in overview.nodes)), default=Level.OK)
    bad = [one.name for one in overview.nodes if one.finding.level > Level.OK]
    if bad and not wrong:
        sentence = f'look at {", ".join(bad[:8])}'
    total = _status('total', Finding('total', level, sentence), values.items(), node)
    return [total, *(_of_node(one, overview.windows_h) for one in overview.nodes)]


def _of_node(node: NodeView, windows_h: tuple[float, ...]) -> DiagnosticStatus:
    status = _status(node.name, node.finding, _values(node, windows_h), f'/{node.name}')
    if node.stale:
        status.level = DiagnosticStatus.STALE
    return status


def _values(node: NodeView, windows_h: tuple[float, ...]) -> Iterator[tuple[str, Value]]:
    found = node.figures
    stage = max(
        (one for one in found.stages if one.p50 is not None),
        key=lambda one: one.p50 or 0.0,
        default=None,
    )
    yield 'counts as', node.outcome.value
    yield from window_values(windows_h, node.availability)
    yield 'silent [s]', node.silent_s
    yield 'restarts', node.restarts
    yield 'restarts within 10 min', node.recent_restarts
    yield 'state', found.state
    yield 'model', found.model
    yield 'rate [Hz]', found.rate_hz
    yield 'total p95 [ms]', found.total.p95
    yield 'worst stage', stage.stage if stage else None
    yield 'worst stage p50 [ms]', stage.p50 if stage else None
    yield 'over budget', ', '.join(node.over)
    yield 'cpu [%]', found.cpu_percent
    yield 'rss [MB]', found.rss_mb
    yield 'opportunities', len(node.advice)
    yield 'advice', ' '.join(map(str, node.advice))


def _status(name: str, finding: Finding, values: Values, hardware_id: str) -> DiagnosticStatus:
    return diagnostic_status(name, finding.level, finding.sentence, hardware_id, values)
