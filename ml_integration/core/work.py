"""What a pipeline has in hand: an observation under way, and what it remembers of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_integration.core.arrivals import Observation
from ml_integration.core.datatypes import (
    Array,
    Frame,
    Geometry,
    Tensors,
)
from ml_integration.core.inputs import KeepRule
from ml_integration.core.wiring import Beside, Input
from ml_integration.errors import FrameError, MessageError

Frames = Mapping[str, Sequence[Frame]]
"""Decoded messages of one observation by the name of tensor or companion, the oldest first."""


class StageClock:
    """Measures stages: each lap is the time since the last one, or since what was left out."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._last_ns = now_ns()
        self.stage_ms: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now_ns = self._now_ns()
        self.stage_ms[stage] = (now_ns - self._last_ns) / 1e6
        self._last_ns = now_ns

    def leave_out(self) -> None:
        """Counts the time since the last lap for no stage."""
        self._last_ns = self._now_ns()


@dataclass(slots=True, eq=False)
class Memory:
    """Memory of one pipeline about one stream: fed-back states and decoded frames.

    Attributes:
        state: outputs of the last run that are inputs of the next one, by tensor name.
        frames: decoded messages of the last run's windows, by tensor name and number of the
            message, so that each message is decoded once; None for one that cannot be read.
        stages: what each stage remembers, by its name.
    """

    state: dict[str, Array] = field(default_factory=dict)
    frames: dict[str, dict[int, Frame | None]] = field(default_factory=dict)
    stages: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Work:
    """An observation on its way through a pipeline.

    Attributes:
        observation: the messages.
        frames: the same, decoded.
        memory: the pipeline's memory of the stream.
        tensors: the model's inputs, valid until the row is prepared again.
        geometry: how the encoders moved and scaled the inputs.
        clock: measures this observation's stages.
        outputs: the model's outputs, (1, ...) each, valid until the next run.
        together: number of observations in the same run, this one included.
        deadline_ns: when whatever is run for it gives up [ns, steady clock]; None: never.
    """

    observation: Observation
    frames: Frames
    memory: Memory
    tensors: Tensors
    geometry: Geometry
    clock: StageClock
    outputs: Tensors = field(default_factory=dict)
    together: int = 1
    deadline_ns: int | None = None


def decoded_frames(
    item: Input | Beside, observation: Observation, memory: Memory
) -> Sequence[Frame]:
    """Returns an input's frames of one run; decodes only messages that the last run had not.

    A message of a window that cannot be read fails the first run that gets it, and is left out
    of the later ones.
    """
    try:
        return _decoded(item, observation, memory)
    except MessageError as error:
        if len(observation.arrivals) > 1:  # otherwise it is plain which message is meant
            error.at(item.source.topic)
        raise


def _decoded(item: Input | Beside, observation: Observation, memory: Memory) -> Sequence[Frame]:
    tensor = item.tensor
    arrivals = observation.arrivals[tensor]
    if item.source.keep.rule is not KeepRule.WINDOW:
        return tuple(map(item.decode, arrivals))
    known = memory.frames.get(tensor, {})
    seen = {one.number: known[one.number] for one in arrivals if one.number in known}
    memory.frames[tensor] = seen  # before decoding, which may end at a bad message
    for one in arrivals:
        if one.number not in seen:
            seen[one.number] = None  # unless it can be decoded
            seen[one.number] = item.decode(one)
    frames = tuple(frame for one in arrivals if (frame := seen[one.number]) is not None)
    if not frames:
        raise FrameError(f"no message in the window of '{tensor}' can be read")
    return frames
