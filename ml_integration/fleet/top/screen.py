"""The whole view: how many nodes are how, the nodes, and one of them in detail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.rule import Rule
from rich.text import Text

from ml_integration.core.findings import Level
from ml_integration.fleet.latest import Node, worst_first
from ml_integration.fleet.top.detail import detail_rows, node_detail
from ml_integration.fleet.top.table import node_table
from ml_integration.fleet.top.words import LEVEL_STYLES

DETAIL_ROWS = 15
"""Rows that are kept for the node in detail: a line, its name, stages, some sentences."""
LEAST_ROWS = 3
KEYS = ' q quit   ↑ ↓ choose   w the worst one'
NOBODY = 'Nobody is heard on /diagnostics.'


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a terminal [cells]."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Name of the node that is shown in detail; empty: the worst one, whichever it is."""

    name: str = ''

    def of(self, nodes: Sequence[Node]) -> Node | None:
        """Returns the chosen node; the worst one if it is gone."""
        named = (node for node in nodes if node.name == self.name)
        return next(named, None) or next(iter(worst_first(nodes)), None)

    def moved(self, nodes: Sequence[Node], steps: int) -> Choice:
        """Returns the choice of another row, so many below."""
        chosen = self.of(nodes)
        if chosen is None:
            return self
        row = next(row for row, node in enumerate(nodes) if node.name == chosen.name)
        return Choice(nodes[min(max(row + steps, 0), len(nodes) - 1)].name)


def screen(nodes: Sequence[Node], choice: Choice, size: Size, place: str) -> Layout:
    """Fills a terminal.

    Args:
        nodes: all that were heard, in the order of the rows.
        choice: the node in detail.
        size: of the terminal.
        place: where they were heard.
    """
    chosen = choice.of(nodes)
    rows = max(min(len(nodes), size.height - DETAIL_ROWS - 3), min(LEAST_ROWS, len(nodes)))
    first = _first_row(nodes, chosen, rows)
    shown = nodes[first : first + rows]
    layout = Layout()
    layout.split_column(
        Layout(_summary(nodes, place, len(nodes) - len(shown)), size=1),
        Layout(node_table(shown, size.width, chosen), size=rows + 1),
        *_details(nodes, chosen, Size(size.width, size.height - rows - 3)),
        Layout(Text(KEYS, 'dim', no_wrap=True, overflow='crop'), size=1),
    )
    return layout


def _details(nodes: Sequence[Node], chosen: Node | None, room: Size) -> Iterator[Layout]:
    """Yields the chosen node in detail, and the worst others as long as there is room."""
    if chosen is None:
        yield Layout(Text(NOBODY), ratio=1)
        return
    left, shown = room.height, []
    for node in (chosen, *(other for other in worst_first(nodes) if other is not chosen)):
        rows = detail_rows(node, room.width) + 2
        if node is not chosen and rows > left:
            break
        left -= rows
        shown.append(Layout(node_detail(node, room.width), size=rows - 1))
    shown[-1].size = None  # the last one takes what is left
    for layout in shown:
        yield Layout(Rule(style='dim'), size=1)
        yield layout


def printed(nodes: Sequence[Node], choice: Choice, width: int | None, place: str) -> Group:
    """Makes the same to be printed once, as long as it is.

    Args:
        nodes: all that were heard.
        choice: the node in detail.
        width: of the terminal [cells]; None if there is none.
        place: where they were heard.
    """
    chosen = choice.of(nodes)
    parts: list[RenderableType] = [_summary(nodes, place, 0), node_table(nodes, width)]
    if chosen is not None:
        parts += [Text(''), node_detail(chosen, width)]
    return Group(*parts)


def _summary(nodes: Sequence[Node], place: str, hidden: int) -> Text:
    """Counts the nodes by how they are."""
    line = Text('ml_top', 'bold', no_wrap=True, overflow='ellipsis', end='')
    line = Text.assemble(line, (f'  {len(nodes)} {"node" if len(nodes) == 1 else "nodes"}', ''))
    for level in reversed(Level):
        count = sum(node.figures.level == level and not node.stale for node in nodes)
        if count:
            line.append(f'  {count} {level.name}', LEVEL_STYLES[level])
    if stale := sum(node.stale for node in nodes):
        line.append(f'  {stale} STALE', 'dim')
    if hidden:
        line.append(f'  {hidden} not shown', 'dim')
    line.append(f'  {place}', 'dim')
    line.no_wrap, line.overflow = True, 'ellipsis'
    return line


def _first_row(nodes: Sequence[Node], chosen: Node | None, rows: int) -> int:
    """Returns the first row to show, so that the chosen one is seen."""
    names = [node.name for node in nodes]
    row = names.index(chosen.name) if chosen else 0
    return min(max(row - rows // 2, 0), max(len(nodes) - rows, 0))
