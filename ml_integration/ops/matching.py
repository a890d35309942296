"""Pairs what two results say about the same objects, and tells how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

SAME_OBJECT = 0.5
"""Overlap from which on two boxes or masks are taken for the same object."""
DIGITS = 6
"""Of a disagreement: a box may overlap itself by a little less than 1."""


@dataclass(frozen=True, slots=True)
class ObjectsDifference:
    """Difference of two lists of objects.

    Attributes:
        disagreement: share of the scores of all objects that the results have not in common; two
            of one class have the smaller score in common, as far as they overlap.
        same: objects with the same class in both.
        other_class: objects in both, with another class.
        only_first: objects of the first result alone.
        only_second: objects of the second result alone.
        score: largest difference of the scores of the same object.
    """

    disagreement: float
    same: int
    other_class: int
    only_first: int
    only_second: int
    score: float

    @property
    def weight(self) -> float:
        """Number of objects, the mean of both results."""
        return self.same + self.other_class + (self.only_first + self.only_second) / 2


def pairs(similarity: Array, same_class: Array, least: float = SAME_OBJECT) -> tuple[Array, Array]:
    """Pairs objects of two lists, those of one class and then those that are most similar first.

    Args:
        similarity: (N, M) of each object of one list with each of the other.
        same_class: (N, M) bool.
        least: smallest similarity of a pair.

    Returns:
        Indices of the pairs in the first and in the second list, (P,) intp each.
    """
    first, second = np.nonzero(similarity >= least)
    keys = (second, first, similarity[first, second], same_class[first, second])
    order = np.lexsort(keys)[::-1]
    chosen = []
    free = np.ones(len(similarity), bool), np.ones(similarity.shape[1], bool)
    for at in order.tolist():
        a, b = first[at], second[at]
        if free[0][a] and free[1][b]:
            free[0][a] = free[1][b] = False
            chosen.append(at)
    return first[chosen], second[chosen]


def compare_objects(
    similarity: Array,
    scores: tuple[Array, Array],
    names: tuple[Sequence[str], Sequence[str]],
    alike: Array | None = None,
) -> ObjectsDifference:
    """Tells how two lists of objects in one picture differ.

    Args:
        similarity: (N, M) of each object of the first list with each of the second.
        scores: of both lists, (N,) and (M,).
        names: classes of both lists; numbers of two models may mean different classes.
        alike: (N, M) how much of one object two of them have in common; None: the similarity.
    """
    labels = tuple(np.asarray(each, np.str_) for each in names)
    same_class = labels[0][:, None] == labels[1][None]
    first, second = pairs(similarity, same_class)
    before, after = (each.astype(np.float64) for each in scores)
    one, other = before[first], after[second]
    agree = same_class[first, second]
    apart: npt.NDArray[np.float64] = np.abs(one - other)[agree]
    overlap = (similarity if alike is None else alike)[first, second]
    common = 2 * float((overlap * np.minimum(one, other))[agree].sum())
    total = float(before.sum() + after.sum())
    return ObjectsDifference(
        max(0.0, round(1 - common / total, DIGITS)) if total else 0.0,
        len(apart),
        len(one) - len(apart),
        len(before) - len(first),
        len(after) - len(second),
        float(apart.max(initial=0.0)),
    )
