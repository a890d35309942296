"""The values that travel along a frame's path. They are frozen and check themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]
"""Arrays by tensor name, on both sides of a session."""
Geometry = Mapping[str, Any]
"""Geometry of each encoded input, by tensor name; maps results back to the input."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Decoded sensor message.

    Attributes:
        data: the sensor's array, read-only by convention; an image is (H, W) or (H, W, C),
            samples are (N, C).
        format: how to read `data`; an image's encoding such as 'rgb8', 'mono8', '32FC1'.
        stamp_ns: the message's stamp, or the time of its arrival where it has none [ns].
        frame_id: the message's coordinate frame.
        names: what the columns of samples are, such as 'linear_acceleration.x'.
    """

    data: Array
    format: str
    stamp_ns: int = 0
    frame_id: str = ''
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, dtype and shape of a tensor; a free dimension is None.

    Attributes:
        name: the tensor's name in the model file.
        dtype: numpy's name of the element type, such as 'float32'.
        shape: sizes, None where any size will do.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def __post_init__(self) -> None:
        np.dtype(self.dtype)

    def __str__(self) -> str:
        sizes = ', '.join('?' if size is None else str(size) for size in self.shape)
        return f'{self.name}: {self.dtype}[{sizes}]'

    def fits(self, other: TensorSpec) -> bool:
        """Tells whether a tensor of `other` may be used where this one is wanted."""
        return self.dtype == other.dtype and self._shape_fits(other.shape)

    def holds(self, array: Array) -> bool:
        """Tells whether `array` is a tensor of this spec, in this machine's byte order."""
        return array.dtype == np.dtype(self.dtype) and self._shape_fits(array.shape)

    def _shape_fits(self, shape: tuple[int | None, ...]) -> bool:
        return len(self.shape) == len(shape) and all(
            a is None or b is None or a == b for a, b in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Identity of a model: `name@version` and the digest of the model file.

    Attributes:
        name: the model's name.
        version: a positive integer.
        sha256: hex digest of the model file's bytes.
    """

    name: str
    version: int
    sha256: str = ''

    def __str__(self) -> str:
        return f'{self.name}@{self.version}'


@dataclass(frozen=True, slots=True)
class ModelContent:
    """The verified bytes a backend opens a session from.

    Attributes:
        identity: which model the bytes are.
        model: the model file's bytes.
        external: bytes of the files that hold large weights, by the name in the model file.
    """

    identity: ModelIdentity
    model: bytes
    external: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """Description of a model for its task: identity, labels, inputs and outputs.

    Attributes:
        identity: which model this is.
        labels: class names; the index is the class id. Empty when the model has none.
        inputs: the tensors the model takes, as the manifest fixes them.
        outputs: the tensors the model gives.
        pictures: width and height of the pictures that a tensor takes [px], by its name; those of
            a typical one where each picture gives its own, which is the geometry's `target_wh`.
    """

    identity: ModelIdentity
    labels: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    pictures: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def label(self, class_id: int) -> str:
        """Returns the name of a class; its number as text if the model has no name for it."""
        return self.labels[class_id] if 0 <= class_id < len(self.labels) else str(class_id)


@dataclass(frozen=True, slots=True)
class Reason:
    """Reason why a result is not valid.

    Attributes:
        kind: a short constant such as 'not_finite', which is what gets counted.
        detail: a sentence with the offending value.
    """

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on a result: it may be published if there are no reasons against it."""

    reasons: tuple[Reason, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Prediction:
    """Result of one run for one observation, with its verdict and timing.

    Attributes:
        stamp_ns: stamp of the trigger, and so of the result [ns].
        frame_id: its coordinate frame; empty where the clock triggered.
        frames: the decoded messages of the run, the oldest first, by the name of the tensor or of
            the companion that a stage wants.
        model: the model that produced the result.
        result: the task's result type.
        verdict: whether the result may be published.
        stage_ms: duration of each stage of the pipeline [ms], in order of execution; 'infer' is
            that of the whole run for each observation in it.
        together: how many observations were in the same run, this one included.
        seconds: the models that its stages asked, by the stage's name.
        omitted: what these could not add to the result, and why.
    """

    stamp_ns: int
    frame_id: str
    frames: Mapping[str, Sequence[Frame]]
    model: ModelIdentity
    result: Any
    verdict: Verdict
    stage_ms: Mapping[str, float]
    together: int = 1
    seconds: Mapping[str, ModelIdentity] = field(default_factory=dict)
    omitted: tuple[Reason, ...] = ()
