"""What a task takes for a VGA picture beside its model: results, judging them, messages."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from benchmarks.side_by_side.cells import say
from benchmarks.side_by_side.report import Series
from benchmarks.side_by_side.task_samples import SAMPLES, TaskSample
from ml_integration.core import plugins
from ml_integration.core.abilities import Serializing
from ml_integration.core.datatypes import Prediction
from ml_integration.core.declaration import build
from ml_integration.ops.letterbox import place
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.node.memory import keep_buffers

VGA = (640, 480)
ROUNDS = 15
PARTS = ('postprocess', 'validate', 'encode', 'round trip')
"""The last one is what rclpy takes to serialize the same messages and to read them again."""


def compare_tasks(repeats: int, rounds: int = ROUNDS) -> list[Series]:
    """Milliseconds of each part of each task, one per repeat; buffers are kept as in a node."""
    keep_buffers()
    found: list[Series] = []
    for name, sample in SAMPLES.items():
        say(f'task {name}')
        calls = calls_of(name, sample)
        taken = [_medians(calls, rounds) for _ in range(repeats)]
        for part, values in zip(PARTS, zip(*taken, strict=True), strict=True):
            found.append(Series(f'{name}: {part}', 'ms', values))
    say('')
    return found


def calls_of(name: str, sample: TaskSample) -> tuple[Callable[[], Any], ...]:
    """Makes what is measured: one call for each of `PARTS`."""
    task_type = plugins.load('tasks', name)
    outputs = dict(sample.outputs(np.random.default_rng(1)))
    model = sample.model(outputs)
    task = task_type(build(task_type.Settings, sample.settings, name), model)
    geometry = {'images': place('letterbox', VGA, sample.input_wh)}
    header = Header(frame_id='camera')
    result = task.postprocess(outputs, geometry)
    verdict = task.validate(result, geometry)
    prediction = Prediction(0, 'camera', {}, model.identity, result, verdict, {})
    messages = [message for _, message in task.encode(prediction, header, message_type)]

    def encode() -> list[Any]:
        if isinstance(task, Serializing):
            return list(task.serialize(prediction, header))
        return list(task.encode(prediction, header, message_type))

    def round_trip() -> list[Any]:
        return [deserialize_message(serialize_message(one), type(one)) for one in messages]

    return (
        lambda: task.postprocess(outputs, geometry),
        lambda: task.validate(result, geometry),
        encode,
        round_trip,
    )


def _medians(calls: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    spent: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, times in zip(calls, spent, strict=True):
            begin_ns = time.perf_counter_ns()
            call()
            times.append((time.perf_counter_ns() - begin_ns) / 1e6)
    return [statistics.median(times) for times in spent]
