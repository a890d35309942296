"""Reads what the outputs of a model could be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_integration.core.datatypes import Tensors, TensorSpec
from ml_integration.exports.claims import Claims
from ml_integration.ops.decoders import guess_decoder


@dataclass(frozen=True, slots=True)
class Fit:
    task: str
    settings: Mapping[str, Any]
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Readings:
    fits: tuple[Fit, ...] = ()
    refusal: str = ''


def read_outputs(
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    claims: Claims,
    runs: Sequence[Tensors],
) -> Readings:
    decoder, why = guess_decoder(inputs, outputs)
    if decoder:
        return Readings((Fit('object_detection', {'decoder': decoder}, 1.0, why),))
    if len(outputs) == 1 and sum(size != 1 for size in outputs[0].shape[1:] or (0,)) == 1:
        return Readings((Fit('classification', {}, 1.0, 'one output with a list of numbers'),))
    return Readings((), why)
