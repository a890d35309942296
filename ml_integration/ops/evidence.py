"""Evidence about a model, by which decoders say how well they fit, and measures of its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array, Tensors, TensorSpec

SHAPES = 1.0
"""Points for sizes that a style can have, as many others can."""
NAMES = 2.0
"""Points for names of tensors that a style's exporters give."""
COUNTS = 3.0
"""Points for a size that is no accident: the cells of a grid, or the number of the labels."""
VALUES = 4.0
"""Points for values of a run that are boxes on its picture."""
EVEN = 0.5
"""Difference in points below which two proposals fit equally well."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a model before anybody said how its outputs are read.

    Attributes:
        input_wh: width and height of its picture [px]; None if it has no picture of fixed size.
        outputs: tensors that it gives.
        labels: number of its classes; 0 if nobody says.
        runs: raw outputs on real pictures; they tell more than shapes.
        background: True if the first label names the background, which has the number 0 then.
    """

    input_wh: tuple[int, int] | None
    outputs: tuple[TensorSpec, ...]
    labels: int = 0
    runs: tuple[Tensors, ...] = ()
    background: bool = False

    def shape(self, output: TensorSpec) -> tuple[int | None, ...]:
        """Returns the sizes of an output, those of the runs where they are free and agree."""
        shapes = [run[output.name].shape for run in self.runs if output.name in run]
        if not shapes or any(len(shape) != len(output.shape) for shape in shapes):
            return output.shape
        axes = zip(output.shape, *shapes, strict=True)
        return tuple(
            told if told is not None or len(set(seen)) > 1 else seen[0] for told, *seen in axes
        )

    def tables(self, output: TensorSpec) -> tuple[Array, ...]:
        """Returns an output of each run as float32 with its last two axes, (rows, columns)."""
        arrays = [run[output.name] for run in self.runs if output.name in run]
        with np.errstate(over='ignore'):
            return tuple(
                a.reshape(-1, a.shape[-1] if a.ndim else 1).astype(np.float32, copy=False)
                for a in arrays
                if a.size
            )

    def values(self, output: TensorSpec) -> Array | None:
        """Returns an output's values in all runs as rows (N, sizes of the last axis) float32.

        Returns:
            None if there is no run, or no value in any of them.
        """
        tables = self.tables(output)
        same = len({table.shape[1] for table in tables}) == 1
        return np.concatenate(tables) if same else None

    def whole(self, output: TensorSpec) -> bool:
        """Tells whether an output holds whole numbers: by its dtype, or in all runs."""
        values = self.values(output)
        return np.dtype(output.dtype).kind in 'iu' or (values is not None and are_whole(values))


@dataclass(frozen=True, slots=True)
class Fit:
    """Proposal of a decoder: how it would read the outputs, and how much speaks for it.

    Attributes:
        score: points, see `SHAPES` and the others above.
        why: the reason in words.
        options: settings of the decoder's options that differ from their defaults.
        outputs: names of the outputs that it reads.
        encode: settings of the picture's encoder that go with this style, a convention.
        doubt: what speaks against it, in words; empty if nothing does.
        labels: names of the classes, of a style that knows them.
        points: names of the points that it gives with each box.
        raw: whether the style reads a detector's heads before they are decoded.
    """

    score: float
    why: str
    options: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    encode: Mapping[str, Any] = field(default_factory=dict)
    doubt: str = ''
    labels: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    raw: bool = False


def are_whole(values: Array) -> bool:
    """Tells whether finite numbers are whole, apart from rounding."""
    finite = values[np.isfinite(values)]
    return bool(finite.size) and bool((np.abs(finite - np.rint(finite)) < 1e-3).all())


def are_scores(values: Array) -> bool:
    """Tells whether numbers lie from 0 to 1, apart from rounding of half precision.

    Padded rows of -1 are scores as well; what is not finite tells nothing.
    """
    finite = values[np.isfinite(values) & (values != -1)]
    return bool(((finite > -0.01) & (finite < 1.01)).all())


def plausible_share(xyxy: Array, input_wh: tuple[int, int]) -> float:
    """Returns the part of boxes (N, 4) that could be objects on a picture, 0 to 1.

    A box counts with the part of its area that lies on the picture; one that is turned inside
    out, smaller than two pixels or larger than the picture and a half counts nothing.
    """
    if not len(xyxy):
        return 0.0
    size = np.array(input_wh, np.float64)
    boxes = np.nan_to_num(xyxy.astype(np.float64), nan=-1.0, posinf=-1.0, neginf=-1.0)
    sides = boxes[:, 2:] - boxes[:, :2]
    inside = np.clip(boxes[:, 2:], 0, size) - np.clip(boxes[:, :2], 0, size)
    fine = (sides >= 2).all(axis=1) & (sides <= 1.5 * size).all(axis=1)
    area = np.where(fine, sides.prod(axis=1), 1.0)
    return float(np.mean(np.where(fine, inside.prod(axis=1) / area, 0.0)))


def are_fractions(values: Array) -> bool:
    """Tells whether numbers of boxes are fractions of a picture instead of pixels.

    A picture is never so small that all of its boxes lie within a pixel and a half; boxes that
    are all zero tell nothing.
    """
    finite = np.abs(values[np.isfinite(values)])
    return bool(finite.size) and 0 < float(np.percentile(finite, 99.5)) <= 1.5


def are_relative(values: Array) -> bool:
    """Tells whether centers are counted in cells of a grid from their own one, not in pixels.

    The few cells that see nothing may give any number.
    """
    finite = np.abs(values[np.isfinite(values)])
    return not finite.size or float(np.percentile(finite, 95)) < 16


def has_objectness(values: Array) -> bool | None:
    """Tells whether the fifth column of rows (N, 6 or more) is objectness, not a class.

    Where an object is, a class is as well: if the fifth column is high, so is one after it. Where
    it is the score of the first class, the others are low there.

    Returns:
        None if it is high nowhere.
    """
    high = values[values[:, 4] > 0.25]
    if not len(high):
        return None
    return bool(np.mean(high[:, 5:].max(axis=1) > 0.25) > 0.5) or bool((values[:, 4] > 0.99).all())
