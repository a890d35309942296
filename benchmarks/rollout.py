"""Rolls versions of `shapes` out, good and bad ones, again and again, and counts what comes of it.

    python -m benchmarks.rollout [--runs 20] [--only nan,identical]

Prints for each version what became of it, how soon, and how many of its results were published.
The robot of `rollout_robot.py` does it, without ROS and in compressed time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import rollout_tasks
from benchmarks.rollout_models import Kind, make_stable, make_store
from benchmarks.rollout_robot import Scenes
from benchmarks.rollout_runs import Ending, Version, roll_out, roll_out_apart
from ml_integration.core.outcomes import interval_95
from ml_integration.store.state.rollout_state import Phase

HEADER = (
    'version', 'promoted and kept', 'rolled back', 'person asked',
    'found after [s], 5 to 95 %', '[pictures]', 'published in shadow', 'later', 'found in, by',
)  # fmt: skip


LABELED = (Kind.HALF_MISSING, Kind.WRONG_COLORS, Kind.SLIGHTLY_WORSE)
"""Of which labels tell more than a comparison with the stable model."""


def versions_in(store: Path) -> Iterator[Version]:
    """Yields what is rolled out."""
    yield Version('better, with labels', 'shapes@2', 'shapes@1', labels=True)
    for kind in Kind:
        name, stable = kind.name.lower().replace('_', ' '), make_stable(store, kind)
        yield Version(name, kind.reference, stable)
        if kind in LABELED:
            yield Version(f'{name}, with labels', kind.reference, stable, labels=True)


SCENES = 60
DEADLY = Kind.CRASHING.reference
"""It needs a process of its own, and another one after each end."""


def rate(count: int, runs: int) -> str:
    """Returns a count with the 95 % interval of its share."""
    low, high = interval_95(count, runs)
    return f'{count} of {runs} ({low:.0%} to {high:.0%})'


def row(name: str, ends: Sequence[Ending]) -> str:
    """Returns a line of the table."""
    runs = len(ends)
    back = [one for one in ends if one.phase is Phase.ROLLED_BACK]
    count = {phase: sum(one.phase is phase for one in ends) for phase in Phase}
    cells = (
        name,
        rate(count[Phase.PROMOTED], runs),
        rate(len(back), runs),
        str(count[Phase.HALTED]),
        _spread([one.seconds for one in back]),
        _spread([one.frames for one in back]),
        str(sum(one.in_shadow for one in ends)),
        _spread([one.published - one.in_shadow for one in back]),
        '; '.join(sorted({f'{one.at.value}: {one.why}' for one in back})),
    )
    return f'| {" | ".join(cells)} |'


def _spread(numbers: Sequence[float]) -> str:
    if not numbers:
        return ''
    low, middle, high = np.quantile(numbers, (0.05, 0.5, 0.95))
    return f'{middle:.0f} ({low:.0f} to {high:.0f})'


def in_process(store: Path, folder: Path, seed: int) -> Callable[[Version, int], Ending]:
    """Returns what rolls a version out without ROS."""
    scenes = Scenes(SCENES)

    def run(version: Version, number: int) -> Ending:
        state = folder / 'states' / f'{version.candidate}.{number}'
        if version.candidate == DEADLY:
            return roll_out_apart(version, store, state, seed + number)
        return roll_out(version, store, state, scenes, seed + number)

    return run


def table(versions: Iterable[Version], runs: int, run: Callable[[Version, int], Ending]) -> None:
    """Rolls out, and prints."""
    print(f'| {" | ".join(HEADER)} |\n|{"---|" * len(HEADER)}', flush=True)
    for version in versions:
        ends: list[Ending] = []
        for number in range(runs):
            ends.append(run(version, number))
            print(f'\r{version.name} {number + 1}: {ends[-1].reason}', file=sys.stderr, flush=True)
        print(row(version.name, ends), flush=True)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog='rollout', description=__doc__)
    parser.add_argument('--runs', type=int, default=20)
    parser.add_argument('--only', default='', help='beginnings of names of versions, with commas')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    begin_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = rollout_tasks.register(folder / 'plug_ins')
        sys.path.extend(places)
        os.environ['PYTHONPATH'] = os.pathsep.join([*places, os.environ.get('PYTHONPATH', '')])
        store = make_store(folder / 'store')
        only = tuple(args.only.split(',')) if args.only else ('',)
        versions = [one for one in versions_in(store) if one.name.startswith(only)]
        table(versions, args.runs, in_process(store, folder, args.seed))
    print(f'\n{time.monotonic() - begin_s:.0f} s', file=sys.stderr)
    return 0


if __name__ == '__main__':
    sys.exit(main())
