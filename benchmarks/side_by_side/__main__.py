"""Measures the package's nodes beside the node that everyone writes and the bare loop.

`make bench` runs all of it (about 11 minutes) and writes out/bench.json, docs/performance.md,
docs/performance.svg and benchmarks/baseline.json. `make bench-check` runs a short one and compares
its ratios with that baseline.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import onnxruntime

from benchmarks.side_by_side import guard
from benchmarks.side_by_side.cells import CHECK_PLAN, FULL_PLAN, QUICK_PLAN, Plan, compare
from benchmarks.side_by_side.goals import Outcome, outcomes
from benchmarks.side_by_side.many_cameras import compare_cameras
from benchmarks.side_by_side.message_building import compare_messages
from benchmarks.side_by_side.models import ROOT, make_models, make_pictures
from benchmarks.side_by_side.observer import Observer
from benchmarks.side_by_side.place import Cameras, Place
from benchmarks.side_by_side.plot import svg
from benchmarks.side_by_side.report import Report, read_report
from benchmarks.side_by_side.start_up import compare_starts
from benchmarks.side_by_side.tables import document, goals_text
from benchmarks.side_by_side.task_times import compare_tasks
from ml_integration.demos.own_domain import use_own_domain

PARTS = ('light', 'medium', 'heavy', 'cameras', 'start', 'messages', 'tasks')
BASELINE = ROOT / 'benchmarks/baseline.json'
BUSY = 0.25
BUSY_NOTE = 'The machine was busy with something else (load {:.1f}) when this began.'


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns 1 when --check finds a regression."""
    # So that the processes started here are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = _parser().parse_args(arguments)
    if options.check and not BASELINE.exists():
        raise SystemExit(f'{BASELINE} is not there to be compared with; make bench writes it')
    options.out.mkdir(parents=True, exist_ok=True)
    whole = not (options.quick or options.check or options.only)
    if options.render:
        report, whole = read_report(options.render), True
    else:
        report = _measure(options)
        report.write(options.out / ('bench.json' if whole else 'bench_part.json'))
    found = outcomes(report)
    docs = ROOT / 'docs' if whole else options.out
    (docs / 'performance.md').write_text(document(report), encoding='utf-8')
    (docs / 'performance.svg').write_text(svg(report), encoding='utf-8')
    if whole:
        guard.baseline_of(report, found).write(BASELINE)
    print(goals_text(report))
    for note in report.notes:
        print(note)
    print(f'tables and a plot: {docs}/performance.md, performance.svg')
    return _check(found) if options.check else 0


def _check(found: Sequence[Outcome]) -> int:
    comparisons = guard.compare_with(guard.read_baseline(BASELINE), found)
    for comparison in comparisons:
        print(guard.sentence(comparison))
    return int(any(comparison.regressed for comparison in comparisons))


def _measure(options: argparse.Namespace) -> Report:
    load = os.getloadavg()[0]
    use_own_domain()
    plan = CHECK_PLAN if options.check else QUICK_PLAN if options.quick else FULL_PLAN
    if options.repeats:
        plan = replace(plan, repeats=options.repeats)
    folder = options.out / 'bench'
    shutil.rmtree(folder / 'state', ignore_errors=True)
    pictures = make_pictures(folder / 'pictures')
    make_models(folder / 'models')
    with ExitStack() as resources:
        place = Place(folder, Observer(resources), Cameras(folder, resources))
        report = _parts(place, pictures, plan, options.only or PARTS)
    if load > BUSY * len(os.sched_getaffinity(0)):
        report = replace(report, notes=(*report.notes, BUSY_NOTE.format(load)))
    return report


def _parts(place: Place, pictures: Mapping[str, Path], plan: Plan, parts: Sequence[str]) -> Report:
    cells = tuple(cell for cell in plan.cells if cell.model in parts)
    rows = compare(place, pictures, replace(plan, cells=cells))
    series, notes = [], []
    if 'cameras' in parts:
        more, notes = compare_cameras(place, pictures['VGA'], plan)
        series += more
    if 'start' in parts:
        series += compare_starts(place, pictures['VGA'], plan)
    if 'messages' in parts:
        series += compare_messages(place, plan)
    if 'tasks' in parts:
        series += compare_tasks(plan.repeats)
    now = datetime.datetime.now(datetime.timezone.utc)
    return Report(
        _machine(), f'{now:%Y-%m-%d %H:%M} UTC', tuple(rows), tuple(series), tuple(notes)
    )


def _machine() -> str:
    models = [
        line.partition(':')[2].strip()
        for line in Path('/proc/cpuinfo').read_text().splitlines()
        if line.startswith('model name')
    ]
    return (
        f'{len(os.sched_getaffinity(0))} x {models[0] if models else platform.machine()}, '
        f'Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}, '
        f'ROS 2 {os.environ.get("ROS_DISTRO", "jazzy")}'
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='side_by_side', description=__doc__)
    parser.add_argument('--quick', action='store_true', help='a part of it, twice (2 minutes)')
    parser.add_argument(
        '--only', action='append', choices=PARTS, help='a part; may be given more than once'
    )
    parser.add_argument('--repeats', type=int, default=0, help='rounds; 0: as planned')
    parser.add_argument(
        '--check', action='store_true', help='a quick run; 1 when its ratios are much worse'
    )
    parser.add_argument('--render', type=Path, help='write the documents of an earlier run anew')
    parser.add_argument('--out', type=Path, default=Path('out'))
    return parser


if __name__ == '__main__':
    sys.exit(main())
