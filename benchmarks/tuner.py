"""How often `ml_tune` is wrong: differences where there are none, and what a quick search misses.

`python -m benchmarks.tuner same MODEL --runs 40` compares the default with itself, in new
processes each time. `python -m benchmarks.tuner quick MODEL` measures the full grid closely and a
quick search, and then the winners of both side by side.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ml_integration.core.cpus import usable_cpus
from ml_integration.core.execution import ExecutionSettings
from ml_integration.recordings.pictures import RATE_HZ
from ml_integration.tuning.candidates import OPTIMIZATION, Candidate, Machine
from ml_integration.tuning.crew import Crew, Task
from ml_integration.tuning.figures import compare
from ml_integration.tuning.paired import LEAST_BLOCKS, LEAST_EFFECT, Paired
from ml_integration.tuning.search import Outcome, Plan, Search
from ml_integration.tuning.trial import Material

VIDEO = Path('dev/data/vtest.avi')


def _nobody(*numbers: int) -> None:
    """Is shown how far it has come."""


def compared(task: Task, first: Candidate, second: Candidate) -> Paired:
    """Measures two candidates side by side."""
    with Crew(task, _nobody) as crew:
        members = [crew.hire(first), crew.hire(second)]
        crew.measure(members, LEAST_BLOCKS)
        return compare('p50', members[0].blocks, members[1].blocks)


def same(task: Task, runs: int) -> None:
    """Compares the default with itself; prints each gain, and the share of differences."""
    default = Candidate(ExecutionSettings(intra_op_threads=usable_cpus(), spinning='never'))
    results, confirmed = [], 0
    for number in range(runs):
        results.append(compared(task, default, default))
        one = results[-1]
        if one.differs:  # as the search does with its best row
            again = compared(task, default, default)
            confirmed += again.differs and (again.gain > 0) == (one.gain > 0)
        print(f'{number}: gain {one.gain:+.3f} p {one.p:.4f} differs {one.differs}', flush=True)
    gains = [abs(one.gain) for one in results]
    print(json.dumps({
        'model': str(task.package), 'runs': runs,
        'differences': sum(one.differs for one in results),
        'found again in a second run': confirmed,
        'p below 0.01': sum(one.p < 0.01 for one in results),
        'gain of 5 % or more': sum(gain >= LEAST_EFFECT for gain in gains),
        'median gain': float(np.median(gains)), 'largest gain': max(gains),
    }))  # fmt: skip


def quick(task: Task, graph: str) -> None:
    """Searches both ways; prints the gain of the full grid's best row over the quick one's.

    Args:
        task: what is measured.
        graph: optimization to begin with; where it is a bad one, there is something to find.
    """
    default = Candidate(
        ExecutionSettings(
            intra_op_threads=usable_cpus(), spinning='never', graph_optimization=graph
        )
    )
    machine = Machine(usable_cpus())
    found = {}
    for full in (True, False):
        plan = Plan(full=full, most_cpu=1e9)
        outcome = Search(task, default, machine, plan, _nobody).run()
        found[full] = _best(outcome, default)
        rows = [(row.name, row.against_default and round(row.against_default.gain, 3))
                for row in outcome.rows]  # fmt: skip
        print('full' if full else 'quick', outcome.trials, 'blocks', rows, flush=True)
    if found[True] == found[False]:
        print(json.dumps({'model': str(task.package), 'both': found[True].name(default)}))
        return
    missed = compared(task, found[False], found[True])
    print(json.dumps({
        'model': str(task.package), 'full': found[True].name(default),
        'quick': found[False].name(default), 'missed': missed.gain,
        'interval': [missed.low, missed.high], 'differs': missed.differs,
    }))  # fmt: skip


def _best(outcome: Outcome, default: Candidate) -> Candidate:
    """Returns the first row if it is better; what there is otherwise."""
    first = outcome.rows[1]
    better = first.against_default is not None and first.against_default.better
    return first.candidate if better else default


def main() -> None:
    """Runs one of the two measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('what', choices=('same', 'quick'))
    parser.add_argument('model', type=Path)
    parser.add_argument('--data', type=Path, default=VIDEO)
    parser.add_argument('--rate', type=float, default=RATE_HZ)
    parser.add_argument('--runs', type=int, default=40)
    parser.add_argument('--graph', choices=OPTIMIZATION, default=OPTIMIZATION[0])
    args = parser.parse_args()
    material = Material(str(args.data), {'': ('image',)}, 64, args.rate)
    task = Task(args.model, material)
    if args.what == 'same':
        same(task, args.runs)
    else:
        quick(task, args.graph)


if __name__ == '__main__':
    main()
