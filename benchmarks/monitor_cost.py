"""Measures what monitoring takes of each frame of a node, and of each second.

`python -m benchmarks.monitor_cost --rounds 30`. Beside it stands the frame itself: a VGA picture
on its way through the pipeline of a real model. What monitoring takes is CPU time of the thread
that does it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns, perf_counter_ns, thread_time_ns

import cv2
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from benchmarks.side_by_side.models import make_pictures
from ml_integration.core.arrivals import Observation, of_one
from ml_integration.core.datatypes import Prediction
from ml_integration.core.endpoints import Endpoint
from ml_integration.core.health import Alarms, HealthSettings, judge
from ml_integration.core.judge import Judge
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.watches import Watch
from ml_integration.core.work import StageClock
from ml_integration.demos.own_domain import use_own_domain
from ml_integration.deploy.loading import Loader
from ml_integration.ros.inference.diagnostics import frame_statuses, watched_statuses
from ml_integration.ros.inference.inference_node import InferenceNode
from ml_integration.ros.inference.intake import reader_for
from ml_integration.ros.inference.watches import NodeWatches
from ml_integration.ros.node.memory import keep_buffers
from ml_integration.serving.watching import Watching
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.policy import Trust

MODELS = Path(__file__).parents[1] / 'models'
GOAL_US, GOAL_SHARE = 20.0, 0.01
RATE_HZ = 30
WINDOW_S = 10
CALLS = 300
PARTS = ('numbers', 'watches', 'a second')
STAGES = ('decode', 'encode', 'infer', 'postprocess', 'validate')


@dataclass(frozen=True, slots=True)
class Run:
    """One frame of a model: what it saw, what came out, and what made it."""

    topic: str
    observation: Observation
    prediction: Prediction
    pipeline: Pipeline

    def again(self) -> Prediction:
        return self.pipeline.run(self.observation)


def main() -> int:
    """Entry point; returns 1 when the goal is missed."""
    parser = argparse.ArgumentParser(prog='monitor_cost', description=__doc__)
    parser.add_argument('--rounds', type=int, default=30)
    parser.add_argument('--model', default='shapes/1')
    parser.add_argument('--out', type=Path, default=Path('out'))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    use_own_domain()
    keep_buffers()
    run = first_run(options.model, options.out)
    rclpy.init()
    node = InferenceNode()
    try:
        figures = measure(run, NodeWatches(node).every, options.rounds)
    finally:
        node.destroy_node()
        rclpy.shutdown()
        run.pipeline.close()
    (options.out / 'monitor_cost.json').write_text(json.dumps(figures, indent=2) + '\n')
    show(figures)
    good = figures['numbers'] < GOAL_US and figures['numbers'] < GOAL_SHARE * figures['frame']
    return 0 if good else 1


def first_run(model: str, out: Path) -> Run:
    """Runs a model once on a VGA picture that came serialized, as over the network."""
    picture = cv2.imread(str(make_pictures(out / 'pictures')['VGA']))
    height, width = picture.shape[:2]
    message = Image(height=height, width=width, encoding='bgr8', step=3 * width)
    message.data = picture.tobytes()
    package = read_package(MODELS / model, Trust())
    pipeline = Loader(reader_for=reader_for).load(package)
    (item,) = pipeline.wiring.inputs
    observation = of_one(item.tensor, serialize_message(message))
    return Run(item.source.topic, observation, pipeline.run(observation), pipeline)


def measure(run: Run, watches: Sequence[Watch], rounds: int) -> dict[str, float]:
    """Returns microseconds of a frame and of each of `PARTS`: medians of the rounds."""
    monitor = Monitor(monotonic_ns(), run.pipeline.wiring.input_keys())
    for watch in watches:
        watch.begin(monotonic_ns())
    for _ in range(RATE_HZ * WINDOW_S):
        numbers(monitor, run)
    watching = Watching(watches, most_of_time=math.inf)  # every run is measured
    second = a_second(monitor, run, watches)
    calls: dict[str, Callable[[], object]] = {
        'numbers': lambda: numbers(monitor, run),
        'watches': lambda: watching.take(run.observation, run.prediction, run.pipeline),
        'a second': second,
    }
    spent: dict[str, list[float]] = {name: [] for name in ('frame', *PARTS)}
    for _ in range(rounds):
        spent['frame'].append(taken_us(run.again, 20, perf_counter_ns))
        for name, call in calls.items():
            spent[name].append(taken_us(call, 20 if name == 'a second' else CALLS))
    return {name: statistics.median(values) for name, values in spent.items()}


def numbers(monitor: Monitor, run: Run) -> None:
    """Does what a frame's own statistics take: the clock of its stages and the monitor."""
    clock = StageClock(perf_counter_ns)
    for stage in STAGES:
        clock.lap(stage)
    began_ns, done_ns = monotonic_ns(), monotonic_ns()
    prediction, now_ns = run.prediction, monotonic_ns()
    monitor.received('', run.topic, now_ns, len(run.observation.trigger.message), 0, 0)
    stage_ms = {'wait': 0.1, **prediction.stage_ms, 'publish': (done_ns - began_ns) / 1e6}
    monitor.completed('', prediction.verdict, 5.0, stage_ms, now_ns, 1, prediction.omitted)


def a_second(monitor: Monitor, run: Run, watches: Sequence[Watch]) -> Callable[[], object]:
    """Returns what is done once a second: judging, and the message of it."""
    endpoints = [Endpoint('', run.topic, '/image', 1)]
    steady, settings = Judge(), HealthSettings()

    def do() -> bytes:
        now_ns = monotonic_ns()
        stats = monitor.stats(now_ns)
        looks = [watch.look(now_ns) for watch in watches]
        found = [look.finding for look in looks]
        health = steady.steady(judge(stats, endpoints, 0.0, Alarms(), settings, None, found))
        frames = frame_statuses('/node', health, stats, endpoints, 0.0)
        statuses = [*frames, *watched_statuses('/node', health, looks)]
        return bytes(serialize_message(DiagnosticArray(status=statuses)))

    return do


def taken_us(
    call: Callable[[], object], count: int, now_ns: Callable[[], int] = thread_time_ns
) -> float:
    """Returns the time of one of `count` calls [us]."""
    begin_ns = now_ns()
    for _ in range(count):
        call()
    return (now_ns() - begin_ns) / count / 1e3


def show(figures: dict[str, float]) -> None:
    """Prints the figures, each as a share of a frame or of a second."""
    print(f'a frame takes {figures["frame"]:.0f} us')
    for name in PARTS[:2]:
        share = figures[name] / figures['frame']
        print(f'{name:10}{figures[name]:8.1f} us per frame {share:8.2%} of it')
    print(f'{PARTS[2]:10}{figures[PARTS[2]]:8.1f} us {figures[PARTS[2]] / 1e6:20.2%} of it')
    print(f'goal: numbers below {GOAL_US:g} us and {GOAL_SHARE:.0%} of a frame')


if __name__ == '__main__':
    sys.exit(main())
