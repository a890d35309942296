"""The demo's picture of itself in a terminal: redrawn in place, or lines where that cannot be."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TextIO

from ml_integration.demos.demo.node_report import NodeReport
from ml_integration.demos.demo.results import Results, in_words

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
        self._stream = stream
        self._terminal = stream.isatty()
        self._lines = 0
        self._next_s = LINE_PERIOD_S

    def say(self, text: str) -> None:
        """Writes a line that stays."""
        self._stream.write(f'{text}\n')
        self._stream.flush()
        self._lines = 0

    def show(self, moment: Moment) -> None:
        """Shows a moment; without a terminal, every two seconds."""
        if self._terminal:
            self._redraw([bar(moment), *map('  '.join, rows(moment))])
        elif moment.elapsed_s >= self._next_s:
            self._next_s += LINE_PERIOD_S
            position = f'{moment.elapsed_s:4.1f} / {moment.seconds:g} s'
            self.say(
                '; '.join([position, *(' '.join(map(str.strip, row)) for row in rows(moment))])
            )

    def _redraw(self, lines: list[str]) -> None:
        width = shutil.get_terminal_size().columns - 1
        up = f'\x1b[{self._lines}F' if self._lines else ''
        body = ''.join(f'\x1b[2K{line[:width]}\n' for line in lines)
        self._stream.write(up + body)
        self._stream.flush()
        self._lines = len(lines)


def bar(moment: Moment) -> str:
    """A progress bar with the time."""
    done = min(moment.elapsed_s / moment.seconds, 1.0)
    full = round(done * BAR_WIDTH)
    blocks = '#' * full + '-' * (BAR_WIDTH - full)
    return f'[{blocks}] {moment.elapsed_s:4.1f} / {moment.seconds:g} s'


def rows(moment: Moment) -> list[tuple[str, str]]:
    """Lists what is measured, as titles and values."""
    report, results = moment.report, moment.results
    latency = results.latency
    spent = f'p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms' if latency else 'no result yet'
    latest = in_words(results.all[-1].detections) if results.all else ''
    return [
        ('rate      ', f'{report.input_hz:.1f} frames/s in, {results.hz:.1f} results/s out'),
        ('latency   ', f'{spent} (from the stamp to the arrival of the result)'),
        ('dropped   ', f'{report.dropped} of {report.received} frames'),
        ('detections', latest or 'nothing in the latest frame'),
    ]
