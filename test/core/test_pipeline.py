"""What is measured of frames that run one by one and together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_integration.core.batching import Batch
from ml_integration.core.datatypes import Frame, ModelDescription, ModelIdentity, Verdict
from ml_integration.core.pipeline import Pipeline

MS = 1_000_000
MODEL = ModelDescription(ModelIdentity('m', 1), (), (), ())


class Time:
    """Passes only when somebody works."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def spend(self, ms: int) -> None:
        self.now_ns += ms * MS


class Parts:
    """Sensor, task and session in one: each stage takes its own time."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.seen: list[int] = []

    def decode(self, message: int, sequence: int) -> Frame:
        self._time.spend(1)
        return Frame(np.array([message]), '', sequence=sequence)

    def bind(self, inputs: Any) -> None:
        self._row = inputs['x']

    def preprocess(self, frame: Frame) -> tuple[Any, None]:
        self._time.spend(2)
        self._row[:] = frame.data
        return {'x': self._row}, None

    def run(self, tensors: Any) -> Any:
        self._time.spend(10)
        self.seen.append(len(tensors['x']))
        return {'y': 10 * tensors['x']}

    def postprocess(self, tensors: Any, geometry: None) -> int:
        self._time.spend(3)
        return int(tensors['y'][0])

    def validate(self, result: int, frame: Frame) -> Verdict:
        self._time.spend(4)
        return Verdict()


@pytest.mark.parametrize('together', [1, 2, 3])
def test_each_frame_is_charged_its_own_work_and_the_whole_run(together: int) -> None:
    time = Time()
    inputs = {'x': np.zeros(3, np.int64)}
    tasks = [Parts(time) for _ in range(3)]
    for row, task in enumerate(tasks):
        task.bind({'x': inputs['x'][row : row + 1]})
    session = Parts(time)
    batch = Batch(inputs, tuple(tasks))
    pipeline = Pipeline(tasks[0], tasks[0], session, MODEL, time, batch)
    works = [pipeline.prepare(7 + row, row, row) for row in range(together)]
    pipeline.infer(works)
    predictions = [pipeline.finish(work) for work in works]
    stages = {'decode': 1, 'preprocess': 2, 'infer': 10, 'postprocess': 3, 'validate': 4}
    assert session.seen == [together]  # one run
    assert [p.result for p in predictions] == [70, 80, 90][:together]
    assert [p.stage_ms for p in predictions] == [stages] * together
    assert {p.together for p in predictions} == {together}
