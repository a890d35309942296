"""Refuses inputs that nothing fills, before a model is run."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ml_integration.core.datatypes import TensorSpec
from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claims, Origin
from ml_integration.exports.export import Export
from ml_integration.ops.picture_input import DTYPES

MOST_PIXELS = 2**25
"""Pixels of the largest picture that a model may take: half a gigabyte of numbers."""
_TEXT = ('input_ids', 'attention_mask', 'token_type_ids', 'tokens', 'text')
"""Words in the names of inputs that take a text in numbers."""


def check_picture(picture: TensorSpec, said: Claims, label: str) -> None:
    """Refuses a picture's input that no encoder fills.

    Raises:
        ExportError: its type or its batch is none that can be filled, or nobody says how pixels
            become int8.
    """
    if picture.dtype not in DTYPES:
        raise ExportError(
            f"its picture '{picture.name}' has the type {picture.dtype}, which is not filled here",
            where=label,
            expected=f'one of {", ".join(DTYPES)}',
            hint='Export it with another type of input.',
        )
    mean = said.get('encode.mean')
    if picture.dtype == 'int8' and (mean is None or mean.origin is Origin.METADATA):
        raise ExportError(
            f"its picture '{picture.name}' has the type int8, and nothing says how pixels from 0 "
            'to 255 become numbers from -128 to 127',
            where=label,
            hint='If it is by taking 128 off, add it with: '
            "--set encode.scale=1 --set 'encode.mean=[128]'.",
        )
    if picture.shape[0] not in (1, None):
        raise ExportError(
            f'it wants {picture.shape[0]} pictures at once, and each picture is run by itself',
            where=label,
            got=str(picture),
            hint='Export it with a batch of 1, or with a free one.',
        )


def check_size(picture: TensorSpec, label: str) -> None:
    """Refuses a picture that would fill the memory, whoever says its size.

    Raises:
        ExportError: it has too many pixels.
    """
    if prod(size or 1 for size in picture.shape[1:]) > 3 * MOST_PIXELS:
        raise ExportError(
            'its picture is larger than any camera makes',
            where=label,
            got=str(picture),
            expected=f'at most {MOST_PIXELS} pixels',
            hint='Say the size that it is used with: --set size=[WIDTH, HEIGHT].',
        )


def check_others(inputs: Sequence[TensorSpec], label: str) -> None:
    """Refuses a model that looks for what a text says.

    Raises:
        ExportError: one of its inputs takes words.
    """
    for spec in inputs:
        if np.dtype(spec.dtype).kind in 'iu' and any(word in spec.name.lower() for word in _TEXT):
            raise ExportError(
                f"its input '{spec.name}' takes the words of a text, which nothing here fills",
                where=label,
                got=str(spec),
                hint='Export it for fixed classes, with the text inside of the model.',
            )


def no_picture(export: Export) -> ExportError:
    """Makes the error for a model without a picture."""
    hint = 'Make a package to fill in with: ml_model new tensor NAME.'
    shapes = [spec.shape for spec in export.inputs]
    if any(map(_lacks_batch, export.inputs)):
        hint = 'It lacks a batch: export it with a first size of 1.'
    elif any(len(shape) == 4 and {shape[1], shape[3]} & {2, 4, 6} for shape in shapes):
        hint = (
            'Pictures have 1 or 3 channels here; more, such as depth or a second picture, have '
            'to come in an input of their own.'
        )
    return ExportError(
        'none of its inputs looks like a picture, and messages of other kinds have to be chosen '
        'by a person',
        where=export.label,
        got='; '.join(map(str, export.inputs)),
        expected='an input such as float32[1, 3, 640, 640]',
        hint=hint,
    )


def _lacks_batch(spec: TensorSpec) -> bool:
    if len(spec.shape) != 3:
        return False
    first, middle, last = spec.shape
    sides = ((first, (middle, last)), (last, (first, middle)))
    return any(
        channels in (1, 3) and all(side is None or side >= 16 for side in picture)
        for channels, picture in sides
    )
