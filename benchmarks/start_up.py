"""Times a node's way from start to first result, without and with a kept optimized model.

`python -m benchmarks.start_up --starts 5`. The camera runs all the time; each start without has an
empty state directory, and the one after it finds what that one kept.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.serving_node import Watcher, start_camera, start_detector
from ml_integration.demos.own_domain import use_own_domain

GOAL_S = 2.0
RATE_HZ = 30.0


def main() -> int:
    """Entry point; returns 1 when the goal is missed."""
    parser = argparse.ArgumentParser(prog='start_up', description=__doc__)
    parser.add_argument('--starts', type=int, default=5)
    parser.add_argument('--model', default='coco_yolov3_tiny')
    parser.add_argument('--out', type=Path, default=Path('out'))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    use_own_domain()
    with ExitStack() as resources:
        resources.callback(start_camera(options.out, RATE_HZ).end)
        watcher = Watcher(resources)
        without_s, with_s = [], []
        for _ in range(options.starts):
            with tempfile.TemporaryDirectory() as state:
                for times in (without_s, with_s):
                    times.append(first_result_s(options.model, Path(state), options.out, watcher))
    result = {
        'model': options.model,
        'without_s': statistics.median(without_s),
        'with_s': statistics.median(with_s),
        'worst_with_s': max(with_s),
        'ratio': statistics.median(without_s) / statistics.median(with_s),
    }
    (options.out / 'start_up.json').write_text(json.dumps(result, indent=2) + '\n')
    for name, value in result.items():
        print(f'{name:14}{value if isinstance(value, str) else format(value, ".2f")}')
    return 0 if result['with_s'] <= GOAL_S else 1


def first_result_s(model: str, state: Path, out: Path, watcher: Watcher) -> float:
    """Starts the node, waits for its first result and ends it; returns how long that took [s]."""
    known = len(watcher.seen.frames)
    begin_ns = time.time_ns()
    node = start_detector(out, {'model': model, 'state_dir': state})
    try:
        watcher.wait(lambda seen: len(seen.frames) > known, 'a result')
        return (watcher.seen.frames[known][2] - begin_ns) / 1e9
    finally:
        node.end()


if __name__ == '__main__':
    sys.exit(main())
