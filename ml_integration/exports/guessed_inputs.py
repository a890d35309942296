"""Guesses the sources of a model's inputs from names and shapes of tensors."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.inputs import (
    ConstantInput,
    KeepRule,
    KeepSpec,
    ModelInput,
    SensorInput,
    SizeInput,
    StateInput,
)

LATEST_MS = 100.0
"""Proposed maximum age of a second picture [ms], for a person to correct."""


def guess_inputs(
    inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> tuple[ModelInput, ...]:
    """Returns a source for each input: the first picture triggers, the others refer to it."""
    if not inputs:
        return ()
    first = next(filter(is_picture, inputs), inputs[0])
    guesses: list[ModelInput] = []
    for spec in inputs:
        number = 1 + sum(isinstance(guess, SensorInput) for guess in guesses)
        other = None if spec is first else _guess_other(spec, outputs, first)
        guesses.append(other or _picture(spec, number, spec is first))
    return tuple(guesses)


def _guess_other(
    spec: TensorSpec, outputs: Sequence[TensorSpec], picture: TensorSpec
) -> ModelInput | None:
    """Returns a source that is not a message; None if messages seem to fill the input."""
    if is_picture(spec):
        return None
    alike = [o.name for o in outputs if (o.dtype, o.shape) == (spec.dtype, spec.shape)]
    fed_back = difflib.get_close_matches(spec.name, alike, n=1, cutoff=0.4)
    if fed_back:
        return StateInput(spec.name, fed_back[0])
    if spec.shape[-1:] == (2,) and 'size' in spec.name:
        return SizeInput(spec.name, picture.name)
    if all(size in (1, None) for size in spec.shape):
        return ConstantInput(spec.name, 0.0)
    return None


def _picture(spec: TensorSpec, number: int, triggers: bool) -> SensorInput:
    keep = KeepSpec() if triggers else KeepSpec(KeepRule.LATEST, LATEST_MS)
    topic = 'image' if number == 1 else f'image_{number}'
    return SensorInput(spec, 'image', topic, keep, guess_encode(spec))


def is_picture(spec: TensorSpec) -> bool:
    """Tells whether a tensor looks like one that holds a picture."""
    return len(spec.shape) == 4 and bool({spec.shape[1], spec.shape[3]} & {1, 3})


def guess_encode(spec: TensorSpec) -> dict[str, Any]:
    """Returns what shape and dtype of an input tell about its encoder's settings."""
    channels_last = len(spec.shape) == 4 and spec.shape[3] in (1, 3)
    channels = spec.shape[3 if channels_last else 1] if len(spec.shape) == 4 else 3
    return {
        'layout': 'nhwc' if channels_last else 'nchw',
        'color': 'gray' if channels == 1 else 'rgb',
        'scale': 1.0 if spec.dtype == 'uint8' else 255.0,
    }
