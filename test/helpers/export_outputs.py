"""Outputs of other people's exports on a made-up picture, as their tools name and shape them.

Boxes are those of objects at random places; scores are high for a few of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_integration.core.datatypes import TensorSpec

Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Made:
    """An export.

    Attributes:
        wh: size of its picture.
        outputs: of two runs.
        free: names of outputs whose sizes are free but for the last one.
    """

    wh: tuple[int, int]
    outputs: tuple[Outputs, Outputs]
    free: tuple[str, ...] = ()
    inputs: tuple[TensorSpec, ...] = field(default=())

    def picture(self) -> tuple[TensorSpec, ...]:
        first = TensorSpec('images', 'float32', (1, 3, self.wh[1], self.wh[0]))
        return (first, *self.inputs)

    def specs(self) -> tuple[TensorSpec, ...]:
        return tuple(
            TensorSpec(
                name,
                array.dtype.name,
                (*(None,) * (array.ndim - 1), array.shape[-1])
                if name in self.free
                else array.shape,
            )
            for name, array in self.outputs[0].items()
        )


def f32(array: Any) -> np.ndarray:
    return np.ascontiguousarray(array, np.float32)


def corners(dice: np.random.Generator, count: int, wh: Sequence[int]) -> np.ndarray:
    """Boxes (count, 4) in pixels that lie on the picture."""
    size = np.array(wh)
    sides = dice.uniform(0.1, 0.4, (count, 2)) * size
    first = dice.uniform(0, 1, (count, 2)) * (size - sides)
    return f32(np.concatenate((first, first + sides), axis=1))


def centered(boxes: np.ndarray) -> np.ndarray:
    """Boxes (count, 4) by center and size."""
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.concatenate((boxes[:, :2] + half, 2 * half), axis=1)


def fractions(boxes: np.ndarray, wh: Sequence[int]) -> np.ndarray:
    shares: np.ndarray = boxes / np.array([*wh, *wh])
    return shares


def probabilities(dice: np.random.Generator, count: int, classes: int) -> np.ndarray:
    """Scores (count, classes), high for one class of about each fourth row."""
    scores = dice.uniform(0, 0.04, (count, classes))
    rows = np.arange(0, count, 4)
    scores[rows, dice.integers(0, classes, len(rows))] = dice.uniform(0.4, 0.95, len(rows))
    return scores


def logits(dice: np.random.Generator, count: int, classes: int) -> np.ndarray:
    shares = probabilities(dice, count, classes).clip(1e-4)
    numbers: np.ndarray = np.log(shares / (1 - shares))
    return numbers


def with_no_object(dice: np.random.Generator, count: int, classes: int) -> np.ndarray:
    """Logits (count, classes + 1) of a DETR: the last one wins in three of four rows."""
    numbers = dice.normal(-3, 1, (count, classes + 1))
    numbers[:, -1] = 5
    rows = np.arange(0, count, 4)
    numbers[rows, dice.integers(0, classes, len(rows))] = 9
    return numbers


def ranked(dice: np.random.Generator, count: int) -> np.ndarray:
    """Scores (count,), the best one first."""
    return np.sort(dice.uniform(0.06, 0.99, count))[::-1]


def numbers(dice: np.random.Generator, count: int, classes: int, first: int = 0) -> np.ndarray:
    return dice.integers(first, classes + first, count)


def cells(wh: Sequence[int], strides: Sequence[int] = (8, 16, 32)) -> int:
    return sum((wh[0] // stride) * (wh[1] // stride) for stride in strides)


def two_runs(wh: tuple[int, int], outputs: Any, **more: Any) -> Made:
    """An export whose outputs `outputs(dice)` gives."""
    first, second = (outputs(np.random.default_rng(seed)) for seed in (1, 2))
    return Made(wh, (first, second), **more)
