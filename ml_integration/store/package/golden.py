"""The golden sample: an input and the output that the released model gave for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array, Tensors, TensorSpec
from ml_integration.errors import GoldenError, ManifestError, ModelMismatchError
from ml_integration.store.package.stored_arrays import read_arrays

_NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ExpectedOutput:
    """Values that one output has to hold.

    Attributes:
        values: the whole tensor, or (K,) values of it when `indices` is given.
        indices: (K,) int, positions in the flattened tensor; None: all of it.
    """

    values: Array
    indices: npt.NDArray[np.intp] | None


@dataclass(frozen=True, slots=True)
class Golden:
    """An input, the output it must give, and how closely.

    Attributes:
        samples: stored inputs by tensor name, before the division by `input_divisor`.
        input_divisor: divides what is stored as uint8, so that a picture for a model that takes
            0..1 can be stored as small as that.
        outputs: expected outputs by tensor name.
        rtol: relative tolerance.
        atol: absolute tolerance.
    """

    samples: Tensors
    input_divisor: float
    outputs: Mapping[str, ExpectedOutput]
    rtol: float
    atol: float

    def inputs(self, specs: Sequence[TensorSpec], more: Sequence[TensorSpec] = ()) -> Tensors:
        """Returns the inputs as the model takes them.

        Args:
            specs: inputs that have to be in the sample, those that are made of messages.
            more: inputs that may be in it, such as fed-back state; the caller fills those that
                are not.

        Raises:
            ModelMismatchError: the sample is for a model with other inputs.
        """
        wanted = {spec.name for spec in specs}
        known = {spec.name: spec for spec in (*specs, *more)}
        if not wanted <= self.samples.keys() <= known.keys():
            raise ModelMismatchError(
                'golden sample',
                'its inputs are not the inputs of the model',
                ', '.join(self.samples),
                ', '.join(known),
            )
        return {name: self._input(spec) for name, spec in known.items() if name in self.samples}

    def compare(self, outputs: Tensors, model: str) -> None:
        """Compares what a model computed with what it should.

        Raises:
            GoldenError: a value differs by more than the tolerance.
            ModelMismatchError: an output is missing or of another size.
        """
        for name, expected in self.outputs.items():
            if name not in outputs:
                raise ModelMismatchError(
                    model, f"golden output '{name}' is missing", ', '.join(outputs), name
                )
            got = _selected(outputs[name], expected, name, model)
            difference = np.abs(got - expected.values.astype(np.float64))
            allowed = self.atol + self.rtol * np.abs(expected.values.astype(np.float64))
            if not np.all(difference <= allowed):  # also when the difference is NaN
                raise GoldenError(model, name, float(difference.max()), self.rtol, self.atol)

    def _input(self, spec: TensorSpec) -> Array:
        array = self.samples[spec.name]
        if self.input_divisor != 1 and array.dtype == np.uint8:
            array = array / self.input_divisor
        array = array.astype(spec.dtype)
        if not spec.holds(array):
            stored = TensorSpec(spec.name, array.dtype.name, array.shape)
            raise ModelMismatchError(
                'golden sample', 'an input has the wrong size', str(stored), str(spec)
            )
        return array


def _selected(
    array: Array, expected: ExpectedOutput, name: str, model: str
) -> npt.NDArray[np.float64]:
    flat = array.reshape(-1)
    if expected.indices is None:
        fits = array.shape == expected.values.shape
    else:
        fits = expected.indices.size == 0 or int(expected.indices.max()) < flat.size
    if not fits:
        raise ModelMismatchError(
            model,
            f"output '{name}' has not the size of its golden sample",
            str(array.shape),
            str(expected.values.shape) if expected.indices is None else
            f'more than {int(expected.indices.max())} values',
        )  # fmt: skip
    chosen = array if expected.indices is None else flat[expected.indices]
    return chosen.astype(np.float64)


def parse_golden(data: bytes, file: Path, known: Mapping[str, int] = _NOTHING) -> Golden:
    """Reads a golden sample from the content of an `.npz` file.

    Its arrays: `input.<tensor>`, `output.<tensor>`, `rtol`, `atol` and, if wanted,
    `input_divisor` and `output_indices.<tensor>`.

    Args:
        data: the file's content.
        file: where it comes from, for errors.
        known: the most elements that an array may have, by its name, where that is known.

    Raises:
        ManifestError: it is not such a file.
    """
    arrays = read_arrays(data, file, known)
    samples = _group(arrays, 'input.')
    values = _group(arrays, 'output.')
    indices = _group(arrays, 'output_indices.')
    if not samples or not values:
        expected = 'arrays input.<name> and output.<name>'
        raise ManifestError(file, 'golden', ', '.join(arrays), expected)
    for name, sample in samples.items():
        if sample.dtype.kind not in 'biuf':
            raise ManifestError(file, f'golden.input.{name}', sample.dtype, 'numbers')
    return Golden(
        samples,
        _number(arrays, 'input_divisor', 1.0, file),
        {name: _expected(name, values[name], indices.get(name), file) for name in values},
        _number(arrays, 'rtol', None, file),
        _number(arrays, 'atol', None, file),
    )


def _group(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {n[len(prefix) :]: array for n, array in arrays.items() if n.startswith(prefix)}


def _number(arrays: Mapping[str, Array], key: str, default: float | None, file: Path) -> float:
    array = arrays.get(key)
    if array is None and default is not None:
        return default
    fits = array is not None and array.size == 1 and array.dtype.kind in 'fiu'
    number = float(array.reshape(-1)[0]) if array is not None and fits else -1.0
    if not np.isfinite(number) or number < 0 or (key == 'input_divisor' and number == 0):
        raise ManifestError(file, f'golden.{key}', array, 'one finite number that is not negative')
    return number


def _expected(name: str, values: Array, indices: Array | None, file: Path) -> ExpectedOutput:
    if values.dtype.kind not in 'fiub' or not np.isfinite(values).all():
        raise ManifestError(file, f'golden.output.{name}', values, 'finite numbers')
    if indices is None:
        return ExpectedOutput(values, None)
    fits = indices.dtype.kind in 'iu' and indices.shape == values.shape and indices.ndim == 1
    if not fits or (indices < 0).any() or (indices > np.iinfo(np.intp).max).any():
        raise ManifestError(
            file, f'golden.output_indices.{name}', indices, 'one index per output value, (K,) int'
        )
    return ExpectedOutput(values, indices.astype(np.intp))
