"""Pipelines of numbers, in which each part can be made to fail, for what runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ml_integration.core.arrivals import Observation
from ml_integration.core.contracts import Topic
from ml_integration.core.datatypes import (
    Frame,
    ModelDescription,
    ModelIdentity,
    Prediction,
    Reason,
    TensorSpec,
    Verdict,
)
from ml_integration.core.inputs import KeepRule, KeepSpec, SensorInput, Trigger
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.wiring import Input, Wiring
from ml_integration.deploy.router import Lease, Router
from ml_integration.errors import FrameError, InferenceError

SPEC = TensorSpec('x', 'int64', (1,))
OUTPUT = TensorSpec('y', 'int64', (None,))


class NumberSensor:
    """Takes a number for a message; 1 cannot be read."""

    message_type = 'std_msgs/msg/Int64'
    kind = 'numbers'

    def __init__(self) -> None:
        self.decoded = 0

    def decode(self, message: int, stamp_ns: int) -> Frame:
        self.decoded += 1
        if message == 1:
            raise FrameError('cannot be read')
        return Frame(np.array([message]), 'number', stamp_ns, 'frame')


class SumEncoder:
    """Writes the sum of what is seen; 2 is a mistake that is no error of ours."""

    formats = ('number',)
    spec = SPEC

    def bind(self, tensor: np.ndarray) -> None:
        self._tensor = tensor

    def __call__(self, frames: Sequence[Frame]) -> int:
        total = int(sum(frame.data[0] for frame in frames))
        if total == 2:
            raise ZeroDivisionError('a mistake in an encoder')
        self._tensor[:] = total
        return len(frames)


class NumberTask:
    """Hands the number on; 4 cannot be decoded and 5 is invalid."""

    topics = (Topic('numbers', 'std_msgs/msg/Int64'),)
    batched = True

    def postprocess(self, outputs: Any, geometry: Any) -> int:
        if outputs['y'][0] == 4:
            raise FrameError('cannot be decoded')
        return int(outputs['y'][0])

    def validate(self, result: int, geometry: Any) -> Verdict:
        return Verdict((Reason('odd', 'five'),) if result == 5 else ())


class NumberStage:
    """Adds how many results of the stream it has seen; the sixth one it cannot work on."""

    companions = topics = ()

    def begin(self) -> list[int]:
        return []

    def __call__(self, result: int, memory: list[int], frames: Any, stamp_ns: int) -> int:
        memory.append(result)
        if len(memory) == 6:
            raise FrameError('the stage has seen too much')
        return result + len(memory)

    def encode(self, prediction: Any, header: Any, messages: Any) -> tuple[()]:
        return ()


class NumberSession:
    """Gives what it got, times `factor`; a run with a 3 in it fails."""

    device = 'none'
    cpus = frozenset[int]()

    def __init__(self, factor: int = 1) -> None:
        self.runs: list[list[int]] = []
        self.closed = self.interrupted = False
        self._factor = factor

    def run(self, tensors: Any, deadline_ns: int | None = None) -> Any:
        self.runs.append(tensors['x'].tolist())
        if 3 in tensors['x']:
            raise InferenceError('m@1', 'out of memory')
        return {'y': self._factor * tensors['x']}

    def interrupt(self) -> None:
        self.interrupted = True

    def close(self) -> None:
        self.closed = True


def number_input(
    tensor: str, rule: KeepRule = KeepRule.NEWEST, limit_ms: float = 0
) -> SensorInput:
    spec = TensorSpec(tensor, 'int64', (1,))
    return SensorInput(spec, 'numbers', tensor, KeepSpec(rule, limit_ms))


def number_pipeline(
    together: int = 1,
    *others: SensorInput,
    version: int = 1,
    factor: int = 1,
    stages: Mapping[str, Any] | None = None,
) -> Pipeline:
    """A pipeline triggered by `x`; the other inputs are read, and their values have no effect."""
    sources = (number_input('x'), *others)
    rows = {item.tensor: np.zeros(together, np.int64) for item in sources}
    inputs = []
    for source in sources:
        encoders = tuple(SumEncoder() for _ in range(together))
        for row, encoder in enumerate(encoders):
            encoder.bind(rows[source.tensor][row : row + 1])
        inputs.append(Input(source, lambda message: message, NumberSensor(), encoders))
    wiring = Wiring(tuple(inputs), Trigger('x'), rows)
    model = ModelDescription(ModelIdentity('m', version), (), (SPEC,), (OUTPUT,))
    session: Any = NumberSession(factor)
    task: Any = NumberTask()
    return Pipeline(wiring, task, session, model, stages=stages)


class NumberRouter(Router):
    """A router that remembers how each model did, by version."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(retire=lambda pipeline: None)
        self.outcomes: list[tuple[int, bool]] = []
        self.swap(pipeline)

    @contextmanager
    def lease(self, can_run: Callable[[Pipeline], bool] = lambda _: True) -> Iterator[Lease]:
        with super().lease(can_run) as lease:
            yield self._noting(lease)

    @contextmanager
    def lease_serving(self) -> Iterator[Lease]:
        with super().lease_serving() as lease:
            yield self._noting(lease)

    def _noting(self, lease: Lease) -> Lease:
        version = lease.pipeline.model.identity.version
        return replace(lease, record=lambda good: self.outcomes.append((version, good)))


class Listener:
    """A sink that remembers what it got, or raises."""

    def __init__(self, name: str = 'results', error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.got: list[tuple[str, int]] = []
        self.predictions: list[Prediction] = []

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        if self.error is not None:
            raise self.error
        self.predictions.append(prediction)
        if prediction.verdict.ok:
            self.got.append((observation.stream, prediction.result))
