"""Outputs of detectors that give numbers for the cells of grids: found, gathered, and placed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops.evidence import Evidence

_ENDING = '0123456789'


def heads_of(outputs: Iterable[TensorSpec], width: int) -> tuple[TensorSpec, ...]:
    """Returns the tables [rows, width] and [1, rows, width], those of the finest grid first.

    Where the numbers of rows are free, the numbers at the end of their names give the order, and
    otherwise the outputs are in the order of the grids, as InsightFace exports them.
    """
    found = [
        spec
        for spec in outputs
        if len(spec.shape) in (2, 3)
        and spec.shape[-1] == width
        and (len(spec.shape) == 2 or spec.shape[0] in (1, None))
        and np.dtype(spec.dtype).kind in 'fiu'
    ]
    rows = [spec.shape[-2] for spec in found]
    if None not in rows:
        return tuple(sorted(found, key=lambda spec: -int(spec.shape[-2] or 0)))
    ends = [spec.name[len(spec.name.rstrip(_ENDING)) :] for spec in found]
    if all(ends):
        pairs = sorted(zip(ends, found, strict=True), key=lambda pair: int(pair[0]))
        return tuple(spec for _, spec in pairs)
    return tuple(found)


def are_batched(outputs: Iterable[TensorSpec]) -> bool:
    """Tells whether the first axis of all these outputs counts pictures."""
    return all(len(spec.shape) == 3 for spec in outputs)


def rows_of(outputs: Iterable[TensorSpec]) -> int | None:
    """Returns the number of rows of all grids together; None if it is free."""
    rows = [spec.shape[-2] for spec in outputs]
    return None if None in rows else sum(int(count or 0) for count in rows)


def known_rows(evidence: Evidence, outputs: Sequence[TensorSpec]) -> int | None:
    """Returns the number of rows as the runs tell it where it is free."""
    return rows_of(TensorSpec(spec.name, spec.dtype, evidence.shape(spec)) for spec in outputs)


def joined(tensors: Tensors, names: Sequence[str]) -> Array:
    """Returns the rows (N, width) float32 of tables, one grid after another."""
    tables = [_table(tensors[name]) for name in names]
    every = tables[0] if len(tables) == 1 else np.concatenate(tables)
    return every.astype(np.float32, copy=False)


def gathered(tensors: Tensors, names: Sequence[str], rows: Array) -> Array:
    """Returns rows (M, width) float32 of tables by their numbers (M,), which ascend."""
    parts, start = [], 0
    for name in names:
        table = _table(tensors[name])
        low, high = np.searchsorted(rows, (start, start + len(table)))
        parts.append(table[rows[low:high] - start])
        start += len(table)
    every: Array = np.concatenate(parts)
    return every.astype(np.float32, copy=False)


def cell_corners(
    input_wh: tuple[int, int], strides: Sequence[int], each: Sequence[int]
) -> tuple[Array, Array]:
    """Places grids on the model's input, the rows of cells from the top left on.

    Args:
        input_wh: size of the input [px].
        strides: sizes of the cells of each grid [px].
        each: numbers of rows for a cell of each grid.

    Returns:
        Upper left corners (N, 2) as x and y [px] and sizes (N, 1) [px] of the cells, float32.
    """
    corners, sizes = [], []
    for stride, count in zip(strides, each, strict=True):
        width, height = (-(-side // stride) for side in input_wh)
        y, x = np.mgrid[:height, :width]
        cells = np.stack((x.ravel(), y.ravel()), axis=1) * stride
        corners.append(np.repeat(cells, count, axis=0))
        sizes.append(np.full((len(corners[-1]), 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(sizes).astype(np.float32)


def cell_rows(input_wh: tuple[int, int], strides: Sequence[int], each: Sequence[int]) -> int:
    """Returns the number of rows that such grids have."""
    return sum(
        count * -(-input_wh[0] // stride) * -(-input_wh[1] // stride)
        for stride, count in zip(strides, each, strict=True)
    )


def check_rows(count: int, expected: int, input_wh: tuple[int, int]) -> None:
    """Compares the number of rows of one picture with that of its grids.

    Raises:
        FrameError: they differ, which sizes that are free allow.
    """
    if count != expected:
        raise FrameError(
            'the outputs do not have the rows of their grids',
            got=f'{count} rows for {input_wh[0]} x {input_wh[1]} px',
            expected=f'{expected} rows',
            hint="Correct 'decoder_options.strides' and 'decoder_options.anchors'.",
        )


def moved_points(numbers: Array, places: Array, sizes: Array | float) -> Array:
    """Returns points (N, K, 2) [px] of distances (N, 2 K), in `sizes`, from places (N, 2) [px]."""
    points: Array = (numbers * sizes).reshape(len(numbers), numbers.shape[1] // 2, 2) + places[
        :, None
    ]
    return points.astype(np.float32, copy=False)


def no_such_heads(model: ModelDescription, reads: str) -> ModelMismatchError:
    """Makes the error about a model whose outputs are no such tables."""
    return ModelMismatchError(
        str(model.identity),
        'the outputs are no such tables of numbers per cell',
        '; '.join(map(str, model.outputs)),
        reads,
        "Choose another decoder, correct the labels, or fix free sizes under 'outputs'.",
    )


def _table(tensor: Array) -> Array:
    return tensor.reshape(-1, tensor.shape[-1])
