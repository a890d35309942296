"""Interface of the stages, which work on the results of a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ml_integration.core.contracts import MessageTypes, Task, Topic
from ml_integration.core.datatypes import (
    Frame,
    ModelDescription,
    Prediction,
)
from ml_integration.core.inputs import KeepSpec


@dataclass(frozen=True, slots=True)
class Companion:
    """Messages that a task or a stage wants beside the tensors of the model.

    Attributes:
        name: under which it gets the frames, such as 'depth'.
        kind: the sensor plug-in that reads the messages, such as 'camera_info'.
        formats: frame formats that it takes, the preferred one first.
        topic: default name of the topic.
        keep: selects the messages that a run gets.
    """

    name: str
    kind: str
    formats: tuple[str, ...]
    topic: str
    keep: KeepSpec

    @property
    def tensor(self) -> str:
        """The name, as inputs of a model have it."""
        return self.name


class Stage(Protocol):
    """Works on the results of a task before they are judged; the robot chooses it, not the model.

    One file in `stages/`, built as `Tracking(settings, task, model)`. One instance belongs to one
    pipeline and is used by one thread at a time; what it knows of a stream is in that stream's
    memory, which begins anew when time jumps back or another model takes over.
    """

    companions: tuple[Companion, ...]
    """Further messages that it wants."""
    topics: tuple[Topic, ...]
    """Topics of its own results, beside those of the task."""

    @property
    def Settings(self) -> type:  # noqa: N802
        """Frozen dataclass of `declared` fields, parameters of the node below the stage's name."""

    def __init__(self, settings: Any, task: Task, model: ModelDescription) -> None:
        """Raises ModelMismatchError when it cannot work on the results of this task."""

    def begin(self) -> Any:
        """Returns the memory of a stream that has just begun; None if it remembers nothing."""

    def __call__(
        self, result: Any, memory: Any, frames: Mapping[str, Sequence[Frame]], stamp_ns: int
    ) -> Any:
        """Returns the result with what the stage adds; changes `memory`.

        Args:
            result: of the task or the stage before, of the same type as what is returned.
            memory: what `begin` returned for this stream.
            frames: decoded messages of inputs and companions, by name, the oldest first.
            stamp_ns: the observation's stamp [ns].

        Raises:
            FrameError: it cannot be done for this observation.
        """

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterable[tuple[str, Any]]:
        """Builds the messages for the stage's own topics."""


@runtime_checkable
class Adding(Protocol):
    """A stage that adds something to each row of a task that is `Listing`."""

    @property
    def Addition(self) -> type:  # noqa: N802
        """Frozen dataclass of text, numbers and None; `str()` of it is a word for a person."""

    def additions(self, result: Any) -> Sequence[Any]:
        """Returns an `Addition` for each row of a result."""


class SecondModel(Protocol):
    """Another model of the store, open for a stage; used on the stage's thread."""

    description: ModelDescription
    """Identity, labels and tensors."""
    task: Task
    """Task of its manifest, which made the results that `run` returns."""

    def run(self, frames: Sequence[Frame]) -> Sequence[Any]:
        """Runs it on pictures, several at once where it can.

        It never fails: what does is counted and told, and the first model's result goes on.

        Args:
            frames: pictures of any size and encoding.

        Returns:
            For each the task's result, valid and in that picture's coordinates; None where there
            is none.
        """


@runtime_checkable
class Following(Protocol):
    """A stage that asks a second model about parts of what the first one has seen.

    That model is found, verified, tested and executed like the first one. One open model belongs
    to one stage of one pipeline.
    """

    wanted: str
    """The model: name or name@version."""
    most: int
    """Most frames that it is asked about at once."""

    def follow(self, second: SecondModel) -> None:
        """Takes the open model, before anything else is asked of the stage but its companions.

        Its topics may depend on it.

        Raises:
            ModelMismatchError: it cannot use the results of such a model.
        """
