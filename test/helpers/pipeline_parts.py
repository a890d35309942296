"""A pipeline whose parts note what they see and how long they work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.contracts import Topic
from ml_integration.core.datatypes import (
    Frame,
    ModelDescription,
    ModelIdentity,
    TensorSpec,
    Verdict,
)
from ml_integration.core.inputs import KeepSpec, SensorInput, SizeInput, StateInput, Trigger
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stage_contracts import Companion
from ml_integration.core.wiring import Beside, Input, Wiring
from ml_integration.errors import FrameError, InferenceError

MS = 1_000_000
OUTPUT = TensorSpec('y', 'float32', (None, 1))
MODEL = ModelDescription(ModelIdentity('m', 1), (), (), (OUTPUT,))


class Time:
    """Passes only when somebody works."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def spend(self, ms: int) -> None:
        self.now_ns += ms * MS


class Decoding:
    """A sensor of numbers that notes what it reads; negative ones are bad."""

    message_type = 'std_msgs/msg/Int64'
    kind = 'numbers'

    def __init__(self, time: Time) -> None:
        self._time = time
        self.read: list[int] = []

    def decode(self, message: int, stamp_ns: int) -> Frame:
        self._time.spend(1)
        self.read.append(message)
        if message < 0:
            raise FrameError('no number')
        return Frame(np.array([message]), '', stamp_ns, f'frame {message}')


@dataclass
class Size:
    source_wh: tuple[int, int]


class Summing:
    """An encoder that sums what it sees; its geometry is a size of how many x that sum."""

    def __init__(self, time: Time, tensor: np.ndarray) -> None:
        self._time = time
        self._tensor = tensor

    def __call__(self, frames: Sequence[Frame]) -> Size:
        self._time.spend(2)
        self._tensor[:] = sum(int(frame.data[0]) for frame in frames)
        return Size((len(frames), int(self._tensor[0])))


class Judging:
    """A task whose result is its output, and that notes the geometry it is given."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.geometry: list[Mapping[str, Any]] = []

    def postprocess(self, outputs: Any, geometry: Mapping[str, Any]) -> float:
        self._time.spend(3)
        self.geometry.append(geometry)
        return float(outputs['y'][0])

    def validate(self, result: float, geometry: Mapping[str, Any]) -> Verdict:
        self._time.spend(4)
        assert geometry is self.geometry[-1]
        return Verdict()


class Counting:
    """A stage that adds how many results of the stream it has seen, and what accompanies them."""

    companions: tuple[Companion, ...] = ()

    def __init__(self, time: Time, topics: tuple[Topic, ...] = ()) -> None:
        self._time = time
        self.topics = topics

    def begin(self) -> list[float]:
        return []

    def __call__(
        self,
        result: float,
        memory: list[float],
        frames: Mapping[str, Sequence[Frame]],
        stamp_ns: int,
    ) -> float:
        self._time.spend(5)
        memory.append(result)
        beside = sum(int(frame.data[0]) for frame in frames.get('beside', ()))
        return result + len(memory) + beside / 1000

    def encode(self, prediction: Any, header: Any, messages: Any) -> Iterable[tuple[str, Any]]:
        return [(topic.name, prediction.result) for topic in self.topics]


class Running:
    """A session: y is ten times x, and what is fed back is h + x. It notes its inputs."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.seen: list[dict[str, np.ndarray]] = []
        self.failing = False
        self.closed = False
        self._fed_back = np.zeros(1)

    def run(
        self, tensors: Mapping[str, np.ndarray], deadline_ns: int | None = None
    ) -> Mapping[str, np.ndarray]:
        self._time.spend(10)
        self.seen.append({name: array.copy() for name, array in tensors.items()})
        if self.failing:
            raise InferenceError('m@1', 'out of memory')
        outputs = {'y': 10 * tensors['x']}
        if 'h' in tensors:
            self._fed_back[:] = tensors['h'] + tensors['x']  # an engine's buffer, used again
            outputs['h_out'] = self._fed_back
        return outputs

    def close(self) -> None:
        self.closed = True


@dataclass
class Bench:
    """A pipeline and its parts."""

    pipeline: Pipeline
    sensor: Decoding
    task: Judging
    session: Running


def bench(
    keeps: Mapping[str, KeepSpec] | None = None,
    rate_hz: float = 0.0,
    size: int = 1,
    constants: Mapping[str, np.ndarray] | None = None,
    states: tuple[StateInput, ...] = (),
    sizes: tuple[SizeInput, ...] = (),
    stages: Mapping[str, tuple[Topic, ...]] | None = None,
    companions: Sequence[Companion] = (),
) -> Bench:
    time = Time()
    sensor, task, session = Decoding(time), Judging(time), Running(time)
    rows = {name: np.zeros(size) for name in keeps or {'x': KeepSpec()}}
    inputs = tuple(
        Input(
            SensorInput(TensorSpec(name, 'float64', (None,)), 'numbers', name, keep),
            lambda message: message['number'],
            sensor,
            tuple(Summing(time, rows[name][row : row + 1]) for row in range(size)),
        )
        for name, keep in (keeps or {'x': KeepSpec()}).items()
    )
    rows.update(constants or {})
    rows.update({state.tensor: np.full(1, 99.0) for state in states})
    rows.update({size.tensor: np.zeros((1, 2), np.int64) for size in sizes})
    beside = tuple(Beside(item, lambda message: message['number'], sensor) for item in companions)
    trigger = Trigger('' if rate_hz else 'x', rate_hz)
    wiring = Wiring(inputs, trigger, rows, states, sizes, companions=beside)
    staged = {name: Counting(time, topics) for name, topics in (stages or {}).items()}
    return Bench(Pipeline(wiring, task, session, MODEL, time, staged), sensor, task, session)


def arrival(number: int) -> Arrival:
    """The message that says its own number, 10 ms after the one before."""
    return Arrival({'number': number}, 10 * MS * number, 0, number)


def seen(*numbers: int, stream: str = '', restarted: bool = False, **others: Any) -> Observation:
    """What a run sees that the last of these messages of x triggers."""
    arrivals = {'x': [arrival(number) for number in numbers], **others}
    return Observation(stream, arrival(numbers[-1]), arrivals, restarted)
