"""What a candidate in shadow costs the model that serves: latency with and without it.

    python -m benchmarks.shadow_cost [--rounds 6] [--rate 30] [--busy 0]

`shapes@2` serves VGA pictures of drawn scenes at 30 Hz, in the frame loop of a node, without ROS.
Windows without and with a shadow (`shapes@2` as its own candidate, under another version) take
turns, so that both see the same machine. Prints both, their ratio in each round, and what the
shadow got done. Then it measures, once each, what the ways to save a second encoding would cost
the path of the result. `--busy 2` keeps as many processes busy meanwhile.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns, perf_counter_ns, sleep
from typing import Any

import numpy as np

from benchmarks.rollout_models import Kind, make_store
from ml_integration.core.arrivals import Observation, of_one
from ml_integration.core.datatypes import Prediction
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.pair import Pair
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.router import Router
from ml_integration.deploy.spare_time import load_for_spare_time
from ml_integration.recordings.pictures import picture_message
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.shadow import Counts, Pairing, Shadow
from ml_integration.serving.streams import Stream
from ml_integration.serving.witness import Witness
from ml_integration.store.package.package import read_package

PICTURES = 60
SETTLE = 5
"""Frames of a window that do not count, as threads begin and caches fill."""


@dataclass(slots=True)
class Latencies:
    """Sink that notes how long each result took from its arrival, and in the model [ms]."""

    name: str = 'results'
    every: list[float] = field(default_factory=list)
    in_model: list[float] = field(default_factory=list)

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Notes one."""
        self.every.append((monotonic_ns() - observation.trigger.arrived_ns) / 1e6)
        self.in_model.append(sum(prediction.stage_ms.values()))


@dataclass(frozen=True, slots=True)
class Window:
    """Latencies of a window [ms], and how many pictures there were."""

    every: np.ndarray
    pictures: int

    def percentile(self, percent: float) -> float:
        """Returns one of them [ms]."""
        return float(np.percentile(self.every, percent))


class Bench:
    """A frame loop of `shapes@2` that may have a shadow.

    Args:
        store: with the models.
        rate_hz: pictures per second.
    """

    def __init__(self, store: Path, rate_hz: float) -> None:
        self.loader = Loader()
        self.packages = [read_package(store / f'shapes/{v}') for v in (2, Kind.IDENTICAL.value)]
        self.pipeline = self.loader.load(self.packages[0])
        self.latencies, self.witness = Latencies(), Witness()
        self.stream = Stream('', 'image', self.latencies, [self.witness])
        router = Router()
        router.swap(self.pipeline)
        monitor = Monitor(monotonic_ns(), self.pipeline.wiring.input_keys())
        self.loop = FrameLoop(router, [self.stream], monitor, monotonic_ns, print)
        self.rate_hz = rate_hz
        self.pairs: list[Pair] = []
        scene = make_scene(7)
        self.pictures = [
            picture_message(render(scene, number / rate_hz), 0, 'rgb8')
            for number in range(PICTURES)
        ]

    def window(self, seconds: float) -> Window:
        """Serves for some seconds."""
        self.latencies.every.clear()
        count, start_ns = int(seconds * self.rate_hz), monotonic_ns()
        for number in range(count):
            due_ns = start_ns + int(number / self.rate_hz * 1e9)
            sleep(max(0.0, (due_ns - monotonic_ns()) / 1e9))
            self.loop.receive(
                self.stream, 'image', self.pictures[number % PICTURES], monotonic_ns()
            )
        sleep(0.2)
        return Window(np.array(self.latencies.every[SETTLE:]), count)

    def shadowed(self, seconds: float) -> tuple[Window, Counts]:
        """Serves for some seconds with a shadow."""
        pairing = Pairing(*(load_for_spare_time(self.loader, one) for one in self.packages))
        shadow = self.witness.shadow = Shadow(pairing, self.loop, self.pairs.append)
        try:
            return self.window(seconds), shadow.counts
        finally:
            self.witness.shadow = None
            shadow.close()


