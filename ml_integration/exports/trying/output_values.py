"""Values in the raw outputs of runs: their range, and whether they are probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import Array, Tensors

SUM = 1e-3
"""Probabilities may differ from a sum of 1 by this much."""


@dataclass(frozen=True, slots=True)
class OutputValues:
    """Values of one output over some runs.

    Attributes:
        smallest: of the finite ones; NaN if there is none.
        largest: the same.
        finite: whether all are.
        sums_to_one: whether all are from 0 to 1 and every row of the last axis longer than 1
            adds up to 1, as after a softmax.
        fixed: whether all runs gave the same numbers; False for a single run.
        channels: smallest and largest value of each entry of the last axis longer than 1, where
            there are at most 4096 of them: (C, 2).
    """

    smallest: float
    largest: float
    finite: bool
    sums_to_one: bool
    fixed: bool
    channels: Array

    @property
    def within_one(self) -> bool:
        """Whether all values are from 0 to 1, apart from rounding."""
        return self.finite and self.smallest >= -SUM and self.largest <= 1 + SUM

    def __str__(self) -> str:
        if np.isnan(self.smallest):
            return 'nothing finite'
        text = f'{self.smallest:.4g} to {self.largest:.4g}'
        if not self.finite:
            text += ', not all finite'
        if self.sums_to_one:
            text += ', probabilities that add up to 1'
        return text + (', the same on every picture' if self.fixed else '')


MOST_CHANNELS = 4096


def values_of(runs: Sequence[Tensors]) -> Mapping[str, OutputValues]:
    """Returns the values of each output, by its name, that holds numbers in all runs."""
    names = [
        name for name, array in (runs[0].items() if runs else ()) if array.dtype.kind in 'fiu'
    ]
    return {name: _values([run[name] for run in runs]) for name in names}


def _values(raw: Sequence[Array]) -> OutputValues:
    fraction = raw[0].dtype.kind == 'f'
    arrays = [np.asarray(one, np.float64) for one in raw]
    rows = [_rows(array) for array in arrays]
    flat = np.concatenate([array.reshape(-1) for array in arrays])
    finite = np.isfinite(flat)
    known = flat[finite] if finite.any() else np.array([np.nan])
    smallest, largest = float(known.min()), float(known.max())
    shares = bool(finite.all()) and smallest >= -SUM and largest <= 1 + SUM and fraction
    return OutputValues(
        smallest,
        largest,
        bool(finite.all()),
        shares and all(_sums_to_one(one) for one in rows),
        len(arrays) > 1 and all(np.array_equal(one, arrays[0]) for one in arrays[1:]),
        _channels(rows),
    )


def _rows(array: Array) -> Array:
    """Returns an output as rows (N, C) of its last axis that is longer than 1."""
    sizes = [size for size in array.shape if size != 1]
    return array.reshape(-1, sizes[-1]) if sizes and array.size else array.reshape(-1, 1)


def _sums_to_one(rows: Array) -> bool:
    return rows.size > 0 and rows.shape[1] > 1 and bool(np.abs(rows.sum(axis=1) - 1).max() <= SUM)


def _channels(rows: Sequence[Array]) -> Array:
    width = rows[0].shape[1]
    together = [one for one in rows if one.shape[1] == width and len(one)]
    if width > MOST_CHANNELS or not together:
        return np.empty((0, 2))
    whole = np.concatenate(together)
    whole = np.where(np.isfinite(whole), whole, np.nan)
    empty = np.isnan(whole).all(axis=0)
    whole[:, empty] = 0.0
    return np.stack([np.nanmin(whole, axis=0), np.nanmax(whole, axis=0)], axis=1)
