"""What `/diagnostics` says about the messages of one camera or several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ml_integration.core.health import Finding, Health, Level
from ml_integration.core.stats import Counts, InputStats, Stats
from ml_integration.ros.messages.endpoint import Wire, fragmentation

Values = Iterable[tuple[str, object]]


def input_finding(health: Health, stats: Stats, wires: Sequence[Wire]) -> Finding:
    """What is wrong with the input of any camera; the rates when nothing is."""
    findings = [_with_wire(*each) for each in zip(health.inputs, wires, stats.inputs, strict=True)]
    level = max(finding.level for finding in findings)
    if level != Level.OK:
        wrong = (finding.sentence for finding in findings if finding.level != Level.OK)
        return Finding('input', level, ' | '.join(wrong))
    rates = (f'{w.camera} {f.sentence}'.strip() for f, w in zip(findings, wires, strict=True))
    return Finding('input', level, ', '.join(rates))


def input_values(stats: Stats, wires: Sequence[Wire]) -> Values:
    """Topic, publishers, rate, size and age of each camera's messages."""
    for wire, one in zip(wires, stats.inputs, strict=True):
        of = _of(wire)
        yield f'{of}topic', wire.topic
        yield f'{of}publishers', wire.publishers
        yield f'{of}rate', f'{one.hz:.2f} Hz'
        yield f'{of}lost on the way', one.total.lost
        yield f'{of}serialized', f'{one.serialized_bytes} bytes'
        age = f'{one.age} ms' if one.age else 'no results'
        yield f'{of}age at result p50 / p95 / p99', age


def drops_finding(health: Health, stats: Stats, wires: Sequence[Wire]) -> Finding:
    """How many frames are dropped, and whether it is because of a clock."""
    finding = health.of('drops')
    late = [w for w, one in zip(wires, stats.inputs, strict=True) if _all_stale(one.recent)]
    if not late:
        return finding
    whose = ' or '.join(wire.camera for wire in late)
    which = f'every frame of {whose}' if whose else 'every frame'
    hint = f'; {which} is too old: does the publisher use the same clock (use_sim_time)?'
    return Finding('drops', Level.ERROR, finding.sentence + hint)


def drop_values(stats: Stats, wires: Sequence[Wire]) -> Values:
    """How many frames came and were dropped, of all cameras and of each."""
    yield from _dropped('', stats.total)
    for wire, one in zip(wires, stats.inputs, strict=True):
        if wire.camera:
            yield from _dropped(_of(wire), one.total)


def _dropped(of: str, counts: Counts) -> Values:
    yield f'{of}received', counts.received
    yield f'{of}displaced', counts.displaced
    yield f'{of}stale', counts.stale


def _all_stale(recent: Counts) -> bool:
    return bool(recent.received) and recent.stale >= recent.received - recent.displaced


def _of(wire: Wire) -> str:
    """What the names of a camera's values begin with."""
    return f'{wire.camera}: ' if wire.camera else ''


def _with_wire(finding: Finding, wire: Wire, stats: InputStats) -> Finding:
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