def measure(bench: Bench, rounds: int, seconds: float) -> None:
    """Prints the windows, the medians of their ratios, and the ratios over all of them."""
    print(
        '| round | p50 alone | p50 shadowed | ratio | p99 alone | p99 shadowed | ratio | pairs |'
    )
    print('|---|---|---|---|---|---|---|---|')
    kept: list[tuple[Window, Window]] = []
    bench.loop.start()
    bench.window(1.0)
    for number in range(rounds):
        if number % 2:  # neither is always the first one
            shadowed, counts = bench.shadowed(seconds)
            alone = bench.window(seconds)
        else:
            alone = bench.window(seconds)
            shadowed, counts = bench.shadowed(seconds)
        kept.append((alone, shadowed))
        figures = (row(one, two, of) for one, two in [(alone, shadowed)] for of in (50, 99))
        done = f'{counts.run} of {shadowed.pictures}, {counts.skipped} skipped'
        print(f'| {number + 1} | {" | ".join(figures)} | {done} |', flush=True)
    bench.loop.stop()
    for percent in (50, 99):
        ratios = [two.percentile(percent) / one.percentile(percent) for one, two in kept]
        alone, shadowed = (
            Window(np.concatenate([each[side].every for each in kept]), 0) for side in (0, 1)
        )
        print(
            f'p{percent}: median of the ratios {statistics.median(ratios):.2f}; '
            f'over all windows | {row(alone, shadowed, percent)} |'
        )


def row(alone: Window, shadowed: Window, percent: float) -> str:
    """Returns both percentiles and their ratio, as cells of a table."""
    one, two = alone.percentile(percent), shadowed.percentile(percent)
    return f'{one:.2f} | {two:.2f} | {two / one:.2f}'


def fairness(pairs: Sequence[Pair], served: Sequence[float]) -> None:
    """Prints how alike the times of the same model are on both sides of the pairs.

    Args:
        pairs: of a model with itself.
        served: times of the same in the frame loop [ms], which are another matter.
    """
    both = [
        (one.stable.latency_ms, one.candidate.latency_ms)
        for one in pairs
        if one.stable is not None and one.candidate is not None
    ]
    if not both:
        print('there was no time for the shadow')
        return
    stable, candidate = np.array(both).T
    for percent in (50, 99):
        first, second = np.percentile(stable, percent), np.percentile(candidate, percent)
        other = np.percentile(served, percent)
        print(
            f'p{percent} in the shadow: {first:.2f} and {second:.2f} ms, {second / first:.2f}; '
            f'where it serves {other:.2f} ms, {second / other:.2f}'
        )
    print(f'disagreement: {max(one.disagreement or 0.0 for one in pairs):g} at most')


def encoding(bench: Bench) -> None:
    """Prints what encoding again takes in spare time, and what a copy takes of each frame."""
    item = bench.pipeline.wiring.inputs[0]
    observation = of_one(item.tensor, bench.pictures[0])
    work = bench.pipeline.prepare(observation)
    tensor = work.tensors[item.tensor]
    large = np.zeros((1, 3, 640, 640), np.float32)
    run = median_ms(lambda: bench.pipeline.infer([work]))
    print(f'a run {run:.2f} ms')
    print(f'decoding and encoding {median_ms(lambda: bench.pipeline.prepare(observation)):.3f} ms')
    for array in (tensor, large):
        took = median_ms(array.copy)
        print(f'a copy of {list(array.shape)}, {array.nbytes / 1e6:.1f} MB: {took:.3f} ms')


def median_ms(call: Callable[[], Any], times: int = 200) -> float:
    """Returns the median time of a call [ms]."""
    spent = []
    for _ in range(times):
        begin_ns = perf_counter_ns()
        call()
        spent.append((perf_counter_ns() - begin_ns) / 1e6)
    return statistics.median(spent)


def _keep_busy() -> None:
    while True:
        pass


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(description='Measure what a shadow costs.')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=4.0, help='of a window')
    parser.add_argument('--rate', type=float, default=30.0)
    parser.add_argument('--busy', type=int, default=0, help='processes that take the CPU')
    args = parser.parse_args()
    busy = [multiprocessing.Process(target=_keep_busy, daemon=True) for _ in range(args.busy)]
    for process in busy:
        process.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            store = make_store(Path(folder), Kind.IDENTICAL)
            bench = Bench(store, args.rate)
            measure(bench, args.rounds, args.seconds)
            fairness(bench.pairs, bench.latencies.in_model)
            encoding(bench)
    finally:
        for process in busy:
            process.terminate()


if __name__ == '__main__':
    main()
