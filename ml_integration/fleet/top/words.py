"""Numbers, levels and other people's texts as cells of a terminal."""

from __future__ import annotations

from rich.text import Text

from ml_integration.core.findings import Level
from ml_integration.errors import escaped
from ml_integration.fleet.latest import Node

UNKNOWN = '-'
STALE = 'STALE'
LEVEL_STYLES = {Level.OK: 'green', Level.WARN: 'bold yellow', Level.ERROR: 'bold red'}


def plain(text: str, style: str = '') -> Text:
    """Makes a text of one line that steers nothing, cut where there is no room."""
    words = ' '.join(escaped(text.replace('\n', ' ').replace('\t', ' ')).split())
    return Text(words or UNKNOWN, style if words else 'dim', no_wrap=True, overflow='ellipsis')


def number(value: float | None, style: str = '') -> Text:
    """Writes a number in at most six characters."""
    return Text(in_figures(value), 'dim' if value is None else style, no_wrap=True)


def in_figures(value: float | None) -> str:
    """Writes a number as short as it can be read."""
    if value is None:
        return UNKNOWN
    for limit, unit in ((1e12, 'T'), (1e9, 'G'), (1e6, 'M'), (1e5, 'k')):
        if abs(value) >= limit:
            scale = {'T': 1e12, 'G': 1e9, 'M': 1e6, 'k': 1e3}[unit]
            return f'{value / scale:.0f}{unit}' if abs(value) < 1e15 else '>999T'
    return f'{value:.1f}' if abs(value) < 100 and value != int(value) else f'{value:.0f}'


def level_of(node: Node) -> Text:
    """Writes how a node is."""
    if node.stale:
        return Text(STALE, 'dim')
    return level_text(node.figures.level)


def level_text(level: Level) -> Text:
    """Writes a level in its color."""
    return Text(level.name, LEVEL_STYLES[level], no_wrap=True)
