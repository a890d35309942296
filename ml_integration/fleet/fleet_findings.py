"""Judges a fleet: what is silent, not available enough, over its budget, or starts again."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.declaration import declared
from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.watches import Look, Value
from ml_integration.fleet.availability import Seconds
from ml_integration.fleet.fleet import Overview

CONCERNS = ('fleet', 'availability', 'budgets', 'restarts', 'advice')
MANY_RESTARTS = 3
"""Restarts within ten minutes that are no accident any more."""
MOST_TOLD = 3
"""Opportunities that are told in one sentence."""
LEAST_S = 60.0
"""Time of a window that has to be known before it is judged [s]."""


@dataclass(frozen=True, slots=True)
class AvailabilitySettings:
    """What is wanted of the nodes."""

    target: float = declared(
        99.5,
        'Share of the time in which each node, and all of them together, are to be available [%].',
        ge=0.0,
        le=100.0,
    )
    windows_h: tuple[float, ...] = declared(
        (1.0, 24.0, 168.0),
        'Rolling windows over which availability is told [h]; they move on in steps of ten '
        'minutes.',
        ge=1.0,
        le=168.0,
        at_configure=True,
    )
    write_period_s: float = declared(
        30.0,
        'Time between two writes to state_dir [s]; as much is unknown after a kill.',
        ge=1.0,
        le=3600.0,
    )


def judge_fleet(overview: Overview, target: float, problem: str) -> tuple[Look, ...]:
    """Judges all nodes by what is known in this second, one look for each of CONCERNS.

    Args:
        overview: all nodes.
        target: wanted availability [%].
        problem: why availability cannot be kept; empty if it can.
    """
    return (
        _fleet(overview),
        _availability(overview, target, problem),
        _budgets(overview),
        _restarts(overview),
        _advice(overview),
    )


def idle_looks(state: str, windows_h: tuple[float, ...]) -> tuple[Look, ...]:
    """Returns the looks of a monitor that is not active: the same keys without values."""
    nobody = Overview((), windows_h, tuple(Seconds() for _ in windows_h))
    return tuple(
        Look(
            Finding(look.finding.concern, Level.OK, state),
            tuple((key, None) for key, _ in look.values),
        )
        for look in judge_fleet(nobody, 0.0, '')
    )


def health_of(looks: tuple[Look, ...]) -> Health:
    """Returns the judgments of some looks."""
    return Health(tuple(look.finding for look in looks))


def percent(seconds: Seconds) -> float | None:
    """Returns availability [%]; None if it is unknown."""
    return None if seconds.ratio is None else 100 * seconds.ratio


def window_values(windows_h: tuple[float, ...], known: tuple[Seconds, ...]) -> tuple[
    tuple[str, Value], ...
]:  # fmt: skip
    """Returns keys and values of availability over windows [%]."""
    return tuple(
        (f'available {hours:g} h [%]', percent(seconds))
        for hours, seconds in zip(windows_h, known, strict=True)
    )


def _fleet(overview: Overview) -> Look:
    silent = [node.name for node in overview.silent]
    worst = overview.worst_stage
    sentence, level = f'{len(overview.nodes)} nodes', Level.OK
    if overview.refused:
        level = Level.WARN
        sentence += f', {overview.refused} more are not followed: raise max_nodes'
    if silent:
        level = Level.ERROR
        sentence += f', {len(silent)} silent: {", ".join(silent[:8])}'
    values: tuple[tuple[str, Value], ...] = (
        ('nodes', len(overview.nodes)),
        ('silent nodes', len(silent)),
        ('nodes with WARN', sum(_is(node.finding, Level.WARN) for node in overview.nodes)),
        ('nodes with ERROR', sum(_is(node.finding, Level.ERROR) for node in overview.nodes)),
        ('not followed', overview.refused),
        ('worst node', worst[0].name if worst else None),
        ('worst stage', worst[1].stage if worst else None),
        ('worst stage p50 [ms]', worst[1].p50 if worst else None),
        ('worst stage share [%]', _share(overview)),
    )
    return Look(Finding('fleet', level, sentence, hard=bool(silent)), values)


def _share(overview: Overview) -> float | None:
    """Returns the share of the worst stage in its node's latency [%]."""
    worst = overview.worst_stage
    if worst is None or not worst[0].figures.total.p50:
        return None
    return min(100 * (worst[1].p50 or 0.0) / worst[0].figures.total.p50, 100.0)


def _is(finding: Finding, level: Level) -> bool:
    return finding.level == level


def _availability(overview: Overview, target: float, problem: str) -> Look:
    below = [
        f'{node.name} {percent(seconds):.2f} % of {hours:g} h'
        for node in overview.nodes
        for hours, seconds in zip(overview.windows_h, node.availability, strict=True)
        if _below(seconds, target)
    ]
    whole = [one for one in overview.availability if _below(one, target)]
    level = Level.WARN if below or whole or problem else Level.OK
    texts = [f'below {target:g} %: {", ".join(below[:8])}'] if below else []
    if whole and not below:
        texts = [f'all together are below {target:g} %']
    sentence = '; '.join(filter(None, (*texts, problem))) or f'at least {target:g} %'
    values = (
        ('target [%]', target),
        *window_values(overview.windows_h, overview.availability),
        ('below target', len(below)),
    )
    return Look(Finding('availability', level, sentence), values)


def _below(seconds: Seconds, target: float) -> bool:
    share = percent(seconds)
    return (
        share is not None and share < target and seconds.available + seconds.unavailable >= LEAST_S
    )


def _budgets(overview: Overview) -> Look:
    over = [f'{node.name}: {what}' for node in overview.nodes for what in node.over]
    sentence = f'exceeded: {", ".join(over[:8])}' if over else 'all are kept'
    values = tuple(
        (f'over {what}', sum(what in node.over for node in overview.nodes))
        for what in ('latency', 'drops', 'memory')
    )
    return Look(Finding('budgets', Level.WARN if over else Level.OK, sentence), values)


def _restarts(overview: Overview) -> Look:
    often = [node for node in overview.nodes if node.recent_restarts >= MANY_RESTARTS]
    names = ', '.join(f'{node.name} {node.recent_restarts} times' for node in often[:8])
    sentence = f'started again within 10 min: {names}' if often else 'nothing starts again'
    values = (
        ('restarts', sum(node.restarts for node in overview.nodes)),
        ('restarts within 10 min', sum(node.recent_restarts for node in overview.nodes)),
    )
    return Look(Finding('restarts', Level.WARN if often else Level.OK, sentence), values)


def _advice(overview: Overview) -> Look:
    """Tells what would make nodes better: no fault, whatever it is."""
    advised = [node for node in overview.nodes if node.advice]
    told = [f'{node.name}: {one}' for node in advised for one in node.advice]
    more = f' {len(told) - MOST_TOLD} more in ~/summary.' if len(told) > MOST_TOLD else ''
    sentence = ' '.join(told[:MOST_TOLD]) + more if told else 'nothing to make better is seen'
    values = (('opportunities', len(told)), ('nodes with opportunities', len(advised)))
    return Look(Finding('advice', Level.OK, sentence), values)
