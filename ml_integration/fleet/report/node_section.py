"""What a page says of one node: levels, times, counts, resources, sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ml_integration.fleet.figures import stages_of
from ml_integration.fleet.report.history import NodeHistory, Shown
from ml_integration.fleet.report.plots import (
    COLORS,
    FOOT,
    ROW,
    WIDE,
    Line,
    Values,
    clock,
    histogram_plot,
    level_plot,
    lines_plot,
    stacked_plot,
)
from ml_integration.fleet.report.series import Series
from ml_integration.fleet.report.totals import histogram
from ml_integration.fleet.report.words import figure, level, text

OURS = ('model', 'input', 'latency', 'drops', 'results', 'errors')
"""Statuses with plots of their own; of others, each number is a small plot."""
COUNTED = re.compile(r'(error: (?P<error>.+): count|(?P<reason>(invalid|omitted): .+))')
LONGEST_CONCERN = 40
MOST_SMALL = 48
"""Small plots of a node."""
RATE = 'rate [Hz]'
Named = tuple[str, str]
"""Name and color of what a plot shows."""


def node_section(node: NodeHistory, seconds: float, number: int) -> str:
    """Writes the section.

    Args:
        node: the node.
        seconds: time of the whole [s].
        number: of the section.
    """
    parts = (
        _head(node),
        _levels(node, seconds),
        _sentences(node),
        _advice(node),
        _rates(node, seconds),
        _shares(node, seconds),
        _stages(node, seconds),
        _histogram(node),
        _counted(node),
        _others(node, seconds),
    )
    return f'<section id="node-{number}">{"".join(parts)}</section>'


def _head(node: NodeHistory) -> str:
    lines = [
        f'<p class="dim">{clock(one.since_s)} {text(one.model)} on {text(one.provider)}, '
        f'verified by {text(one.verified_by)}, sha256 <code>{text(one.sha256)}</code></p>'
        for one in node.identities
    ]
    return f'<h2>{text(node.name)} {level(node.worst.name)}</h2>{"".join(lines)}'


def _levels(node: NodeHistory, seconds: float) -> str:
    names = ''.join(f'<li>{text(name)}</li>' for name in node.statuses)
    rows = [history.stretches for history in node.statuses.values()]
    styles = ''.join(
        f'<span><i class="{shown.name}"></i>{shown.name}</span>'
        for shown in Shown
        if any(one.shown == shown for row in rows for one in row)
    )
    plot = level_plot(rows, seconds)
    ol = f'<ol style="grid-template-rows: repeat({len(rows)}, {ROW}fr) {FOOT}fr">{names}</ol>'
    return f'<h3>Levels</h3><div class="legend">{styles}</div><div class="rows">{ol}{plot}</div>'


def _sentences(node: NodeHistory) -> str:
    said = sorted(node.sentences.values(), key=lambda one: (-one.level, one.first_s))
    if not said:
        return ''
    rows = ''.join(
        f'<tr><td>{level(one.level.name)}</td><td>{text(one.concern[:LONGEST_CONCERN])}</td>'
        f'<td class="w">{text(one.text)}</td><td class="n">{clock(one.first_s)}</td>'
        f'<td class="n">{clock(one.last_s)}</td><td class="n">{one.count}</td></tr>'
        for one in said
    )
    heads = ''.join(f'<th>{head}</th>' for head in ('level', 'status', 'sentence, as said last'))
    heads += ''.join(f'<th class="n">{head}</th>' for head in ('first', 'last', 'times'))
    return f'<h3>Sentences</h3><table><tr>{heads}</tr>{rows}</table>'


def _advice(node: NodeHistory) -> str:
    """Writes what would have made it better; what lasted longest comes first."""
    if not node.advised:
        return ''
    told = sorted(node.advised.values(), key=lambda one: one.first_s - one.last_s)
    rows = ''.join(
        f'<tr><td class="w">{text(one.advice.symptom)}: {text(one.advice.cause)}</td>'
        f'<td class="w">{text(one.advice.remedy)}</td><td class="w">{text(one.advice.gain)}</td>'
        f'<td class="n">{clock(one.first_s)}</td><td class="n">{clock(one.last_s)}</td></tr>'
        for one in told
    )
    heads = ''.join(f'<th>{head}</th>' for head in ('seen', 'what to do', 'gain'))
    heads += ''.join(f'<th class="n">{head}</th>' for head in ('first', 'last'))
    return f'<h3>What would make it better</h3><table><tr>{heads}</tr>{rows}</table>'


def _rates(node: NodeHistory, seconds: float) -> str:
    """Draws results and messages per second, and the share of frames that were dropped."""
    results, entry, drops = node.of('results'), node.of('input'), node.of('drops')
    named = [('results', results, RATE)]
    for key in entry.keys:
        if key == RATE or key.endswith(f': {RATE}'):
            source = key.removesuffix(RATE).removesuffix(': ')
            named.append((f'received {source}', entry, key))
    shown = [one for one in named if one[2] in one[1].keys][: len(COLORS)]
    if not shown:
        return ''
    lines = [
        Line(_times(series), _values(series, key), COLORS[number])
        for number, (_, series, key) in enumerate(shown)
    ]
    legend = _legend([(name, COLORS[number]) for number, (name, _, _) in enumerate(shown)])
    plot = f'<h3>Rates [Hz]</h3>{legend}{lines_plot(lines, seconds, WIDE)}'
    if 'received' not in drops.keys:
        return plot
    share = Line(_times(drops), _drop_percent(drops), COLORS[1])
    return f'{plot}<h3>Dropped frames [%]</h3>{lines_plot([share], seconds, WIDE)}'


def _drop_percent(drops: Series) -> Values:
    received, displaced, stale = (
        np.fromiter(drops.increases(key), np.float64) for key in ('received', 'displaced', 'stale')
    )
    shares = np.zeros(len(received))
    np.divide(100 * (displaced + stale), received, out=shares, where=received > 0)
    shares[:1] = np.nan  # nothing is known of the time before
    return np.minimum(shares, 100.0)


def _shares(node: NodeHistory, seconds: float) -> str:
    latency = node.of('latency')
    names = list(stages_of(latency.keys))
    if not names:
        return ''
    layers = [_values(latency, f'{name} p50 [ms]') for name in names]
    legend = _legend([(name, COLORS[n % len(COLORS)]) for n, name in enumerate(names)])
    plot = stacked_plot(_times(latency), layers, seconds)
    return f'<h3>Where the time goes: shares of the medians</h3>{legend}{plot}'


def _stages(node: NodeHistory, seconds: float) -> str:
    latency = node.of('latency')
    stages = list(stages_of(latency.keys))
    if not stages:
        return ''
    colors = (COLORS[0], COLORS[1], COLORS[6])
    shares = ('p50', 'p95', 'p99')
    cards = []
    for name in ('total', *stages):
        keys = [f'{name} {share} [ms]' for share in shares]
        lines = [
            Line(_times(latency), _values(latency, key), color, dashed=key is keys[2])
            for key, color in zip(keys, colors, strict=True)
        ]
        newest = ' / '.join(figure(latency.newest(key)) for key in keys)
        cards.append(_card(name, newest, lines_plot(lines, seconds)))
    legend = _legend(list(zip(shares, colors, strict=True)))
    return f'<h3>Times by stage [ms]</h3>{legend}<div class="cards">{"".join(cards)}</div>'


def _histogram(node: NodeHistory) -> str:
    buckets = histogram(node)
    if not sum(bucket.count for bucket in buckets):
        return ''
    names = ['0', *(bucket.bound for bucket in buckets)]
    ranges = [f'> {low}' if high == 'inf' else f'{low}-{high}' for low, high in pairwise(names)]
    plot = histogram_plot(ranges, [bucket.count for bucket in buckets])
    return f'<h3>Frames by their whole time [ms]</h3>{plot}'


def _counted(node: NodeHistory) -> str:
    """Writes errors by type, and results that were held back or lack something, by reason."""
    counts: list[tuple[str, float]] = []
    for series in (node.of('errors'), node.of('results')):
        for key in series.keys:
            if match := COUNTED.fullmatch(key):
                name = f'error: {match["error"]}' if match['error'] else match['reason']
                counts.append((name, series.counted(key)))
    counts = sorted(((n, c) for n, c in counts if c), key=lambda pair: -pair[1])[:30]
    if not counts:
        return ''
    most = counts[0][1]
    rows = ''.join(
        f'<tr><td class="w">{text(name)}</td><td class="n">{figure(count)}</td><td class="bar" '
        f'style="width: 50%"><i style="width: {100 * count / most:.1f}%"></i></td></tr>'
        for name, count in counts
    )
    return f'<h3>Errors by type, results held back by reason</h3><table>{rows}</table>'


def _others(node: NodeHistory, seconds: float) -> str:
    """Draws each number of the other statuses, such as those of resources or drift."""
    sections, left = [], MOST_SMALL
    for name, history in node.statuses.items():
        if name in OURS or not history.series.keys:
            continue
        series = history.series
        moving = [key for key in series.keys if _moves(series, key)]
        still = [
            f'{text(key)} {figure(series.newest(key))}' for key in series.keys if key not in moving
        ]
        cards = [_small(series, key, seconds) for key in moving[:left]]
        left -= len(cards)
        constant = f'<p class="dim">all the time: {", ".join(still)}</p>' if still else ''
        grid = f'<div class="cards">{"".join(cards)}</div>'
        sections.append(f'<h3>{text(name)}</h3>{constant}{grid}')
    return ''.join(sections)


def _moves(series: Series, key: str) -> bool:
    known = _values(series, key)
    known = known[np.isfinite(known)]
    return bool(len(known)) and bool(known.min() < known.max())


def _small(series: Series, key: str, seconds: float) -> str:
    line = Line(_times(series), _values(series, key))
    return _card(key, figure(series.newest(key)), lines_plot([line], seconds))


def _card(name: str, newest: str, plot: str) -> str:
    return f'<div class="card"><span>{newest}</span><b>{text(name)}</b>{plot}</div>'


def _legend(named: Sequence[Named]) -> str:
    items = (f'<span><i style="background: {c}"></i>{text(name)}</span>' for name, c in named)
    return f'<div class="legend">{"".join(items)}</div>'


def _times(series: Series) -> Values:
    return np.array(series.times_s, np.float64)


def _values(series: Series, key: str) -> Values:
    return np.array(series.values(key), np.float64)
