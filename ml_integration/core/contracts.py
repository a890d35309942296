"""What a sensor, a task and a backend have to offer. Nothing else is decided here.

A plug-in is ONE file in `sensors/`, `tasks/` or `backends/` with one public class named
after the file (`tasks/object_detection.py` holds `ObjectDetection`), a package of that name
where one file would be too long, or the same class under an entry point of the group
`ml_integration.<kind>`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ml_integration.core.datatypes import (
    Array,
    Frame,
    ModelContent,
    ModelDescription,
    Prediction,
    Tensors,
    TensorSpec,
    Verdict,
)
from ml_integration.core.execution import ExecutionSettings


class Sensor(Protocol):
    """Turns messages of one type into frames. Built as `Image(formats)`."""

    message_type: str
    """The full type name, such as 'sensor_msgs/msg/Image'."""

    def __init__(self, formats: tuple[str, ...]) -> None:
        """Args: formats: the frame formats the task takes, the preferred one first."""

    def decode(self, message: Any, sequence: int) -> Frame:
        """Reads a message without copying where the data already has a wanted format.

        Raises:
            MessageError: the message contradicts itself or cannot be brought to a wanted format.
        """


class MessageTypes(Protocol):
    """Hands out message classes by full type name, so that tasks import none."""

    def __call__(self, type_name: str) -> Any:
        """Returns the class of e.g. 'vision_msgs/msg/Detection2DArray'."""


class Task(Protocol):
    """Everything that differs between kinds of models. Built as `Task(settings, model)`.

    One instance belongs to one pipeline and is used by one thread at a time, so it may keep
    buffers; it keeps nothing about a frame.
    """

    message_type: str
    """Type of the result message."""
    topic: str
    """Name of the result topic below the node's own name."""
    formats: tuple[str, ...]
    """Frame formats that `preprocess` takes, the preferred one first."""
    batched: bool
    """Whether the first axis of every output counts frames, so that several can run together."""

    @property
    def Settings(self) -> type:  # noqa: N802
        """Frozen dataclass of `declared` fields, filled from the manifest's `settings:`."""

    def __init__(self, settings: Any, model: ModelDescription) -> None:
        """Raises ModelMismatchError when the model's tensors are not what the task needs."""

    def input_specs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `preprocess` will produce, known without any data."""

    def bind(self, inputs: Tensors) -> None:
        """Lets `preprocess` write into these tensors of `input_specs` from now on."""

    def preprocess(self, frame: Frame) -> tuple[Tensors, Any]:
        """Returns the model's inputs and the geometry that `postprocess` needs."""

    def postprocess(self, tensors: Tensors, geometry: Any) -> Any:
        """Turns the model's outputs into this task's result, in the input's coordinates."""

    def validate(self, result: Any, frame: Frame) -> Verdict:
        """Judges a result before it is published."""

    def encode(self, prediction: Prediction, header: Any, messages: MessageTypes) -> Any:
        """Builds the result message, stamped with the input's own header."""

    def draw(self, canvas: Array, result: Any) -> None:
        """Draws a result into `canvas`, (H, W, 3) uint8 BGR, in place."""


@runtime_checkable
class Serializing(Protocol):
    """A task that can also do without message objects, where making them takes too long."""

    def serialize(self, prediction: Prediction, header: Any) -> bytes:
        """The message of `Task.encode`, serialized as plain CDR."""


class Session(Protocol):
    """A model that is loaded and ready to run."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    device: str
    """What really executes it, such as 'CPUExecutionProvider'."""
    fallback: str
    """Why that is not what was asked for first; empty if it is."""

    def run(self, tensors: Tensors) -> Tensors:
        """Runs the model once. Outputs stay valid until the next call of this session.

        Raises:
            InferenceError: the engine failed.
        """

    def share(self) -> Session:
        """Another session of the same loaded model, for another thread.

        It shares weights and thread pool and has outputs of its own.

        Raises:
            InferenceError: this session is closed.
        """

    def close(self) -> None:
        """Ends this session; further calls of `run` are an error.

        The last one that shares the model gives back its memory and threads.
        """


class ArtifactCache(Protocol):
    """Keeps what an engine made of a model and can make again. Never needed, never trusted."""

    def get(self, key: str) -> bytes | None:
        """What was put under a key, if it is still there and unchanged."""

    def put(self, key: str, data: bytes) -> None:
        """Keeps data, if that is possible; it is written when it disturbs nobody."""

    def drop(self, key: str, reason: str) -> None:
        """Forgets what could not be used; `reason` is told."""

    def folder(self, key: str) -> Path | None:
        """A folder for an engine that keeps files by itself; None where nothing can be kept."""


class Backend(Protocol):
    """An execution engine."""

    formats: tuple[str, ...]
    """The model formats that it opens, as manifests name them, such as 'onnx'."""

    def available(self) -> tuple[str, ...]:
        """The devices or providers that can be asked for here; empty if there is no engine."""

    def open(
        self,
        content: ModelContent,
        settings: ExecutionSettings,
        cache: ArtifactCache | None = None,
    ) -> Session:
        """Opens a session from bytes.

        Args:
            content: the verified bytes.
            settings: how to execute them.
            cache: where to keep what takes long to make; nothing is kept without.

        Raises:
            ModelLoadError: the engine refuses the model or the settings.
        """
