"""Sources of a model's input tensors, and the trigger of its runs, as the manifest says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

from ml_integration.core.datatypes import TensorSpec

ALWAYS_MS = 1e13
"""Tolerance of a message that holds, whatever its stamp, until another one says otherwise [ms]."""


class KeepRule(Enum):
    """Rule that selects the messages of an input that a run gets together with its trigger."""

    NEWEST = 'newest'
    """The newest message; it triggers."""
    NEAREST = 'nearest_ms'
    """The message whose stamp is nearest to the trigger's, within a tolerance."""
    LATEST = 'latest_ms'
    """The last message before the trigger, up to a maximum age."""
    WINDOW = 'window_ms'
    """The messages of a stretch of time that ends with the trigger."""


@dataclass(frozen=True, slots=True)
class KeepSpec:
    """Keep rule of an input with its limit.

    Attributes:
        rule: selects the messages that a run gets.
        limit_ms: tolerance, maximum age or length of the window [ms]; 0 for the trigger.
    """

    rule: KeepRule = KeepRule.NEWEST
    limit_ms: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether a message holds until the next one comes, however long that takes."""
        return self.rule is KeepRule.NEAREST and self.limit_ms >= ALWAYS_MS


@dataclass(frozen=True, slots=True)
class SensorInput:
    """Input tensor that is made of messages.

    Attributes:
        spec: the tensor.
        kind: the sensor plug-in that reads the messages, such as 'image' or 'joint_state'.
        topic: default name of the topic.
        keep: selects the messages that a run gets.
        encode: settings of the encoder that belongs to the sensor, not yet checked.
    """

    spec: TensorSpec
    kind: str
    topic: str
    keep: KeepSpec = KeepSpec()
    encode: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def tensor(self) -> str:
        return self.spec.name


@dataclass(frozen=True, slots=True)
class StateInput:
    """Input tensor that is an output of the run before; zeros at the start.

    Attributes:
        tensor: the input's name in the model file.
        state_of: the output's name in the model file.
    """

    tensor: str
    state_of: str


@dataclass(frozen=True, slots=True)
class ConstantInput:
    """Input tensor that is the same in each run, in the dtype and shape of the model file.

    Attributes:
        tensor: the input's name in the model file.
        value: value of every element.
    """

    tensor: str
    value: float


@dataclass(frozen=True, slots=True)
class SizeInput:
    """Input tensor that tells the size of the picture before it was resized.

    Attributes:
        tensor: the input's name in the model file.
        size_of: the tensor that the picture is encoded into.
        order: 'hw' for height and width, 'wh' for width and height.
    """

    tensor: str
    size_of: str
    order: str = 'hw'


ModelInput = SensorInput | StateInput | ConstantInput | SizeInput


@dataclass(frozen=True, slots=True)
class Trigger:
    """Trigger of a run: a message of an input, or the clock.

    Attributes:
        tensor: the input whose messages start runs; empty if the clock does.
        rate_hz: runs per second [Hz]; 0 if messages start them.
    """

    tensor: str = ''
    rate_hz: float = 0.0
