"""What a second model says about an object that the first one has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array


@dataclass(frozen=True, slots=True)
class NamedScore:
    """A class that an object may have: its name, number and score from 0 to 1.

    Attributes:
        head: which of several questions it answers, such as 'color'; empty if there is one.
    """

    label: str
    class_id: int
    score: float
    head: str = ''

    def __str__(self) -> str:
        return f'{self.head}: {self.label}' if self.head else self.label


@dataclass(frozen=True, slots=True)
class Detail:
    """Details of one object; which of them there are depends on the second model's task.

    Attributes:
        keypoints: (K, 3) float32, x and y [px of the picture] and score; None: none.
        classes: best first, of one head after another.
        values: float32 arrays by the name of the output.
    """

    keypoints: npt.NDArray[np.float32] | None = None
    classes: tuple[NamedScore, ...] = ()
    values: Mapping[str, Array] = field(default_factory=dict)

    def best(self) -> tuple[NamedScore, ...]:
        """Returns the best class of each head."""
        found: dict[str, NamedScore] = {}
        for one in self.classes:
            found.setdefault(one.head, one)
        return tuple(found.values())


Details = Sequence[Detail | None]
"""Of each object; None for one that has none."""


def stacked_keypoints(details: Details) -> Array:
    """Returns the points (N, K, 3) float32 of N objects; K is 0 if no object has any.

    An object without points has NaN as their places, and 0 as their scores.
    """
    known = [one.keypoints for one in details if one is not None and one.keypoints is not None]
    count = len(known[0]) if known else 0
    points = np.full((len(details), count, 3), np.nan, np.float32)
    points[..., 2] = 0
    for row, one in zip(points, details, strict=True):
        if one is not None and one.keypoints is not None:
            row[...] = one.keypoints
    return points


def stacked_values(details: Details, place: int) -> Array:
    """Returns the values (N, ...) float32 that N objects have of an output.

    Args:
        details: of the objects.
        place: of the output among the outputs.

    Returns:
        NaN for an object that has none; (N, 0) if no object has any.
    """
    found = [None if one is None else list(one.values.values())[place] for one in details]
    shape = next((one.shape for one in found if one is not None), (0,))
    values = np.full((len(details), *shape), np.nan, np.float32)
    for row, one in zip(values, found, strict=True):
        if one is not None and one.shape == shape:
            row[...] = one
    return values
