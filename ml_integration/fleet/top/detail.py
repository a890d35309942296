"""One node in detail: the times of its stages as bars, and its sentences."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ml_integration.fleet.figures import StageTimes
from ml_integration.fleet.latest import Node
from ml_integration.fleet.status import Status
from ml_integration.fleet.top.words import level_of, level_text, number, plain

SIDE_BY_SIDE = 110
"""Cells from which sentences have room beside the bars."""
GAP = 2
BAR = 30
"""Cells of a bar where the width is not known."""
NUMBERS = 33
"""Cells of a bar's row that are not the bar."""
LONGEST_NAME = 11
LONGEST_CONCERN = 20
EIGHTHS = ' ▏▎▍▌▋▊▉'
STYLES = {'infer': 'cyan', 'wait': 'yellow', 'total': 'bold'}
"""Colors of bars; the work around the model is blue."""
MOST_VALUES = 40
"""Values of a node that has no stages."""


def node_detail(node: Node, width: int | None) -> RenderableType:
    """Makes what is shown of one node.

    Args:
        node: the node.
        width: cells that there are; None: as many as it takes, without a terminal.
    """
    beside = width is not None and width >= SIDE_BY_SIDE
    numbers = _numbers(node, (width or 0) // 2 - GAP if beside else width)
    sentences = sentence_table(node, width is None, width is None or beside)
    if numbers is None:
        return Group(headline(node), sentences)
    if not beside:
        return Group(headline(node), numbers, Text(''), sentences)
    sides = Table.grid(padding=(0, GAP, 0, 0), expand=True)
    sides.add_column(ratio=1)
    sides.add_column(ratio=1)
    sides.add_row(numbers, sentences)
    return Group(headline(node), sides)


def _numbers(node: Node, width: int | None) -> Table | None:
    """Makes the table of what a node counts and measures; None if it tells no numbers."""
    if node.figures.stages:
        return stage_table(node, width)
    return value_table(node) if any(status.values for status in node.statuses) else None


def detail_rows(node: Node, width: int) -> int:
    """Returns the rows that a node takes, if no sentence needs more than one."""
    numbers = sum(len(status.values) for status in node.statuses)
    if node.figures.stages:
        numbers = len(node.figures.stages) + 2
    rows, sentences = min(numbers, MOST_VALUES), len(node.statuses) + len(node.advice)
    return 1 + (max(rows, sentences) if width >= SIDE_BY_SIDE else rows + 1 + sentences)


def headline(node: Node) -> Text:
    """Writes who it is, on one line."""
    found = node.figures
    silent = f'silent for {node.silent_s:.0f} s' if node.stale else ''
    parts = (found.state, found.model, found.provider, silent)
    line = Text.assemble(plain(node.name, 'bold'), '  ', level_of(node))
    for part in filter(None, parts):
        line.append('  ')
        line.append_text(plain(part))
    line.no_wrap, line.overflow = True, 'ellipsis'
    return line


def stage_table(node: Node, width: int | None) -> Table:
    """Makes a row for each stage: a bar up to the median, a line from there to p95."""
    found = node.figures
    rows = [*found.stages, found.total]
    longest = max((times.p95 or times.p50 or 0.0 for times in rows), default=0.0)
    cells = BAR if width is None else max(width - NUMBERS, 4)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style='dim')
    table.add_column('stage', no_wrap=True, width=LONGEST_NAME)
    table.add_column('', no_wrap=True, width=cells)
    for heading in ('p50 ms', 'p95 ms', 'p99 ms'):
        table.add_column(heading, justify='right', no_wrap=True, width=6)
    for times in rows:
        style = STYLES.get(times.stage, 'blue')
        figures = (number(value) for value in (times.p50, times.p95, times.p99))
        table.add_row(plain(times.stage), bar(times, longest, cells, style), *figures)
    return table


def bar(times: StageTimes, longest: float, cells: int, style: str) -> Text:
    """Draws a bar up to p50 and a line on to p95.

    Args:
        times: of the stage.
        longest: the time that fills all cells [ms].
        cells: how many there are.
        style: of the bar.
    """
    if times.p50 is None or longest <= 0:
        return Text('')
    eighths = min(max(round(8 * cells * times.p50 / longest), 1), 8 * cells)
    whole, rest = divmod(eighths, 8)
    drawn = '█' * whole + (EIGHTHS[rest] if rest else '')
    end = min(round(cells * (times.p95 or 0.0) / longest), cells)
    line = '─' * (end - len(drawn) - 1) + '┤' if end > len(drawn) else ''
    return Text.assemble((drawn, style), (line, 'dim'), no_wrap=True)


def sentence_table(node: Node, endless: bool, wrapped: bool) -> Table:
    """Makes a row for each status, the worst ones first, and one for each advice.

    Args:
        node: the node.
        endless: whether lines have no end.
        wrapped: whether a sentence may take several lines.
    """
    table = Table.grid(padding=(0, GAP, 0, 0), expand=not endless)
    names = (*map(_concern, node.statuses), *(plain(one.kind) for one in node.advice))
    longest = max((name.cell_len for name in names), default=0)
    table.add_column(no_wrap=True, min_width=5)
    table.add_column(no_wrap=True, width=min(longest, LONGEST_CONCERN), overflow='ellipsis')
    ratio = None if endless else 1  # what it leaves to the others is theirs
    table.add_column(no_wrap=not wrapped, overflow='fold' if wrapped else 'ellipsis', ratio=ratio)
    for level, name, sentence in _sentences(node):
        if wrapped:
            sentence.no_wrap, sentence.overflow = False, 'fold'
        table.add_row(level, name, sentence)
    return table


def _sentences(node: Node) -> Iterator[tuple[Text, Text, Text]]:
    """Yields levels, names and sentences; what is well stands last."""
    ordered = sorted(node.statuses, key=lambda status: -status.level)
    for status in (one for one in ordered if one.level):
        level = Text('STALE', 'dim') if status.stale else level_text(status.level)
        yield level, _concern(status), plain(status.message)
    for advice in node.advice:
        yield Text('TIP', 'cyan'), plain(advice.kind), plain(str(advice))
    for status in (one for one in ordered if not one.level):
        yield level_text(status.level), _concern(status), plain(status.message, 'dim')


def _concern(status: Status) -> Text:
    return plain(status.concern or status.name)


def value_table(node: Node) -> Table:
    """Makes a row for each value of a node that tells no times."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, max_width=32, overflow='ellipsis')
    table.add_column(no_wrap=True, overflow='ellipsis')
    pairs = (pair for status in node.statuses for pair in status.values.items())
    for key, value in islice(pairs, MOST_VALUES):
        table.add_row(plain(key, 'dim'), plain(value))
    return table
