"""Reports of runs that never happened."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.side_by_side.report import Cell, Report, Row, Series, Window
from benchmarks.side_by_side.subjects import FLOOR, NAIVE, NAIVE_DEFAULT, OURS

STEADY = Cell('light', 'VGA', '30 Hz')
OVERLOAD = Cell('heavy', 'VGA', '1.5x')


def window(outside_ms: float | None, **more: float) -> Window:
    return Window(results_hz=30.0, outside_ms=outside_ms, **more)


def row(cell: Cell, who: str, *windows: Window) -> Row:
    return Row(cell, who, windows)


def report(
    naive_ms: Sequence[float | None] = (20, 30, 25), ours_ms: Sequence[float | None] = (2, 2, 1)
) -> Report:
    """The time outside session.run of both, repeat by repeat [ms], and a few other figures."""
    age = {'p50_ms': 60.0, 'p99_ms': 80.0, 'on_time': 1.0}
    return Report(
        machine='2 x Test',
        taken='2026-01-02 03:04 UTC',
        rows=(
            row(STEADY, NAIVE_DEFAULT, *(window(ms, run_ms=1.0) for ms in naive_ms)),
            row(STEADY, OURS, *(window(ms, p50_ms=3.0, cpu_ms=2.0) for ms in ours_ms)),
            row(OVERLOAD, NAIVE, window(None, p50_ms=300.0, p99_ms=400.0)),
            row(OVERLOAD, OURS, window(None, **age)),
            row(OVERLOAD, FLOOR, window(None, p50_ms=40.0)),
        ),
        series=(Series('start to first result, ours, again', 's', (2.5, 2.4, 2.6)),),
        notes=('Four cameras were not compared.',),
    )
