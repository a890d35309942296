"""Plots of numbers over time, as SVG that stands in a page and takes its colors.

Whatever others have named stands in the page, not in a plot: matplotlib would read formulas in it.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_integration.fleet.report.history import Shown, Stretch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = NDArray[np.float64]
Place = tuple[float, float, float, float]
"""Left, bottom, width and height, as shares of the figure."""
WIDE, SMALL = (10.0, 1.9), (3.4, 1.35)
"""Width and height of a plot [inches of 72 points]."""
BUCKETS = {WIDE: 150, SMALL: 70}
"""Parts of a line's time, of each of which the least and the largest value are drawn."""
LARGEST = 1e15
ROW, FOOT = 0.22, 0.26
"""Height of a row of levels, and of the times below them [inches]."""
INK, GRID = '#010203', '#040506'
"""Stand for colors that the page chooses."""
LEVEL_COLORS = {
    Shown.OK: '#3fa34d', Shown.WARN: '#e0a100', Shown.ERROR: '#d9363e', Shown.STALE: '#8a8f98',
}  # fmt: skip
COLORS = (
    '#4c8dd6', '#e08a1e', '#3fa34d', '#c95fb3', '#8c6fd1', '#2ba8a0', '#d9534f', '#a38a3d',
    '#6b7fa3',
)  # fmt: skip
"""Colors of lines that can be told apart on white and on black."""
SETTINGS: dict[Any, Any] = {
    'svg.fonttype': 'none', 'font.size': 8.0, 'text.color': INK, 'axes.edgecolor': GRID,
    'axes.labelcolor': INK, 'xtick.color': INK, 'ytick.color': INK, 'axes.grid': True,
    'grid.color': GRID, 'grid.linewidth': 0.5, 'axes.spines.top': False, 'text.parse_math': False,
    'axes.spines.right': False, 'axes.spines.left': False, 'xtick.major.size': 2.0,
    'ytick.major.size': 0.0, 'axes.axisbelow': True, 'path.simplify': True,
    'path.simplify_threshold': 0.5,
}  # fmt: skip
PATH, TOO_FINE = re.compile(' d="[^"]*"'), re.compile(r'(\.\d\d)\d+')
FOREIGN = (
    (re.compile(r'^.*?(?=<svg)', re.DOTALL), ''),
    (re.compile(r'<!--.*?-->', re.DOTALL), ''),
    (re.compile(r'<metadata>.*?</metadata>', re.DOTALL), ''),
    (re.compile(r'<style.*?</style>', re.DOTALL), ''),
    (re.compile(r' xmlns(:\w+)?="[^"]*"'), ''),
    # Names of groups, to which nothing refers; those of shapes are a letter and a digest.
    (re.compile(r' id="(?![a-z][0-9a-f]{10}")[^"]*"'), ''),
    (re.compile(r'font: 8px [^;\"]*;|font-family: [^;\"]*; ?'), ''),
    (re.compile(r'\n\s*'), '\n'),
    (re.compile(f'(?i){INK}'), 'currentColor'),
    (re.compile(f'(?i){GRID}'), 'var(--grid)'),
)
"""What matplotlib writes and a page needs not, with what takes its place."""
_numbers = count()


@dataclass(frozen=True, slots=True)
class Line:
    """Numbers over time.

    Attributes:
        times_s: when they were told [s].
        values: the numbers; NaN where there was none.
        color: of the line.
        dashed: whether it is a lesser one.
    """

    times_s: Values
    values: Values
    color: str = COLORS[0]
    dashed: bool = False


def lines_plot(lines: Sequence[Line], seconds: float, size: tuple[float, float] = SMALL) -> str:
    """Draws lines over the same time.

    Args:
        lines: at least one.
        seconds: time of the whole [s].
        size: of the plot [inches].
    """
    with _plot(size, seconds) as (svg, axes):
        for line in lines:
            times, values = thinned(line.times_s, _drawable(line.values), BUCKETS[size])
            style, width = ('--', 0.9) if line.dashed else ('-', 1.4)
            mark = 'o' if np.isfinite(values).sum() == 1 else ''
            axes.plot(times, values, style, color=line.color, linewidth=width, marker=mark, ms=3)
        _from_zero(axes, lines)
    return svg.text


def stacked_plot(times_s: Values, layers: Sequence[Values], seconds: float) -> str:
    """Draws shares of a whole, in percent, one on the other.

    Args:
        times_s: when they were told [s].
        layers: values of each part, with the colors of COLORS one after another.
        seconds: time of the whole [s].
    """
    parts = np.clip(np.nan_to_num(_drawable(np.array(layers))), 0, None)
    whole = parts.sum(axis=0)
    told = whole > 0
    shares = 100 * parts[:, told] / whole[told]
    rows = [thinned(times_s[told], share, BUCKETS[WIDE], mean=True) for share in shares]
    with _plot(WIDE, seconds) as (svg, axes):
        colors = [COLORS[number % len(COLORS)] for number in range(len(layers))]
        axes.stackplot(rows[0][0], [share for _, share in rows], colors=colors, linewidth=0)
        axes.set_ylim(0, 100)
        axes.set_ylabel('%')
    return svg.text


