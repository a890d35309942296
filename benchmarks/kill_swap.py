"""Kills an inference node with SIGKILL at random instants of swaps, again and again.

`python -m benchmarks.kill_swap --kills 200`: after each kill the state and the audit log have to
be readable, and the next start has to serve a good model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from benchmarks.serving_node import NODE, Watcher, start_detector
from ml_integration.demos.own_domain import use_own_domain
from ml_integration.store.state.state_dir import StateDir

MODELS = ('shapes@1', 'shapes@2')
LONGEST_S = 0.6


def main() -> int:
    """Entry point; returns 1 when a kill left something that is not good."""
    parser = argparse.ArgumentParser(prog='kill_swap', description=__doc__)
    parser.add_argument('--kills', type=int, default=200)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--out', type=Path, default=Path('out'))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    use_own_domain()
    with ExitStack() as resources:
        state = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        result = kill_again_and_again(options, state, Watcher(resources))
    (options.out / 'kill_swap.json').write_text(json.dumps(result, indent=2) + '\n')
    print(json.dumps(result, indent=2))
    return 1 if result['bad'] else 0


def kill_again_and_again(
    options: argparse.Namespace, state: Path, watcher: Watcher
) -> dict[str, object]:
    """Kills nodes and returns what was found."""
    instants = random.Random(options.seed)
    outcomes: Counter[str] = Counter()
    bad: list[str] = []
    for number in range(options.kills + 1):
        watcher.seen.serving = ''
        node = start_detector(options.out, {'model': MODELS[number % 2], 'state_dir': state})
        try:
            watcher.wait(lambda seen: seen.serving in MODELS, 'a good model to serve')
            if number == options.kills:
                break
            outcomes[_kill_in_swap(watcher, node.pid, instants.uniform(0, LONGEST_S))] += 1
        finally:
            node.end()
        bad += [f'kill {number}: {problem}' for problem in _problems(state)]
        print(f'\r{number + 1} of {options.kills} kills', end='', file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {'kills': options.kills, 'killed with': outcomes, 'bad': bad}


def _kill_in_swap(watcher: Watcher, pid: int, delay_s: float) -> str:
    """Asks for the other model and kills the node a moment later; says how far it came."""
    before = watcher.seen.serving
    other = MODELS[1 - MODELS.index(before)]
    watcher.wish_model(other)
    time.sleep(delay_s)
    os.kill(pid, signal.SIGKILL)
    return f'the {"new" if watcher.seen.serving == other else "old"} model serving'


def _problems(state: Path) -> list[str]:
    directory = StateDir(state)
    serving = directory.node_state(f'/{NODE}').serving
    wrong = [] if serving in MODELS else [f'{serving!r} is stored as serving']
    return [*wrong, *directory.problems, *directory.audit.verify()]


if __name__ == '__main__':
    sys.exit(main())
