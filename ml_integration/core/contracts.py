"""Interfaces of the plug-ins: sensors, encoders, tasks and backends.

A plug-in is ONE file in `sensors/`, `encoders/`, `tasks/`, `stages/` or `backends/` with one
public class named after the file (`tasks/object_detection.py` holds `ObjectDetection`), a package
of that name where one file would be too long, or the same class under an entry point of the group
`ml_integration.<kind>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ml_integration.core.datatypes import (
    Array,
    Frame,
    Geometry,
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
    kind: str
    """The encoder plug-in that takes its frames, such as 'image' or 'samples'."""

    def __init__(self, formats: tuple[str, ...]) -> None:
        """Args: formats: the frame formats the encoder takes, the preferred one first."""

    def decode(self, message: Any, stamp_ns: int) -> Frame:
        """Reads a message without copying where the data already has a wanted format.

        Args:
            message: anything with the fields of `message_type`.
            stamp_ns: the frame's stamp [ns].

        Raises:
            MessageError: the message contradicts itself or cannot be brought to a wanted format.
        """


class Encoder(Protocol):
    """Turns frames of one kind into one input tensor. Built as `Image(settings, spec, model)`.

    One instance writes into one tensor and is used by one thread at a time.
    """

    formats: tuple[str, ...]
    """Frame formats that it takes, the preferred one first."""
    spec: TensorSpec
    """The tensor of one observation, known without any data; its first size is 1."""

    @property
    def Settings(self) -> type:  # noqa: N802
        """Frozen dataclass of `declared` fields, filled from the input's `encode:`."""

    def __init__(self, settings: Any, spec: TensorSpec, model: str) -> None:
        """Raises ModelMismatchError when a tensor of `spec` cannot be made of such frames."""

    def bind(self, tensor: Array) -> None:
        """Writes into this tensor of `spec` from now on."""

    def __call__(self, frames: Sequence[Frame]) -> Any:
        """Fills the tensor.

        Args:
            frames: the input's frames of one observation, the oldest first; at least one.

        Returns:
            The geometry: what a task needs to know to bring results back to the input.

        Raises:
            FrameError: these frames do not make such a tensor.
        """


@runtime_checkable
class Picturing(Protocol):
    """Encoder of pictures that tells the size of the pictures in its tensor."""

    target_wh: tuple[int, int]
    """Width and height [px]; those of a typical picture where each picture gives its own, which
    the geometry tells then."""


@runtime_checkable
class FreeSized(Protocol):
    """Encoder that can fill a tensor whose sizes are free, and whose frames give them.

    Its `spec` has the sizes of typical frames.
    """

    tensor: Array
    """The tensor that was filled last: the bound one, or one of its own of another size."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of results.

    Attributes:
        name: below the node's own name.
        message_type: the full type name, such as 'vision_msgs/msg/Detection2DArray'.
        latched: whether what was published last reaches those who subscribe later.
    """

    name: str
    message_type: str
    latched: bool = False


class MessageTypes(Protocol):
    """Hands out message classes by full type name, so that tasks import none."""

    def __call__(self, type_name: str) -> Any:
        """Returns the class of e.g. 'vision_msgs/msg/Detection2DArray'."""


class Task(Protocol):
    """Turns the outputs of one kind of model into results. Built as `Task(settings, model)`.

    One instance belongs to one pipeline and is used by one thread at a time, so it may keep
    buffers; it keeps nothing about an observation.
    """

    topics: tuple[Topic, ...]
    """Topics of the results; known once the task is built."""
    batched: bool
    """True if the first axis of every output counts observations, so that several can run
    together."""

    @property
    def Settings(self) -> type:  # noqa: N802
        """Frozen dataclass of `declared` fields, filled from the manifest's `settings:`."""

    def __init__(self, settings: Any, model: ModelDescription) -> None:
        """Raises ModelMismatchError when the model's tensors are not what the task needs."""

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Any:
        """Turns the model's outputs into this task's result, in the input's coordinates.

        Args:
            outputs: by name, (1, ...) each, valid until the next run.
            geometry: what the encoders returned, by tensor name.
        """

    def validate(self, result: Any, geometry: Geometry) -> Verdict:
        """Judges a result before it is published."""

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterable[tuple[str, Any]]:
        """Builds the result messages, stamped with `header`, and names the topic of each."""


class Session(Protocol):
    """A model that is loaded and ready to run."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    device: str
    """Device or provider that executes the model, such as 'CPUExecutionProvider'."""
    from_cache: bool
    """True if it executes what the engine made of the model some other time and kept."""
    fallback: str
    """Reason why that is not the device that was asked for first; empty if it is."""
    metadata: Mapping[str, str]
    """Entries of the model file about itself, such as 'producer'; unchecked."""
    threads: int
    """Threads that work on one run, the calling one included; 0: the engine does not tell."""
    spinning: str
    """How they wait for work: 'never', 'within_run' or 'always' busily; empty: not told."""
    graph_optimization: str
    """How far the engine has optimized the model's graph, such as 'all'; empty: not told."""
    cpus: frozenset[int]
    """CPUs that the thread which calls `run` should keep to; empty: any."""

    def run(self, tensors: Tensors, deadline_ns: int | None = None) -> Tensors:
        """Runs the model once. Outputs stay valid until the next call of this session.

        Args:
            tensors: the inputs by name.
            deadline_ns: when to give up [ns, steady clock]; None: never.

        Raises:
            DeadlineError: the run was ended at the deadline.
            InferenceError: the engine failed.
        """

    def interrupt(self) -> None:
        """Ends the run that is under way on another thread, if there is one, where it can.

        That run raises DeadlineError; it may take a while, or never come if the engine hangs.
        """

    def share(self) -> Session:
        """Makes another session of the same loaded model, for another thread.

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
        """Returns the data that was put under a key; None if it is gone or was changed."""

    def put(self, key: str, data: bytes) -> None:
        """Keeps data if possible; writing to disk may come later, when there is time."""

    def drop(self, key: str, reason: str) -> None:
        """Forgets the data under a key, which cannot be used, and reports `reason`."""

    def folder(self, key: str) -> Path | None:
        """Returns a folder for an engine that keeps files itself; None if nothing can be kept."""


class Backend(Protocol):
    """An execution engine."""

    formats: tuple[str, ...]
    """The model formats that it opens, as manifests name them, such as 'onnx'."""

    def available(self) -> tuple[str, ...]:
        """Returns the devices or providers to choose from; empty if the engine is missing."""

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
            cache: keeps what takes long to make; None: nothing is kept.

        Raises:
            ModelLoadError: the engine refuses the model or the settings.
        """
