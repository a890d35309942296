"""Guesses the sources of a model's inputs from claims, names and shapes of tensors."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
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
from ml_integration.exports.claims import Claims

_NONE = Claims()
_CONSTANTS = {
    'scale_factor': 1.0,
    'pixel_mask': 1.0,
    'iou_thr': 0.45,
    'score_thr': 0.25,
    'conf_thr': 0.25,
}
"""Values of inputs that settings or the encoder stand for, by a word of their name."""
LATEST_MS = 100.0
"""Proposed maximum age of a second picture [ms], for a person to correct."""


def picture_wh(inputs: Sequence[TensorSpec], claims: Claims = _NONE) -> tuple[int, int] | None:
    """Returns width and height of the first picture that a model takes [px].

    Returns:
        None if it takes none, or its size is free and nobody claims one.
    """
    first = next(filter(is_picture, inputs), None)
    if first is None:
        return None
    sizes = first.shape[1:3] if _channels_last(first) else first.shape[2:]
    if None in sizes:
        claimed = claims.value('size')
        return None if claimed is None else (int(claimed[0]), int(claimed[1]))
    return int(sizes[1] or 0), int(sizes[0] or 0)


def is_picture(spec: TensorSpec) -> bool:
    """Tells whether an input takes pictures of one or three channels.

    Where all sizes are free, as exporters of transformers leave them, it does too.
    """
    if len(spec.shape) != 4:
        return False
    return bool({spec.shape[1], spec.shape[3]} & {1, 3}) or set(spec.shape[1:]) == {None}


def guess_inputs(
    inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], claims: Claims = _NONE
) -> tuple[ModelInput, ...]:
    """Returns a source for each input: the first picture triggers, the others refer to it.

    Sizes of the picture that are free are those that somebody claims.
    """
    if not inputs:
        return ()
    first = next(filter(is_picture, inputs), inputs[0])
    wh = picture_wh(inputs, claims)
    guesses: list[ModelInput] = []
    for spec in inputs:
        number = 1 + sum(isinstance(guess, SensorInput) for guess in guesses)
        other = None if spec is first else _guess_other(spec, outputs, first, wh)
        guesses.append(other or _picture(_sized(spec, wh), number, spec is first, claims))
    return tuple(guesses)


def _guess_other(
    spec: TensorSpec,
    outputs: Sequence[TensorSpec],
    picture: TensorSpec,
    wh: tuple[int, int] | None,
) -> ModelInput | None:
    """Returns a source that is not a message; None if messages seem to fill the input."""
    if is_picture(spec) and 'pixel_mask' not in spec.name.lower():
        return None
    alike = [o.name for o in outputs if (o.dtype, o.shape) == (spec.dtype, spec.shape)]
    fed_back = difflib.get_close_matches(spec.name, alike, n=1, cutoff=0.4)
    if fed_back:
        return StateInput(spec.name, fed_back[0])
    known = next((value for word, value in _CONSTANTS.items() if word in spec.name.lower()), None)
    if known is not None:
        return ConstantInput(spec.name, known)
    if spec.shape[-1:] == (2,) and any(word in spec.name.lower() for word in ('size', 'shape')):
        return _guess_size(spec, picture, wh)
    if all(size in (1, None) for size in spec.shape):
        return ConstantInput(spec.name, 0.0)
    return None


def _guess_size(spec: TensorSpec, picture: TensorSpec, wh: tuple[int, int] | None) -> ModelInput:
    """Returns a source for a size that a model multiplies its boxes with, or cuts them at.

    Boxes have to be in pixels of the model's input, because they are brought from there onto the
    picture as it came. With the size of that picture they would be so twice. A constant has one
    value for both sides: where they differ, boxes become fractions.
    """
    if wh is None:
        return SizeInput(spec.name, picture.name)
    if wh[0] == wh[1] or 'im_shape' in spec.name.lower():  # boxes are cut there, no more
        return ConstantInput(spec.name, float(max(wh)))
    return ConstantInput(spec.name, 1.0)


def _sized(spec: TensorSpec, wh: tuple[int, int] | None) -> TensorSpec:
    """Returns a picture's tensor with the sizes that it is filled with."""
    if wh is None or not is_picture(spec):
        return spec
    at = 1 if _channels_last(spec) else 2
    free = zip(spec.shape[at : at + 2], (wh[1], wh[0]), strict=True)
    sizes = tuple(known if size is None else size for size, known in free)
    return replace(spec, shape=(*spec.shape[:at], *sizes, *spec.shape[at + 2 :]))


def _picture(spec: TensorSpec, number: int, triggers: bool, claims: Claims) -> SensorInput:
    keep = KeepSpec() if triggers else KeepSpec(KeepRule.LATEST, LATEST_MS)
    encode = {**guess_encode(spec), **(claims.below('encode.') if triggers else {})}
    topic = 'image' if number == 1 else f'image_{number}'
    return SensorInput(spec, 'image', topic, keep, encode)


def _channels_last(spec: TensorSpec) -> bool:
    return len(spec.shape) == 4 and spec.shape[3] in (1, 3)


def guess_encode(spec: TensorSpec) -> dict[str, Any]:
    """Returns what shape and dtype of an input tell about its encoder's settings."""
    channels_last = _channels_last(spec)
    channels = spec.shape[3 if channels_last else 1] if len(spec.shape) == 4 else 3
    return {
        'layout': 'nhwc' if channels_last else 'nchw',
        'color': 'gray' if channels == 1 else 'rgb',
        'scale': 1.0 if spec.dtype == 'uint8' else 255.0,
    }
