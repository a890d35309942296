"""Tells how far two results for the same message are apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.boxes import iou_matrix
from ml_integration.tasks.classification import Classification
from ml_integration.tasks.object_detection import ObjectDetection
from ml_integration.tasks.tensor import Tensor

SAME_BOX_IOU = 0.5
"""Overlap from which on two boxes are taken for the same object."""


@dataclass(frozen=True, slots=True)
class BoxDifference:
    """Difference of two lists of objects.

    Attributes:
        disagreement: scores of the boxes that only one model has, or that have another class, and
            the differences of the other scores, all together.
        same: boxes with the same class in both.
        other_class: boxes in both, with another class.
        only_first: boxes of the first model alone.
        only_second: boxes of the second model alone.
        score: largest difference of the scores of the same box.
    """

    disagreement: float
    same: int
    other_class: int
    only_first: int
    only_second: int
    score: float


@dataclass(frozen=True, slots=True)
class ClassDifference:
    """Difference of two lists of classes.

    Attributes:
        disagreement: largest difference of the scores of a class, and 1 if the best one differs.
        first: best class of the first model.
        second: best class of the second model.
    """

    disagreement: float
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """Difference of outputs as they are.

    Attributes:
        disagreement: the largest difference of a value; infinite where sizes or names differ.
    """

    disagreement: float


Difference = BoxDifference | ClassDifference | ValueDifference
Compare = Callable[[Sequence[Any], Sequence[Any]], Difference]


def comparison_of(task: Any, model: str) -> Compare:
    """Returns what compares rows of a task.

    Raises:
        ModelMismatchError: nobody knows how.
    """
    known: Mapping[type, Compare] = {
        ObjectDetection: _boxes,
        Classification: _classes,
        Tensor: _values,
    }
    compare = known.get(type(task))
    if compare is None:
        names = ', '.join(kind.__name__ for kind in known)
        what = 'results of its task cannot be compared'
        raise ModelMismatchError(model, what, type(task).__name__, names)
    return compare


def _boxes(
    first: Sequence[ObjectDetection.Row], second: Sequence[ObjectDetection.Row]
) -> Difference:
    pairs = _pairs(first, second)
    differing = [(a, b) for a, b in pairs if first[a].label != second[b].label]
    scores = [abs(first[a].score - second[b].score) for a, b in pairs if (a, b) not in differing]
    alone = [row.score for at, row in enumerate(first) if all(at != a for a, _ in pairs)]
    new = [row.score for at, row in enumerate(second) if all(at != b for _, b in pairs)]
    changed = [max(first[a].score, second[b].score) for a, b in differing]
    return BoxDifference(
        sum(alone) + sum(new) + sum(changed) + sum(scores),
        len(scores),
        len(differing),
        len(alone),
        len(new),
        max(scores, default=0.0),
    )


def _pairs(
    first: Sequence[ObjectDetection.Row], second: Sequence[ObjectDetection.Row]
) -> list[tuple[int, int]]:
    """Pairs the boxes that are the same, those of one class and those that overlap most first."""
    if not first or not second:
        return []
    overlap = iou_matrix(_edges(first), _edges(second))
    candidates = [
        (first[a].label == second[b].label, overlap[a, b], int(a), int(b))
        for a, b in np.argwhere(overlap >= SAME_BOX_IOU)
    ]
    pairs: list[tuple[int, int]] = []
    for *_, a, b in sorted(candidates, reverse=True):
        if all(a != known and b != other for known, other in pairs):
            pairs.append((a, b))
    return pairs


def _edges(rows: Sequence[ObjectDetection.Row]) -> Array:
    return np.array([(row.left, row.top, row.right, row.bottom) for row in rows])


def _classes(
    first: Sequence[Classification.Row], second: Sequence[Classification.Row]
) -> Difference:
    scores = [{row.label: row.score for row in rows} for rows in (first, second)]
    # A class beyond the published ones has at most the last one's score: nothing is made of it.
    both = scores[0].keys() & scores[1].keys()
    apart = max((abs(scores[0][label] - scores[1][label]) for label in both), default=0.0)
    best = [rows[0].label if rows else '' for rows in (first, second)]
    return ClassDifference(apart + (best[0] != best[1]), *best)


def _values(first: Sequence[Tensor.Row], second: Sequence[Tensor.Row]) -> Difference:
    shapes = [[(row.output, row.shape) for row in rows] for rows in (first, second)]
    if shapes[0] != shapes[1]:
        return ValueDifference(float('inf'))
    apart = (
        float(np.max(np.abs(np.subtract(a.values, b.values)), initial=0.0))
        for a, b in zip(first, second, strict=True)
    )
    return ValueDifference(max(apart, default=0.0))
