"""Swaps models under a running camera: frames lost, latency, load time and memory.

`python -m benchmarks.hot_swap --swaps 200` alternates steady phases with phases of swaps between
two models, so that both see the same machine. Camera, node and observer are processes of their
own that talk over DDS. A frame is lost when no result of it came, for whatever reason.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.serving_node import Watcher, memory_mb, start_camera, start_detector
from ml_integration.demos.own_domain import use_own_domain
from ml_integration.ros.client.child_process import ChildProcess

SWAPS_PER_PHASE = 5  # odd, so that each model has its share of the steady phases
SWAP_PERIOD_S = 0.5
AFTERMATH_NS = 100_000_000  # the replaced session is closed after the first new frame
EARLY_SWAP = 20
Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency of the frames whose stamps lie in some intervals, from stamp to result [ms]."""

    frames: int
    p50: float
    p99: float
    worst: float


def main() -> int:
    """Entry point; returns 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog='hot_swap', description=__doc__)
    parser.add_argument('--swaps', type=int, default=200)
    parser.add_argument('--models', nargs=2, default=['shapes@1', 'shapes@2'])
    parser.add_argument('--rate', type=float, default=30.0, help='frames per second')
    parser.add_argument('--out', type=Path, default=Path('out'))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    use_own_domain()
    with ExitStack() as resources:
        result = measure(options, resources)
    result = {'models': options.models, 'rate_hz': options.rate, **result}
    (options.out / 'hot_swap.json').write_text(json.dumps(result, indent=2) + '\n')
    print(table(result))
    return 0 if result['lost'] == 0 and result['ratio_p99'] <= 1.5 else 1


def measure(options: argparse.Namespace, resources: ExitStack) -> dict[str, object]:
    """Runs all phases and returns the figures."""
    state = resources.enter_context(tempfile.TemporaryDirectory())
    parameters = {'model': options.models[0], 'state_dir': state}
    node = start_detector(options.out, parameters)
    resources.callback(node.end)
    camera = start_camera(options.out, options.rate)
    resources.callback(camera.end)
    watcher = Watcher(resources)
    watcher.wait(lambda seen: len(seen.frames) > 2 * options.rate, 'results')
    first = watcher.seen.frames[-1][0]
    steady, swapping, loads, memory = _phases(options, watcher, node)
    camera.end()
    sent = int(camera.log.rpartition('sent ')[2])
    time.sleep(1.5)  # the last results, and one more message of diagnostics
    numbers = {number for number, _, _ in watcher.seen.frames if number >= first}
    calm, busy = (latency(watcher.seen.frames, part) for part in (steady, swapping))
    return {
        'swaps': len(loads),
        'sent': sent - first,
        'lost': sent - first - len(numbers),
        'drops': watcher.seen.drops,
        'steady_ms': asdict(calm),
        'swapping_ms': asdict(busy),
        'ratio_p99': busy.p99 / calm.p99,
        'load_ms': {'p50': statistics.median(loads), 'worst': max(loads)},
        'memory_mb': memory,
    }


def _phases(
    options: argparse.Namespace, watcher: Watcher, node: ChildProcess
) -> tuple[list[Interval], list[Interval], list[float], dict[int, dict[str, float]]]:
    steady: list[Interval] = []
    swapping: list[Interval] = []
    loads: list[float] = []
    instants = random.Random(1)
    memory: dict[int, dict[str, float]] = {0: memory_mb(node.pid)}
    while True:
        begin_ns = time.time_ns()
        time.sleep(SWAPS_PER_PHASE * SWAP_PERIOD_S)
        steady.append((begin_ns, time.time_ns()))
        if len(loads) in (EARLY_SWAP, options.swaps):
            memory[len(loads)] = memory_mb(node.pid)
        if len(loads) >= options.swaps:
            break
        for _ in range(min(SWAPS_PER_PHASE, options.swaps - len(loads))):
            swap = _swap(watcher, options.models[(len(loads) + 1) % 2])
            swapping.append((swap[0], swap[1] + AFTERMATH_NS))
            loads.append((swap[1] - swap[0]) / 1e6)
            # At any instant between two frames, not always at the same one.
            pause_s = SWAP_PERIOD_S + instants.uniform(0.0, 1 / options.rate)
            time.sleep(max(0.0, pause_s - loads[-1] / 1e3))
        node.check()
        print(f'\r{len(loads)} of {options.swaps} swaps', end='', file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return steady, swapping, loads, memory


def _swap(watcher: Watcher, model: str) -> Interval:
    """Swaps; returns the time from the request until the node says that the model serves [ns]."""
    begin_ns = time.time_ns()
    refused = watcher.set_model(model)
    if refused:
        raise SystemExit(refused)
    watcher.wait(lambda seen: seen.serving == model or seen.problem, f'{model} to serve')
    if watcher.seen.problem:
        raise SystemExit(watcher.seen.problem)
    return begin_ns, time.time_ns()


def latency(frames: list[tuple[int, int, int]], intervals: list[Interval]) -> Latency:
    """The latencies of frames that were in work during some of the intervals."""
    values = [
        (arrival - stamp) / 1e6
        for _, stamp, arrival in frames
        if any(arrival > begin and stamp < end for begin, end in intervals)
    ]
    p50, p99 = np.percentile(values, (50, 99)).tolist()
    return Latency(len(values), p50, p99, max(values))


def table(result: dict) -> str:
    """The figures for people."""
    memory, load_ms = result['memory_mb'], result['load_ms']
    early, late = memory.get(EARLY_SWAP, memory[0]), memory[result['swaps']]
    rows = [
        ('', 'frames', 'p50 [ms]', 'p99 [ms]', 'worst [ms]'),
        *(
            (name, x['frames'], f'{x["p50"]:.1f}', f'{x["p99"]:.1f}', f'{x["worst"]:.1f}')
            for name, x in (('steady', result['steady_ms']), ('swapping', result['swapping_ms']))
        ),
    ]
    lines = [
        f'{result["swaps"]} swaps between {" and ".join(result["models"])}',
        *('{:10}{:>8}{:>10}{:>10}{:>12}'.format(*row) for row in rows),
        f'lost        {result["lost"]} of {result["sent"]} frames ({result["drops"]})',
        f'p99 ratio   {result["ratio_p99"]:.2f} (goal: at most 1.5)',
        f'load        {load_ms["p50"]:.0f} ms, worst {load_ms["worst"]:.0f} ms',
    ]
    for key in early:
        growth = late[key] / early[key] - 1
        lines.append(
            f'{key:12}{early[key]:.1f} MB after swap {EARLY_SWAP}, {late[key]:.1f} MB after '
            f'swap {result["swaps"]}: {growth:+.1%} (goal: at most 5 %)'
        )
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
