"""The table of nodes: one row each, and as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.table import Table
from rich.text import Text

from ml_integration.fleet.latest import Node
from ml_integration.fleet.top.words import level_of, number, plain

NARROW = 110
"""Cells below which headings are short and columns close together."""
NOTABLE_DROPS = 0.05
MARK = '▸'
Justify = Literal['left', 'right']


@dataclass(frozen=True, slots=True)
class Column:
    """Column of the table.

    Attributes:
        heading: with the unit.
        short: heading where there is little room.
        cell: writes the cell of a node.
        width: cells that it needs.
        rank: columns of a low rank are the last ones to go.
        widest: cells that it can use, of texts.
    """

    heading: str
    short: str
    cell: Callable[[Node], Text]
    width: int
    rank: int
    widest: int = 0

    @property
    def justify(self) -> Justify:
        return 'left' if self.widest else 'right'


def _drops(node: Node) -> Text:
    ratio = node.drop_ratio
    style = 'yellow' if ratio is not None and ratio >= NOTABLE_DROPS else ''
    return number(None if ratio is None else 100 * ratio, style)


def _count(value: float | None) -> Text:
    return number(value, 'red' if value else '')


COLUMNS = (
    Column('node', 'node', lambda node: plain(node.name), 12, 0, 48),
    Column('level', 'level', level_of, 5, 1, 5),
    Column('state', 'state', lambda node: plain(node.figures.state), 6, 8, 12),
    Column('model', 'model', lambda node: plain(node.figures.model), 12, 6, 32),
    Column('Hz', 'Hz', lambda node: number(node.figures.rate_hz), 4, 2),
    Column('p50 ms', 'p50', lambda node: number(node.figures.total.p50), 5, 3),
    Column('p95 ms', 'p95', lambda node: number(node.figures.total.p95), 5, 4),
    Column('age ms', 'age', lambda node: number(node.figures.age_ms), 5, 9),
    Column('drop %', 'drop%', _drops, 5, 5),
    Column('invalid', 'inv', lambda node: _count(node.figures.counts.invalid), 3, 10),
    Column('errors', 'err', lambda node: _count(node.figures.counts.failed), 3, 7),
    Column('cpu %', 'cpu%', lambda node: number(node.figures.cpu_percent), 4, 11),
    Column('MB', 'MB', lambda node: number(node.figures.rss_mb), 4, 12),
    Column('on', 'on', lambda node: plain(node.figures.provider), 8, 13, 24),
)


def node_table(nodes: Sequence[Node], width: int | None, chosen: Node | None = None) -> Table:
    """Makes the table.

    Args:
        nodes: the rows.
        width: cells that there are; None: as many as it takes.
        chosen: the node that is marked.
    """
    narrow = width is not None and width < NARROW
    gap = 1 if narrow else 2
    columns = COLUMNS if width is None else fitting(width)
    widths = [None] * len(columns) if width is None else _widths(columns, nodes, width, gap)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style='bold')
    table.add_column('', width=1)
    for column, cells in zip(columns, widths, strict=True):
        heading = Text(column.short if narrow else column.heading)
        table.add_column(heading, justify=column.justify, width=cells, no_wrap=True)
    for node in nodes:
        mark = MARK if chosen is not None and node.name == chosen.name else ''
        style = 'dim' if node.stale else ''
        table.add_row(mark, *(column.cell(node) for column in columns), style=style)
    return table


def fitting(width: int) -> tuple[Column, ...]:
    """Returns the columns that there is room for, those of the lowest ranks."""
    gap = 1 if width < NARROW else 2
    kept: list[Column] = []
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        if kept and _needed([*kept, column], gap) > width:
            break
        kept.append(column)
    return tuple(column for column in COLUMNS if column in kept)


def _needed(columns: Iterable[Column], gap: int) -> int:
    return 1 + sum(_least(column, gap) + gap for column in columns)


def _least(column: Column, gap: int) -> int:
    return max(column.width, len(column.short if gap == 1 else column.heading))


def _widths(columns: Sequence[Column], nodes: Sequence[Node], width: int, gap: int) -> list[int]:
    """Returns the cells of each column; what is left over goes to those that can use it."""
    left = max(width - _needed(columns, gap), 0)
    widths = []
    for column in columns:
        wanted = max((column.cell(node).cell_len for node in nodes), default=0)
        least = _least(column, gap)
        more = min(max(min(wanted, column.widest) - least, 0), left)
        widths.append(least + more)
        left -= more
    return widths
