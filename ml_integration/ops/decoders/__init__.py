"""Decoders that read the outputs of detectors: one file per style that people export.

A new style is one file `ops/decoders/<style>.py` with a class named after it (`rt_detr.py`
holds `RtDetr`), or such a class under an entry point of the group `ml_integration.ops.decoders`;
it offers what `Decoder` says. Nothing has to be registered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ml_integration.core import plugins
from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.core.declaration import declared
from ml_integration.errors import PluginError

PLUGINS = 'ops.decoders'


@dataclass(frozen=True, slots=True)
class DecoderOptions:
    """Options for differences between exports of one style."""

    normalized: bool = declared(
        False, 'Box coordinates are fractions of the input size instead of pixels.'
    )
    strides: tuple[int, ...] = declared(
        (8, 16, 32), 'Cell sizes of the yolox grids, in the order of the output [px].', ge=1
    )
    class_offset: int = declared(
        0, 'Number that the model gives to the first label, where it gives class numbers.', ge=0
    )
    boxes_output: str = declared('', 'Output with the boxes; empty: found by name or shape.')
    scores_output: str = declared('', 'Output with the scores; empty: found by name or shape.')
    classes_output: str = declared('', 'Output with the classes; empty: found by name or shape.')


class Candidates(NamedTuple):
    """Objects that a model claims to see, overlapping boxes included.

    Attributes:
        xyxy: (N, 4) float32 [px of the model's input].
        scores: (N,) float32.
        class_ids: (N,) int32.
    """

    xyxy: Array
    scores: Array
    class_ids: Array


class Decoder(Protocol):
    """Reads one style of outputs. Built as `Decoder(model, input_wh, options)`."""

    overlapping: bool
    """True if one object gives several boxes, so that overlapping ones have to be dropped."""
    batched: bool
    """True if the first axis of every output it reads counts pictures."""

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        """Raises ModelMismatchError when the model's outputs are not of this style."""

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads what scores at least `threshold`, and all that is not finite.

        Called with numpy's warnings off: what overflows is for validation to report.
        """

    @staticmethod
    def recognize(input_wh: tuple[int, int] | None, outputs: Sequence[TensorSpec]) -> str:
        """Returns why these outputs look like this style; empty if they do not."""


def load(style: str) -> Any:
    """Returns the class that decodes a style."""
    return plugins.load(PLUGINS, style)


def guess_decoder(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> tuple[str, str]:
    """Proposes a decoder from names and shapes alone.

    Returns:
        The style, or '' when none fits, and the reason in words.
    """
    for style in plugins.names(PLUGINS):
        try:
            why = load(style).recognize(_picture_wh(inputs), outputs)
        except PluginError:
            continue
        if why:
            return style, why
    return '', 'no known detector has outputs like ' + ', '.join(map(str, outputs))


def _picture_wh(inputs: Sequence[TensorSpec]) -> tuple[int, int] | None:
    for spec in inputs:
        if len(spec.shape) == 4:
            sizes = spec.shape[1:3] if spec.shape[3] in (1, 3) else spec.shape[2:]
            if None not in sizes:
                return int(sizes[1] or 0), int(sizes[0] or 0)
    return None
