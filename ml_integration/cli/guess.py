"""Guesses from tensor shapes alone what a model is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_integration.core.datatypes import TensorSpec
from ml_integration.ops.decoders import guess_decoder


def guess_task(
    inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> tuple[str, dict[str, Any], str]:
    """A task, its settings and the reason in words."""
    preprocess = {'preprocess': _guess_preprocess(inputs[0])} if inputs else {}
    decoder, why = guess_decoder(inputs, outputs)
    if decoder:
        return 'object_detection', {**preprocess, 'decoder': decoder}, why
    if len(outputs) == 1 and sum(size != 1 for size in outputs[0].shape[1:] or (0,)) == 1:
        return 'classification', preprocess, 'one output with a single list of numbers'
    return 'object_detection', preprocess, why


def _guess_preprocess(spec: TensorSpec) -> dict[str, Any]:
    channels_last = len(spec.shape) == 4 and spec.shape[3] in (1, 3)
    channels = spec.shape[3 if channels_last else 1] if len(spec.shape) == 4 else 3
    return {
        'layout': 'nhwc' if channels_last else 'nchw',
        'color': 'gray' if channels == 1 else 'rgb',
        'scale': 1.0 if spec.dtype == 'uint8' else 255.0,
    }
