"""Tables for a terminal; what strangers wrote in them steers nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ml_integration.errors import escaped

WIDE = 10_000
"""Columns of what is no terminal: nothing is wrapped or cut there."""
LONGEST_NAME = 30
"""Characters of a first cell that are not broken."""
STYLES = {'active': 'green', 'ok': 'green', 'quarantined': 'red', 'bad': 'red', 'previous': 'cyan'}
"""Colors of words that are cells."""


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a table: its heading, and whether its cells are numbers."""

    heading: str
    numbers: bool = False


def console(stream: TextIO | None = None, error: bool = False) -> Console:
    """Makes a console that takes text as it is: no markup, no emoji, no colors of its own.

    Args:
        stream: where to write; stdout if not given.
        error: whether it is stderr instead.
    """
    stream = stream or (sys.stderr if error else sys.stdout)
    terminal = stream is not None and stream.isatty()
    width = None if terminal else WIDE
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def show_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    title: str = '',
    stream: TextIO | None = None,
    headings: bool = True,
) -> None:
    """Prints a table; without a terminal as plain lines.

    Args:
        columns: from left to right.
        rows: cells, as many as there are columns.
        title: a line above it.
        stream: where to write; stdout if not given.
        headings: whether to print them.
    """
    table = Table(box=None, show_header=headings, pad_edge=False, header_style='bold')
    for number, column in enumerate(columns):
        # What a row is about stays in one piece as long as it is a name.
        longest = max((len(row[0]) for row in rows), default=0) if number == 0 else 0
        justify = 'right' if column.numbers else 'left'
        table.add_column(
            Text(column.heading),
            justify=justify,  # type: ignore[arg-type]
            overflow='fold',
            min_width=min(longest, LONGEST_NAME) or None,
        )
    for row in rows:
        table.add_row(*(Text(escaped(cell), STYLES.get(cell, '')) for cell in row))
    place = console(stream)
    with place.capture() as captured:
        if title:
            place.print(Text(escaped(title), 'bold'))
        place.print(table)
    lines = (line.rstrip() for line in captured.get().splitlines())
    print('\n'.join(lines), file=place.file, flush=True)
