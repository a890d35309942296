"""Four cameras: one node that takes them all and batches, against four naive nodes."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

from benchmarks.side_by_side.cells import Plan, say
from benchmarks.side_by_side.frame_source import SILENCE, Sent, Stream
from benchmarks.side_by_side.models import BATCHED
from benchmarks.side_by_side.observer import Arrival, wait
from benchmarks.side_by_side.place import Place
from benchmarks.side_by_side.report import Series
from ml_integration.ros.node.parameters import InferenceNodeParameters

LABELS = {'naive': 'naive', 'ours': 'ours', 'in_turn': 'ours, in turn'}
NAMES = ('c0', 'c1', 'c2', 'c3')
RATE_HZ = 300.0  # more than anybody can take
SETTLE_S = 0.5
TIMEOUT_MS = 5.0
SKIPPED = 'Four cameras were not compared: this inference node takes one camera.'


def compare_cameras(place: Place, picture: Path, plan: Plan) -> tuple[list[Series], list[str]]:
    """Results per second of all cameras together, and why it was not measured."""
    if 'cameras' not in {field.name for field in fields(InferenceNodeParameters)}:
        return [], [SKIPPED]
    taken: dict[str, list[float]] = {'naive': [], 'ours': [], 'in_turn': []}
    with ExitStack() as resources:
        topics = {
            'naive': _naive_nodes(place, resources),
            'ours': _our_node('ours', len(NAMES), place, resources),
            'in_turn': _our_node('in_turn', 1, place, resources),
        }
        for _ in range(plan.repeats):
            for who, results in topics.items():
                say(f'four cameras, {who}')
                images = [f'/cameras_{who}/{name}/image' for name in NAMES]
                stream = Stream(images, str(picture), RATE_HZ)
                taken[who].append(_results_hz(place, stream, results, plan.window_s))
    say('')
    return [
        Series(f'4 cameras, {LABELS[who]}', 'results/s', tuple(v)) for who, v in taken.items()
    ], []


def _naive_nodes(place: Place, resources: ExitStack) -> list[str]:
    """Starts one for each camera; returns the topics of their results."""
    for name in NAMES:
        image = ('-r', f'image:=/cameras_naive/{name}/image')
        resources.callback(place.naive(f'naive_{name}', BATCHED, os.environ, *image).end)
    return [f'/naive_{name}/detections' for name in NAMES]


def _our_node(who: str, together: int, place: Place, resources: ExitStack) -> list[str]:
    """Starts one for all cameras; returns the topics of its results."""
    values = {'cameras': list(NAMES), 'batch.max_size': together, 'batch.timeout_ms': TIMEOUT_MS}
    remaps = [
        part for name in NAMES for part in ('-r', f'{name}/image:=/cameras_{who}/{name}/image')
    ]
    node = place.ours(who, BATCHED.reference, place.out / f'state/{who}', *remaps, **values)
    resources.callback(node.end)
    return [f'/{who}/{name}/detections' for name in NAMES]


def _results_hz(place: Place, stream: Stream, topics: list[str], window_s: float) -> float:
    camera = place.cameras.profile
    with ExitStack() as watching:
        arrivals = [watching.enter_context(place.observer.results(topic)) for topic in topics]
        camera.ask(stream, Sent)
        try:
            wait(lambda: all(arrivals), 'results of every camera')
            time.sleep(SETTLE_S)
            begin_ns = time.time_ns()
            time.sleep(window_s)
            end_ns = time.time_ns()
        finally:
            camera.ask(SILENCE, Sent)
        time.sleep(SETTLE_S)
        return (
            sum(_inside(taken, begin_ns, end_ns) for taken in arrivals) * 1e9 / (end_ns - begin_ns)
        )


def _inside(arrivals: list[Arrival], begin_ns: int, end_ns: int) -> int:
    return sum(begin_ns <= arrival.arrival_ns < end_ns for arrival in arrivals)
