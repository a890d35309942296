"""Shows where a rollout is, in place in a terminal."""

from __future__ import annotations

import time

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ml_integration.demos.demo.view import BAR_WIDTH, View
from ml_integration.demos.rollout_demo.watcher import Told
from ml_integration.errors import escaped


class Screen:
    """Shows a rollout on a view.

    Args:
        view: where to.
        began_s: start of the demo [s, steady clock].
    """

    def __init__(self, view: View, began_s: float) -> None:
        self._view, self._began_s = view, began_s

    def show(self, told: Told) -> None:
        """Shows where it is."""
        elapsed_s = time.monotonic() - self._began_s
        line = f'{elapsed_s:5.1f} s    {position(told)}; {in_numbers(told)}'
        self._view.draw(picture(told), line, elapsed_s)


def picture(told: Told) -> Group:
    """Returns what a terminal shows: the candidate's share, and how it does."""
    head = Table.grid(padding=(0, 2))
    head.add_column(width=BAR_WIDTH)
    head.add_row(ProgressBar(100.0, told.percent, BAR_WIDTH), position(told))
    body = Table.grid(padding=(0, 2))
    for title, value in (('judge', told.sentence), ('so far', in_numbers(told))):
        body.add_row(title, Text(escaped(value), overflow='ellipsis', no_wrap=True))
    return Group(head, body)


def position(told: Told) -> str:
    """Returns how far it has come."""
    if not told.candidate:
        return 'no rollout'
    return f'{told.candidate} {told.phase}, {told.percent:.0f} % of the frames'


def in_numbers(told: Told) -> str:
    """Returns what is known of the candidate."""
    known = [f'{told.frames} frames']
    if told.disagreement is not None and told.limit is not None:
        known.append(f'disagreement {told.disagreement:.2f} (limit {told.limit:.2f})')
    if told.better is not None:
        known.append(f'{"better" if told.better >= 0 else "worse"} by {abs(told.better):.2f}')
    return ', '.join(known)
