"""Measures all subjects in all cells, in turn, so that the machine's moods hit all alike."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.side_by_side import floor as bare_loop
from benchmarks.side_by_side.line_process import LineProcess
from benchmarks.side_by_side.models import MODELS, Model
from benchmarks.side_by_side.place import Place
from benchmarks.side_by_side.report import PACED, Cell, Row, Window
from benchmarks.side_by_side.subjects import FLOOR, OURS_DEFAULT, WHO, subjects_of
from benchmarks.side_by_side.windows import Feed, measure, measure_floor

FULL_HZ = 200.0
WARM_UP_S = 0.5
CELLS = (
    *(Cell(model, size, load) for model in ('light', 'medium') for size in ('VGA', '1080p')
      for load in ('30 Hz', 'full')),
    *(Cell('heavy', 'VGA', load) for load in ('30 Hz', '1.5x', '2x', 'full')),
    *(Cell('heavy', '1080p', load) for load in ('30 Hz', '2x')),
)  # fmt: skip
# Where the node is also fed by a camera without the profile.
DELIVERY = Cell('light', '1080p', '30 Hz')
QUICK_CELLS = (
    Cell('light', 'VGA', '30 Hz'),
    DELIVERY,
    Cell('medium', 'VGA', '30 Hz'),
    Cell('heavy', 'VGA', '30 Hz'),
    Cell('heavy', 'VGA', '1.5x'),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Amount to measure: rounds, and seconds per window."""

    repeats: int
    window_s: float
    cells: tuple[Cell, ...]


FULL_PLAN = Plan(5, 0.8, CELLS)
QUICK_PLAN = Plan(2, 0.7, QUICK_CELLS)
CHECK_PLAN = Plan(3, 0.7, QUICK_CELLS)


def compare(place: Place, pictures: Mapping[str, Path], plan: Plan) -> list[Row]:
    """Measures everything of the plan.

    Each picture size has processes of its own: a process that has once had large messages
    keeps more memory, and is quicker with small ones.
    """
    rows: list[Row] = []
    for model, (size, picture) in product(MODELS, pictures.items()):
        cells = [cell for cell in plan.cells if (cell.model, cell.size) == (model.name, size)]
        if cells:
            rows += _compare_for(model, cells, place, picture, plan)
    return rows


def _compare_for(
    model: Model, cells: Sequence[Cell], place: Place, picture: Path, plan: Plan
) -> list[Row]:
    windows: dict[tuple[Cell, str], list[Window]] = defaultdict(list)
    with ExitStack() as resources:
        bare = _start_floor(model, place, resources)
        subjects = subjects_of(model, place, resources)
        say(f'{model.name}, {cells[0].size}: warming up')
        warm_up = Feed(picture, rate_of(PACED, 0.0))
        for subject in subjects:
            place.observer.meet(subject.node)
            measure(subject, cells[0], warm_up, place.observer, WARM_UP_S)
        for repeat, cell in product(range(plan.repeats), cells):
            say(f'{model.name}, {cell.size}, {cell.load}: {repeat + 1} of {plan.repeats}')
            floor = measure_floor(bare, cell, picture, plan.window_s / 2)
            windows[cell, FLOOR].append(floor)
            feed = Feed(picture, rate_of(cell.load, floor.p50_ms or 1.0))
            for subject in subjects:
                if subject.who != OURS_DEFAULT or cell == DELIVERY:
                    window = measure(subject, cell, feed, place.observer, plan.window_s)
                    windows[cell, subject.who].append(window)
    say('')
    return [
        Row(cell, who, tuple(windows[cell, who]))
        for cell, who in product(cells, WHO)
        if windows[cell, who]
    ]


def rate_of(load: str, run_ms: float) -> float:
    """Frames per second for a load, given how long the session runs [ms]."""
    if load.endswith('x'):
        return float(load[:-1]) * 1e3 / run_ms
    return FULL_HZ if load == 'full' else float(load.removesuffix(' Hz'))


def say(text: str) -> None:
    """Says where the run is: in a terminal on one line, which an empty text clears."""
    if sys.stderr.isatty():
        print(f'\r{text:60}', end='' if text else '\r', file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def _start_floor(model: Model, place: Place, resources: ExitStack) -> LineProcess:
    file = str(model.folder(place.store) / 'model.onnx')
    log = place.out / f'floor_{model.name}.log'
    bare = LineProcess(bare_loop.MODULE, [file], os.environ, log)
    resources.callback(bare.end)
    return bare
