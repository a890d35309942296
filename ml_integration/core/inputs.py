"""What fills each input tensor of a model, as its manifest says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

from ml_integration.core.datatypes import TensorSpec


class KeepRule(Enum):
    """Which of the messages that have come are seen together with what triggers a run."""

    NEWEST = 'newest'
    """The newest one; it triggers."""
    NEAREST = 'nearest_ms'
    """The one whose stamp is nearest to the trigger's, within a tolerance."""
    LATEST = 'latest_ms'
    """The last one before the trigger, up to a maximum age."""
    WINDOW = 'window_ms'
    """All of a stretch of time that ends with the trigger."""


@dataclass(frozen=True, slots=True)
class KeepSpec:
    """What an input keeps of its topic.

    Attributes:
        rule: which messages are seen.
        limit_ms: tolerance, maximum age or length of the window [ms]; 0 for what triggers.
    """

    rule: KeepRule = KeepRule.NEWEST
    limit_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class SensorInput:
    """A tensor that is made of messages.

    Attributes:
        spec: the tensor.
        kind: the sensor plug-in that reads the messages, such as 'image' or 'joint_state'.
        topic: default name of the topic.
        keep: which messages are seen.
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
    """A tensor that is an output of the run before; zeros at the start.

    Attributes:
        tensor: the input's name in the model file.
        state_of: the output's name in the model file.
    """

    tensor: str
    state_of: str


@dataclass(frozen=True, slots=True)
class ConstantInput:
    """A tensor that is the same in each run, in the dtype and shape of the model file.

    Attributes:
        tensor: the input's name in the model file.
        value: what every element is.
    """

    tensor: str
    value: float


@dataclass(frozen=True, slots=True)
class SizeInput:
    """A tensor that tells the size of the picture as it came.

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
    """What starts a run: a message of an input, or the clock.

    Attributes:
        tensor: the input whose messages start runs; empty where the clock does.
        rate_hz: runs per second [Hz]; 0 where messages start them.
    """

    tensor: str = ''
    rate_hz: float = 0.0
