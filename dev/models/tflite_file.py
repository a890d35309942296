"""Read a .tflite file into a Network: tensors, constants and operators in order.

The numbers of fields, operators and types are those of TensorFlow Lite's schema
(tensorflow/lite/schema/schema.fbs, version 3, which only ever grows).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dev.models.errors import TfliteError
from dev.models.flat_buffer import Table

SCHEMA_VERSION = 3
IDENTIFIER = b'TFL3'
CUSTOM = 32
KINDS = {
    0: 'ADD',
    1: 'AVERAGE_POOL_2D',
    2: 'CONCATENATION',
    3: 'CONV_2D',
    4: 'DEPTHWISE_CONV_2D',
    6: 'DEQUANTIZE',
    14: 'LOGISTIC',
    17: 'MAX_POOL_2D',
    18: 'MUL',
    19: 'RELU',
    22: 'RESHAPE',
    23: 'RESIZE_BILINEAR',
    34: 'PAD',
    54: 'PRELU',
    117: 'HARD_SWISH',
}
DTYPES = {0: '<f4', 1: '<f2', 2: '<i4'}


@dataclass(frozen=True)
class Tensor:
    """One tensor: its name, its shape (pictures are batch, height, width, channels), its type.

    `constant` holds its values if the file does.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: NDArray[Any] | None


@dataclass(frozen=True)
class Operator:
    """One step: its `kind`, the numbers of the tensors it reads and writes, and its settings.

    Attributes:
        place: What errors call it.
        kind: Name in the schema, of a custom operator its own.
        inputs: Numbers of tensors; -1 for one that is left out.
        outputs: Numbers of tensors.
        options: Table of the settings of a kind of the schema.
        custom_options: Settings of a custom operator.
    """

    place: str
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None
    custom_options: bytes

    def option(self, field: int, kind: str, default: int = 0) -> int:
        """Return a setting by its place in the operator's own table."""
        return default if self.options is None else self.options.integer(field, kind, default)


@dataclass(frozen=True)
class Network:
    """All of a model; `inputs` and `outputs` are numbers of tensors."""

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


def read_network(content: bytes) -> Network:
    """Read a model of one graph.

    Args:
        content: The whole .tflite file.

    Raises:
        TfliteError: It is another kind of file, damaged, or has an operator or a type of tensor
            that the converter does not know.
    """
    model = Table.root(content, IDENTIFIER)
    version = model.integer(0, 'I')
    if version != SCHEMA_VERSION:
        raise TfliteError(f'schema version {version}, expected {SCHEMA_VERSION}')
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise TfliteError(f'the model has {len(graphs)} graphs, expected exactly one')
    buffers = model.tables(4)
    kinds = [_kind(code) for code in model.tables(1)]
    tensors = tuple(
        _tensor(table, number, buffers) for number, table in enumerate(graphs[0].tables(0))
    )
    operators = tuple(
        _operator(table, number, kinds, len(tensors))
        for number, table in enumerate(graphs[0].tables(3))
    )
    inputs, outputs = graphs[0].integers(1), graphs[0].integers(2)
    _require_numbers('the graph', (*inputs, *outputs), len(tensors), lowest=0)
    return Network(tensors, inputs, outputs, operators)


def _kind(code: Table) -> str:
    # Old files have the number in a byte that has since become too small.
    number = max(code.integer(0, 'b'), code.integer(3, 'i'))
    return code.text(1) if number == CUSTOM else KINDS.get(number, f'number {number}')


def _tensor(table: Table, number: int, buffers: tuple[Table, ...]) -> Tensor:
    name, shape = table.text(3), table.integers(0)
    kind = table.integer(1, 'b')
    if kind not in DTYPES:
        raise TfliteError(
            f'tensor {number} {name!r} has type number {kind}, expected one of {sorted(DTYPES)} '
            '(float32, float16, int32)'
        )
    if min(shape, default=1) < 1:
        raise TfliteError(f'tensor {number} {name!r} has shape {shape}, expected sizes above 0')
    buffer = table.integer(2, 'I')
    _require_numbers(f'tensor {number} {name!r}', (buffer,), len(buffers), lowest=0)
    constant = _constant(buffers[buffer].bytes(0), DTYPES[kind], shape, name)
    return Tensor(name, shape, DTYPES[kind], constant)


def _constant(
    content: bytes, dtype: str, shape: tuple[int, ...], name: str
) -> NDArray[Any] | None:
    if not content:
        return None
    expected = math.prod(shape) * np.dtype(dtype).itemsize
    if len(content) != expected:
        raise TfliteError(
            f'tensor {name!r}: {len(content)} bytes of values, expected {expected} for {shape}; '
            'sparse tensors cannot be read'
        )
    values: NDArray[Any] = np.frombuffer(content, dtype).reshape(shape)
    return values


def _operator(table: Table, number: int, kinds: list[str], tensors: int) -> Operator:
    code = table.integer(0, 'I')
    _require_numbers(f'operator {number}', (code,), len(kinds), lowest=0)
    place = f'operator {number} {kinds[code]}'
    inputs, outputs = table.integers(1), table.integers(2)
    _require_numbers(place, inputs, tensors, lowest=-1)
    _require_numbers(place, outputs, tensors, lowest=0)
    return Operator(place, kinds[code], inputs, outputs, table.table(4), table.bytes(5))


def _require_numbers(place: str, numbers: tuple[int, ...], count: int, lowest: int) -> None:
    wrong = [number for number in numbers if not lowest <= number < count]
    if wrong:
        raise TfliteError(f'{place} points at number {wrong[0]}, expected one below {count}')