def level_plot(rows: Sequence[Sequence[Stretch]], seconds: float) -> str:
    """Draws a bar for each row, in the colors of the levels; the page names the rows.

    Args:
        rows: stretches of each status, the uppermost one first.
        seconds: time of the whole [s].
    """
    least = max(seconds, 1e-3) / 400  # a moment can be seen
    height = ROW * len(rows) + FOOT
    place = (0, FOOT / height, 0.995, 1 - FOOT / height)
    with _plot((WIDE[0], height), seconds, place) as (svg, axes):
        for number, stretches in enumerate(rows):
            for shown in Shown:
                bars = [
                    (one.begin_s, max(one.end_s - one.begin_s, least))
                    for one in stretches
                    if one.shown == shown
                ]
                axes.broken_barh(bars, (number + 0.12, 0.76), color=LEVEL_COLORS[shown])
        axes.set_ylim(len(rows), 0)
        axes.set_yticks([])
        axes.grid(visible=False)
    return svg.text


def histogram_plot(bounds: Sequence[str], counts: Sequence[float]) -> str:
    """Draws how many frames took how long.

    Args:
        bounds: names of the buckets.
        counts: frames in each.
    """
    with _plot(WIDE, None) as (svg, axes):
        axes.bar(range(len(counts)), np.minimum(counts, LARGEST), color=COLORS[0], width=0.92)
        axes.set_xticks(range(len(counts)), bounds)
        axes.grid(visible=False, axis='x')
        axes.set_ylabel('frames')
    return svg.text


def thinned(
    times_s: Values, values: Values, buckets: int, mean: bool = False
) -> tuple[Values, Values]:
    """Returns fewer points that look the same: the least and the largest of each bucket.

    Args:
        times_s: when [s].
        values: what.
        buckets: parts of the time.
        mean: takes the mean of each bucket instead.
    """
    if len(values) <= 2 * buckets:
        return times_s, values
    kept_times, kept = [], []
    for part in np.array_split(np.arange(len(values)), buckets):
        known = part[np.isfinite(values[part])]
        if mean or not len(known):
            kept_times.append(times_s[part[0]])
            kept.append(values[known].mean() if len(known) else math.nan)
            continue
        ends = sorted((known[np.argmin(values[known])], known[np.argmax(values[known])]))
        kept_times += list(times_s[ends])
        kept += list(values[ends])
    return np.array(kept_times), np.array(kept)


@dataclass(slots=True)
class Drawing:
    """SVG of a plot, once it is drawn."""

    text: str = ''


@contextmanager
def _plot(
    size: tuple[float, float], seconds: float | None, place: Place | None = None
) -> Iterator[tuple[Drawing, Axes]]:
    """Makes a plot whose x axis is the time, unless there is none, in its place in the figure."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawing = Drawing()
    # What parts of a plot are called must differ from plot to plot in one page.
    own: dict[Any, Any] = {**SETTINGS, 'svg.hashsalt': f'plot {next(_numbers)}'}
    with mpl.rc_context(own):
        figure = Figure(figsize=size, layout=None if place else 'constrained')
        axes = figure.add_axes(place) if place else figure.add_subplot()
        yield drawing, axes
        if seconds is not None:
            axes.set_xlim(0, max(seconds, 1.0))
            axes.xaxis.set_major_formatter(lambda at_s, position: clock(at_s))
            axes.xaxis.set_major_locator(_ticks(size[0]))
        drawing.text = _svg(figure)


def _ticks(width: float) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=max(round(width), 3), steps=[1, 1.5, 2, 3, 6, 10], integer=True)


def _drawable(values: Values) -> Values:
    """Returns numbers without those that no axis can hold."""
    return np.where(np.abs(values) <= LARGEST, values, math.nan)


def _from_zero(axes: Axes, lines: Sequence[Line]) -> None:
    """Begins the y axis at zero: small changes are no mountains."""
    values = np.concatenate([_drawable(line.values) for line in lines])
    values = values[np.isfinite(values)]
    lowest, highest = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if lowest >= 0:
        axes.set_ylim(0, highest * 1.08 if highest > 0 else 1.0)


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    figure.savefig(file, format='svg', transparent=True, metadata={'Date': None})
    text = file.getvalue()
    for pattern, instead in FOREIGN:
        text = pattern.sub(instead, text)
    return PATH.sub(lambda path: TOO_FINE.sub(r'\1', path[0]), text)


def clock(at_s: float) -> str:
    """Writes a time since the begin as 1:05 or 1:00:05."""
    seconds = round(at_s)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    short = f'{minutes}:{seconds % 60:02}'
    return short if not hours else f'{hours}:{minutes:02}:{seconds % 60:02}'
