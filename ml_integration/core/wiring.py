"""Sources of a model's input tensors at work: messages, states, sizes and constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ml_integration.core.arrivals import CLOCK, Arrival
from ml_integration.core.contracts import Encoder, Sensor
from ml_integration.core.datatypes import Array, Frame, Tensors
from ml_integration.core.inputs import SensorInput, SizeInput, StateInput, Trigger
from ml_integration.core.stage_contracts import Companion
from ml_integration.core.stats import InputKey
from ml_integration.core.transports import RAW


@dataclass(frozen=True, slots=True)
class Input:
    """Fills one tensor from messages.

    Attributes:
        source: the manifest's entry for the tensor.
        read: brings a message from the form in which it arrived to one with fields.
        sensor: makes frames of messages.
        encoders: make the tensor of frames; the one with index i writes row i.
        transport: form in which the messages come, as `core/transports` names it.
    """

    source: SensorInput
    read: Callable[[Any], Any]
    sensor: Sensor
    encoders: tuple[Encoder, ...]
    transport: str = RAW

    @property
    def tensor(self) -> str:
        return self.source.spec.name

    def decode(self, arrival: Arrival) -> Frame:
        return self.sensor.decode(self.read(arrival.message), arrival.stamp_ns)


@dataclass(frozen=True, slots=True)
class Beside:
    """Reads messages that a stage wants and no tensor takes.

    Attributes:
        source: what the stage says of them.
        read: brings a message from the form in which it arrived to one with fields.
        sensor: makes frames of messages.
        transport: form in which the messages come, as `core/transports` names it.
    """

    source: Companion
    read: Callable[[Any], Any]
    sensor: Sensor
    transport: str = RAW

    @property
    def tensor(self) -> str:
        return self.source.name

    def decode(self, arrival: Arrival) -> Frame:
        return self.sensor.decode(self.read(arrival.message), arrival.stamp_ns)


@dataclass(frozen=True, slots=True)
class SizedConstant:
    """Constant (..., height, width) as large as a picture's tensor, such as a mask of its pixels.

    Attributes:
        tensor: its name.
        picture: the tensor that the picture fills.
        value: of all of its elements.
    """

    tensor: str
    picture: str
    value: float


@dataclass(frozen=True, slots=True)
class Wiring:
    """Sources of the tensors of a model.

    Attributes:
        inputs: those that are made of messages.
        trigger: the message or clock that starts a run.
        rows: every input tensor of the model, (N, ...) each, where N observations run together.
        states: those that are outputs of the run before.
        sizes: those that tell the size of a picture.
        constants: those of free size that are as large as a picture's.
        companions: messages that accompany those of the inputs.
    """

    inputs: tuple[Input, ...]
    trigger: Trigger
    rows: Tensors
    states: tuple[StateInput, ...] = ()
    sizes: tuple[SizeInput, ...] = ()
    constants: tuple[SizedConstant, ...] = ()
    companions: tuple[Beside, ...] = ()

    @property
    def sources(self) -> tuple[Input | Beside, ...]:
        """Everything that messages come from."""
        return (*self.inputs, *self.companions)

    @property
    def trigger_topic(self) -> str:
        """Topic whose messages start runs; `CLOCK` if the clock does."""
        by_tensor = {item.tensor: item.source.topic for item in self.inputs}
        return by_tensor.get(self.trigger.tensor, CLOCK)

    def input_keys(self, stream: str = '') -> list[InputKey]:
        """Returns the keys of all messages of a stream."""
        return [
            InputKey(stream, one.topic, one.topic == self.trigger_topic, one.keep.holds)
            for one in (item.source for item in self.sources)
        ]

    @property
    def batch_size(self) -> int:
        """Most observations that can run together."""
        return len(self.inputs[0].encoders)

    def row(self, number: int) -> dict[str, Array]:
        """Returns the tensors of one observation: its row of each, or all if there is one row."""
        if self.batch_size == 1:
            return dict(self.rows)
        return {name: array[number : number + 1] for name, array in self.rows.items()}
