"""Decoders that read the masks of objects: one file per way in which models give them.

Any of them goes with any decoder of boxes. A new one is one file `ops/mask_decoders/<style>.py`
with a class named after it, or such a class under an entry point of the group
`ml_integration.ops.mask_decoders`; it offers what `MaskDecoder` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.decoders import Candidates

PLUGINS = 'ops.mask_decoders'
_WORDS = ('masks', 'mask', 'proto')


@dataclass(frozen=True, slots=True)
class MaskGrids:
    """Masks of N objects, each a grid of numbers on a part of the model's input.

    Attributes:
        areas: (N, 4) float64 [px of the model's input], edges of the grid of each.
        wh: number of cells of each grid in a row and in a column.
        cut: returns the numbers (h, w) float32 of an object's index in a range of rows and one
            of columns.
    """

    areas: Array
    wh: tuple[int, int]
    cut: Callable[[int, slice, slice], Array]


class MaskDecoder(Protocol):
    """Reads the masks of objects. Built as `MaskDecoder(output)`."""

    logits: bool
    """True if numbers of such models are usually logits, and not shares from 0 to 1."""
    batched: bool
    """True if the first axis of the output counts pictures."""

    def __init__(self, output: TensorSpec, model: str) -> None:
        """Raises ModelMismatchError when the output does not hold such masks."""

    def __call__(
        self, tensors: Tensors, objects: Candidates, input_wh: tuple[int, int]
    ) -> MaskGrids:
        """Returns the masks of some objects.

        Called with numpy's warnings off: what overflows is for validation to report.

        Args:
            tensors: the model's outputs.
            objects: whose masks are wanted.
            input_wh: size of the picture in the model's input [px].

        Raises:
            FrameError: there are no masks of these objects.
        """


def load(style: str) -> Any:
    """Returns the class that decodes a style."""
    return plugins.load(PLUGINS, style)


def masks_output(model: ModelDescription, chosen: str) -> TensorSpec:
    """Returns the output with the masks.

    Args:
        model: whose outputs to search.
        chosen: its full name; empty: found by its name, or because no other has four axes.

    Raises:
        ModelMismatchError: there is no such output, or more than one.
    """
    deep = [spec for spec in model.outputs if len(spec.shape) == 4]
    named = [spec for spec in model.outputs if _is_named(spec)]
    if chosen:
        found = [spec for spec in model.outputs if spec.name == chosen]
    else:
        found = named if len(named) == 1 else deep
    if len(found) == 1:
        return found[0]
    raise ModelMismatchError(
        str(model.identity),
        'cannot tell which output holds the masks',
        '; '.join(map(str, model.outputs)),
        repr(chosen) if chosen else 'one output of four axes, or with mask or proto in its name',
        "Set 'masks_output' to the name of an output, and list it under 'outputs'.",
    )


def check_masks(output: TensorSpec, model: str, axes: tuple[int, ...], reads: str) -> None:
    """Checks that an output has one of some numbers of axes and holds numbers.

    Raises:
        ModelMismatchError: it does not.
    """
    if len(output.shape) in axes and np.dtype(output.dtype).kind in 'fiub':
        return
    raise ModelMismatchError(
        model,
        f"output '{output.name}' does not hold such masks",
        str(output),
        reads,
        "Choose another value for 'masks', or another 'masks_output'.",
    )


def whole_input(count: int, input_wh: tuple[int, int]) -> Array:
    """Returns areas (count, 4) that are all the model's whole input [px]."""
    return np.tile(np.array((0, 0, *input_wh), np.float64), (count, 1))


def _is_named(spec: TensorSpec) -> bool:
    name = spec.name.lower()
    return len(spec.shape) in (3, 4) and any(word in name for word in _WORDS)
