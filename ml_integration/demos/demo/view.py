"""The demo's picture of itself in a terminal: redrawn in place, or lines where that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ml_integration.cli.tables import console
from ml_integration.demos.demo.node_report import NodeReport
from ml_integration.demos.demo.results import Results, in_words
from ml_integration.errors import escaped

BAR_WIDTH = 40
LINE_PERIOD_S = 2.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Things to show: time since the start and in all [s], results, the node's report."""

    elapsed_s: float
    seconds: float
    results: Results
    report: NodeReport


class View:
    """Writes moments to a stream.

    Args:
        stream: where to; redrawn in place when it is a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = console(stream)
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._next_s = LINE_PERIOD_S

    def say(self, text: str) -> None:
        """Writes a line that stays."""
        self.rest()
        self._console.file.write(f'{text}\n')
        self._console.file.flush()

    def table(self, table: Table) -> None:
        """Writes a table that stays."""
        with self._console.capture() as captured:
            self._console.print(table)
        for line in captured.get().splitlines():
            self.say(line.rstrip())

    def show(self, moment: Moment) -> None:
        """Shows a moment; without a terminal, every two seconds."""
        line = '; '.join([position(moment), *map(' '.join, rows(moment))])
        self.draw(picture(moment), line, moment.elapsed_s)

    def draw(self, picture: RenderableType, line: str, elapsed_s: float) -> None:
        """Shows a picture in place; without a terminal a line, every two seconds.

        Args:
            picture: for a terminal.
            line: the same in one line.
            elapsed_s: time since the start [s].
        """
        if self._console.is_interactive:
            self._live.start()
            self._live.update(picture, refresh=True)
        elif elapsed_s >= self._next_s:
            self._next_s += LINE_PERIOD_S
            self.say(line)

    def rest(self) -> None:
        """Leaves the last moment where it is, and gives the cursor back."""
        self._live.stop()


def picture(moment: Moment) -> Group:
    """Returns what a terminal shows: a bar with the time, and what is measured."""
    bar = ProgressBar(moment.seconds, min(moment.elapsed_s, moment.seconds), BAR_WIDTH)
    table = Table.grid(padding=(0, 2))
    for title, value in rows(moment):
        table.add_row(title, Text(escaped(value), overflow='ellipsis', no_wrap=True))
    head = Table.grid(padding=(0, 2))
    head.add_column(width=BAR_WIDTH)
    head.add_row(bar, position(moment))
    return Group(head, table)


def position(moment: Moment) -> str:
    """Returns how far it has come."""
    return f'{moment.elapsed_s:4.1f} / {moment.seconds:g} s'


def rows(moment: Moment) -> list[tuple[str, str]]:
    """Lists what is measured, as titles and values."""
    report, results = moment.report, moment.results
    latency = results.latency
    spent = f'p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms' if latency else 'no result yet'
    latest = in_words(results.all[-1].detections) if results.all else ''
    return [
        ('rate', f'{report.input_hz:.1f} frames/s in, {results.hz:.1f} results/s out'),
        ('latency', f'{spent} (from the stamp to the arrival of the result)'),
        ('dropped', f'{report.dropped} of {report.received} frames'),
        ('detections', latest or 'nothing in the latest frame'),
    ]
