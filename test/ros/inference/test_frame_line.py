"""What a frame costs when it goes wrong, and whose its result is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rclpy.clock import Clock
from std_msgs.msg import Header

from ml_integration.core.batching import Batch
from ml_integration.core.datatypes import (
    Frame,
    ModelDescription,
    ModelIdentity,
    Prediction,
    Reason,
    Verdict,
)
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stats import InputKey
from ml_integration.errors import FrameError, InferenceError
from ml_integration.ros.inference.frame_line import FrameLine
from ml_integration.ros.inference.mailbox import Letter

CAMERAS = 3
SECOND_NS = 10**9


class Parts:
    """Sensor, task and session in one, of numbers: each stage fails at a number of its own."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []
        self.row = np.zeros(1, np.int64)

    def decode(self, message: Any, sequence: int) -> Frame:
        if message.number == 1:
            raise FrameError('cannot be read')
        return Frame(np.array([message.number]), '', sequence=sequence)

    def preprocess(self, frame: Frame) -> tuple[Any, None]:
        self.row[:] = frame.data
        if frame.data[0] == 2:
            raise ZeroDivisionError('a mistake in a task')
        return {'x': self.row}, None

    def run(self, tensors: Any) -> Any:
        self.runs.append(tensors['x'].tolist())
        if 3 in tensors['x']:
            raise InferenceError('m@1', 'out of memory')
        return {'y': tensors['x'].copy()}

    def postprocess(self, tensors: Any, geometry: None) -> int:
        if tensors['y'][0] == 4:
            raise FrameError('cannot be decoded')
        return int(tensors['y'][0])

    def validate(self, result: int, frame: Frame) -> Verdict:
        return Verdict((Reason('odd', 'five'),) if result == 5 else ())


class Models:
    """Lends a pipeline and remembers how it did."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.outcomes: list[bool] = []

    @contextmanager
    def lease(self) -> Iterator[Pipeline]:
        yield self._pipeline

    def record(self, good: bool) -> None:
        self.outcomes.append(good)


class Line:
    """A frame line between parts that the test looks into.

    Args:
        together: how many frames can run together.
    """

    def __init__(self, together: int) -> None:
        self.session = Parts()
        inputs = {'x': np.zeros(together, np.int64)}
        tasks = tuple(Parts() for _ in range(together))
        for row, task in enumerate(tasks):
            task.row = inputs['x'][row : row + 1]
        model = ModelDescription(ModelIdentity('m', 1), (), (), ())
        batch = Batch(inputs, tasks) if together > 1 else None
        task: Any = tasks[0]
        self.models = Models(Pipeline(task, task, self.session, model, batch=batch))
        self.published: list[tuple[int, tuple[str, int]]] = []
        self.failures: list[str] = []
        self.monitor = Monitor(0, [InputKey(f'c{number}') for number in range(CAMERAS)])
        node: Any = SimpleNamespace(get_clock=Clock, context=SimpleNamespace(ok=lambda: True))
        models: Any = self.models
        cameras: Any = [self._camera(number) for number in range(CAMERAS)]
        self._line = FrameLine(node, models, cameras, self.monitor, None, lambda: 1000.0)

    def _camera(self, number: int) -> Any:
        def publish(task: Any, prediction: Prediction, header: Header) -> None:
            self.published.append((number, (header.frame_id, prediction.result)))

        results = SimpleNamespace(publish=publish)
        return SimpleNamespace(
            name=f'c{number}', results=results, side_outputs=SimpleNamespace(publish=_nothing)
        )

    def serve(self, *numbers: int, old: tuple[int, ...] = ()) -> None:
        """Serves one number per camera; those in `old` were stamped long ago."""
        letters = []
        for camera, number in enumerate(numbers):
            header = Header(frame_id=f'c{camera}')
            header.stamp.sec = 1 if number in old else Clock().now().nanoseconds // SECOND_NS + 1
            message = SimpleNamespace(header=header, number=number)
            letters.append(Letter(message, 7, 0, camera))
        self._line.serve(letters, lambda error: self.failures.append(str(error)))


def _nothing(*arguments: Any) -> None:
    pass


@pytest.fixture(params=[1, 2, 3])
def line(request: pytest.FixtureRequest) -> Line:
    return Line(request.param)


def test_results_go_to_their_camera_with_its_header(line: Line) -> None:
    line.serve(10, 20, 30)
    assert line.published == [(0, ('c0', 10)), (1, ('c1', 20)), (2, ('c2', 30))]
    assert line.models.outcomes == [True] * 3
    assert [one.age is not None for one in line.monitor.stats(SECOND_NS).streams] == [True] * 3


def test_as_many_as_possible_run_together() -> None:
    for together, runs in ((1, [[10], [20], [30]]), (2, [[10, 20], [30]]), (3, [[10, 20, 30]])):
        line = Line(together)
        line.serve(10, 20, 30)
        assert line.session.runs == runs


@pytest.mark.parametrize(
    ('bad', 'reason'),
    [
        (1, 'cannot be read'),  # in the sensor
        (2, 'a mistake in a task'),  # not even an error of ours
        (4, 'cannot be decoded'),  # after the run
    ],
)
def test_a_frame_that_fails_costs_only_itself(line: Line, bad: int, reason: str) -> None:
    line.serve(10, bad, 30)
    assert line.published == [(0, ('c0', 10)), (2, ('c2', 30))]
    assert line.failures == [reason]
    assert sorted(line.models.outcomes) == [False, True, True]


@pytest.mark.parametrize(('together', 'lost'), [(1, 1), (2, 2), (3, 3)])
def test_a_run_that_fails_costs_each_frame_in_it(together: int, lost: int) -> None:
    line = Line(together)
    line.serve(10, 3, 30)
    assert line.failures == ['m@1: inference failed: out of memory'] * lost
    assert line.models.outcomes.count(False) == lost
    assert len(line.published) == 3 - lost


def test_a_frame_that_is_too_old_is_left_out(line: Line) -> None:
    line.serve(10, 20, 30, old=(20,))
    assert line.published == [(0, ('c0', 10)), (2, ('c2', 30))]
    assert line.failures == []
    assert line.monitor.stats(SECOND_NS).total.stale == 1


def test_an_invalid_result_is_held_back_and_the_others_are_published(line: Line) -> None:
    line.serve(10, 5, 30)
    assert line.published == [(0, ('c0', 10)), (2, ('c2', 30))]
    assert line.models.outcomes == [True, False, True]
    assert line.monitor.stats(SECOND_NS).invalid_kinds == {'odd': 1}


def test_nothing_runs_when_no_frame_is_worth_it(line: Line) -> None:
    line.serve(1, 20, old=(20,))
    assert line.session.runs == []
