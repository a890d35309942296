"""A run as a picture: three groups of bars, written as SVG by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.side_by_side.report import Cell, Report, Row

BAR, GAP, LEFT, WIDTH, RIGHT = 18, 6, 150, 420, 70
HEADING = 34
COLORS = {'run': '#9aa5b1', 'outside': '#d9534f', 'plain': '#3b7dd8'}


@dataclass(frozen=True, slots=True)
class Bar:
    """A subject's bar: parts of it with their colors, from left to right."""

    name: str
    parts: tuple[tuple[float, str], ...]

    @property
    def length(self) -> float:
        return sum(value for value, _ in self.parts)


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars on one scale."""

    title: str
    unit: str
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        return HEADING + len(self.bars) * (BAR + GAP)


def svg(report: Report) -> str:
    """The picture; panels without figures are left out."""
    panels = [panel for panel in _panels(report.rows) if panel.bars]
    height = sum(panel.height for panel in panels) + 12
    width = LEFT + WIDTH + RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    top = 0
    for panel in panels:
        parts += _drawn(panel, top)
        top += panel.height
    return '\n'.join([*parts, '</svg>']) + '\n'


def _panels(rows: Sequence[Row]) -> list[Panel]:
    steady, overload = Cell('light', 'VGA', '30 Hz'), Cell('heavy', 'VGA', '1.5x')
    return [
        Panel('Latency, light model, VGA at 30 Hz: session.run (gray) and everything else (red)',
              'ms', _latency(rows, steady)),
        Panel('CPU per result, light model, VGA at 30 Hz', 'ms', _plain(rows, steady, 'cpu_ms')),
        Panel('Age of the results (p99), heavy model, 1.5 times the frames it can take', 'ms',
              _plain(rows, overload, 'p99_ms')),
        Panel('Results per second, the same', '/s', _plain(rows, overload, 'results_hz')),
    ]  # fmt: skip


def _latency(rows: Sequence[Row], cell: Cell) -> tuple[Bar, ...]:
    bars = []
    for row in rows:
        run_ms = row.median('run_ms')
        if row.cell == cell and run_ms is not None:
            outside_ms = row.median('outside_ms') or 0.0
            bars.append(Bar(row.who, ((run_ms, COLORS['run']), (outside_ms, COLORS['outside']))))
    return tuple(bars)


def _plain(rows: Sequence[Row], cell: Cell, metric: str) -> tuple[Bar, ...]:
    known = [(row.who, row.median(metric)) for row in rows if row.cell == cell]
    return tuple(Bar(who, ((v, COLORS['plain']),)) for who, v in known if v is not None)


def _drawn(panel: Panel, top: float) -> list[str]:
    longest = max(bar.length for bar in panel.bars) or 1.0
    parts = [f'<text x="8" y="{top + 22}" font-weight="bold">{escape(panel.title)}</text>']
    for number, bar in enumerate(panel.bars):
        y, x = top + HEADING + number * (BAR + GAP), float(LEFT)
        text_y = y + BAR - 5
        parts.append(f'<text x="{LEFT - 6}" y="{text_y}" text-anchor="end">{bar.name}</text>')
        for value, color in bar.parts:
            width = value / longest * WIDTH
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{color}"/>'
            )
            x += width
        figure = f'{bar.length:.3g} {panel.unit}'
        parts.append(f'<text x="{x + 5:.1f}" y="{text_y}">{figure}</text>')
    return parts
