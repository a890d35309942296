"""A run as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.side_by_side.goals import SHARE, Goal, Outcome, not_measured, outcomes
from benchmarks.side_by_side.report import Report, Row, Series
from benchmarks.side_by_side.task_times import PARTS

METRICS = (
    ('p50 [ms]', 'p50_ms', '{:.2f}'),
    ('p99 [ms]', 'p99_ms', '{:.1f}'),
    ('run [ms]', 'run_ms', '{:.2f}'),
    ('outside run [ms]', 'outside_ms', '{:.2f}'),
    ('results/s', 'results_hz', '{:.1f}'),
    ('CPU/result [ms]', 'cpu_ms', '{:.2f}'),
    ('faults/result', 'faults', '{:.1f}'),
    ('RSS [MB]', 'rss_mb', '{:.0f}'),
    ('services on time', 'on_time', '{:.0%}'),
    ('delivered', 'delivered', '{:.0%}'),
)
HEAD = """# Performance

<!-- Written by `make bench`; do not edit. -->

{machine}; {taken}.

`make bench` measures this; `benchmarks/README.md` says how, and what the
words mean. Medians over the repeats; the subjects took turns within each repeat.

![Latency, CPU and age](performance.svg)

## Goals

| | goal | measured | lowest to highest | |
|---|---|---|---|---|
"""
TASKS = """
## Tasks

Milliseconds beside the model for a VGA picture: making results of its outputs, judging them, and
building the messages; and, to compare with, what rclpy takes to serialize the same messages and to
read them again.
"""
MODELS = """
Models: light is `shapes@1`, medium and heavy are YOLOv3-tiny for pictures of 224 and 672 px.
*full* is a camera at 200 Hz, *1.5x* sends one and a half times the frames that the model can take.
"""


def document(report: Report) -> str:
    """Writes everything down for `docs/performance.md`."""
    lines = [HEAD.format(machine=report.machine, taken=report.taken).rstrip('\n')]
    lines += [_goal_line(outcome) for outcome in outcomes(report)]
    lines += [_line(goal.sentence, _limit(goal), 'not measured', '', '') for goal in
              not_measured(report)]  # fmt: skip
    lines += ['', *_series_table(report), *_tasks_table(report)]
    for model in dict.fromkeys(row.cell.model for row in report.rows):
        rows = [row for row in report.rows if row.cell.model == model]
        lines += ['', f'## {model.capitalize()} model', '', *_rows_table(rows)]
    lines += [MODELS.rstrip('\n'), *(f'\n{note}' for note in report.notes)]
    return '\n'.join(lines) + '\n'


def goals_text(report: Report) -> str:
    """The goals for a terminal, the missed ones marked."""
    lines = []
    for outcome in outcomes(report):
        goal, word = outcome.goal, _word(outcome)
        value, wanted = _figure(goal, outcome.median), _limit(goal)
        lines.append(f'{word:7} {value:>10}  {wanted:>10}  {goal.sentence}')
    lines += [f'{"?":7} {"":>10}  {_limit(g):>10}  {g.sentence}' for g in not_measured(report)]
    return '\n'.join(lines)


def _goal_line(outcome: Outcome) -> str:
    goal = outcome.goal
    span = f'{_figure(goal, min(outcome.values))} to {_figure(goal, max(outcome.values))}'
    return _line(goal.sentence, _limit(goal), _figure(goal, outcome.median), span, _word(outcome))


def _word(outcome: Outcome) -> str:
    if outcome.goal.limit is None:
        return ''
    return 'met' if outcome.met else '**missed**'


def _limit(goal: Goal) -> str:
    if goal.limit is None:
        return ''
    return f'{"≥" if goal.at_least else "≤"} {_figure(goal, goal.limit)}'


def _figure(goal: Goal, value: float) -> str:
    if goal.unit == SHARE:
        return f'{value:.1%}'
    return f'{value:.3g} {goal.unit}'


def _series_table(report: Report) -> list[str]:
    shown = [series for series in report.series if not _part(series)]
    if not shown:
        return []
    lines = ['| | median | lowest to highest |', '|---|---|---|']
    for series in shown:
        values = sorted(series.values)
        span = f'{values[0]:.3g} to {values[-1]:.3g}'
        lines.append(_line(series.name, f'{values[len(values) // 2]:.3g} {series.unit}', span))
    return lines


def _tasks_table(report: Report) -> list[str]:
    times: dict[str, dict[str, float]] = {}
    for series in report.series:
        if part := _part(series):
            task = times.setdefault(series.name.removesuffix(f': {part}'), {})
            task[part] = statistics.median(series.values)
    if not times:
        return []
    lines = [*TASKS.splitlines(), '', _line('task', *PARTS, 'encode / round trip')]
    lines.append('|' + '---|' * (2 + len(PARTS)))
    for task, taken in times.items():
        figures = [f'{taken[part]:.3f}' for part in PARTS]
        ratio = taken['encode'] / taken['round trip']
        lines.append(_line(task, *figures, f'{ratio:.2f} x'))
    return lines


def _part(series: Series) -> str:
    """Returns the part of a task that a series is about; empty if it is about something else."""
    return next((part for part in PARTS if series.name.endswith(f': {part}')), '')


def _rows_table(rows: Sequence[Row]) -> list[str]:
    lines = [_line('frame', 'camera', 'node', *(title for title, _, _ in METRICS))]
    lines.append('|' + '---|' * (3 + len(METRICS)))
    for row in rows:
        lines.append(_line(row.cell.size, row.cell.load, row.who, *_figures(row)))
    return lines


def _figures(row: Row) -> list[str]:
    values = [(row.median(name), form) for _, name, form in METRICS]
    return ['' if value is None else form.format(value) for value, form in values]


def _line(*cells: str) -> str:
    return f'| {" | ".join(cells)} |'
