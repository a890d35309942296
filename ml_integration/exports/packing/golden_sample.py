"""Makes the golden sample of a new package: a picture as the model takes it, and what it gives."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array, Tensors, TensorSpec
from ml_integration.store.package.golden import parse_golden

GOLDEN = 'golden.npz'
MOST_VALUES = 8192
"""Values of an output up to which all of it is stored."""
CHOSEN = 2000
"""Values that are stored of a larger output: the largest ones, and as many anywhere."""
RTOL, SHARE = 1e-2, 1e-3
"""Relative tolerance, and absolute tolerance by the largest value of all outputs."""


def golden_sample(
    inputs: Tensors,
    divisor: float,
    specs: tuple[TensorSpec, ...],
    run: Callable[[Tensors], Tensors],
) -> bytes | None:
    """Runs a model on a sample and stores both sides.

    Args:
        inputs: what the model takes, by name; at least those that are made of messages.
        divisor: number by which pixels were divided and nothing else, so that they can be stored
            as the bytes they were; 0 if they were not.
        specs: of these inputs.
        run: runs the model.

    Returns:
        The content of `golden.npz`; None if no output has a finite value.
    """
    arrays: dict[str, Any] = {f'input.{name}': _small(a, divisor) for name, a in inputs.items()}
    if any(array.dtype == np.uint8 for array in arrays.values()) and divisor:
        arrays['input_divisor'] = np.float32(divisor)
    probe = {**arrays, 'output.probe': np.zeros(1), 'rtol': 1.0, 'atol': 1.0}
    # What is compared later is what comes out of the stored form, not of the tensor itself.
    stored = parse_golden(_packed(probe), Path(GOLDEN)).inputs(specs)
    found = {name: array.copy() for name, array in run(stored).items()}
    outputs = {key: array for name, value in found.items() for key, array in _kept(name, value)}
    if not outputs:
        return None
    largest = max(
        float(np.abs(array.astype(np.float64)).max())
        for key, array in outputs.items()
        if key.startswith('output.')
    )
    tolerances = {'rtol': np.float32(RTOL), 'atol': np.float32(max(SHARE * largest, 1e-5))}
    return _packed({**arrays, **outputs, **tolerances})


def _small(array: Array, divisor: float) -> Array:
    """Returns pixels as bytes where that loses nothing."""
    if divisor and array.dtype.kind == 'f':
        pixels = np.rint(array.astype(np.float64) * divisor)
        if np.allclose(pixels / divisor, array, rtol=1e-3, atol=1e-6) and pixels.max() <= 255:
            return pixels.astype(np.uint8)
    return array


def _kept(name: str, array: Array) -> tuple[tuple[str, Array], ...]:
    """Returns the values of an output that are stored, and which ones they are."""
    flat = array.reshape(-1)
    finite = np.flatnonzero(np.isfinite(flat))
    if not len(finite) or array.dtype.kind not in 'fiub':
        return ()
    if len(finite) == flat.size <= MOST_VALUES:
        return ((f'output.{name}', array),)
    largest = finite[np.argsort(-np.abs(flat[finite]), kind='stable')[: CHOSEN // 2]]
    anywhere = finite[:: max(1, len(finite) // (CHOSEN // 2))]
    indices = np.unique(np.concatenate([largest, anywhere]))
    return ((f'output.{name}', flat[indices]), (f'output_indices.{name}', indices))


def _packed(arrays: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()
