"""Pairs what two results say about the same objects, and tells how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

SAME_OBJECT = 0.5
"""Overlap from which on two boxes or masks are taken for the same object."""


@dataclass(frozen=True, slots=True)
class ObjectsDifference:
    """Difference of two lists of objects.

    Attributes:
        disagreement: scores of the objects that only one result has, or that have another class,
            and the differences of the other scores, all together.
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
    least: float = SAME_OBJECT,
) -> ObjectsDifference:
    """Tells how two lists of objects in one picture differ.

    Args:
        similarity: (N, M) of each object of the first list with each of the second.
        scores: of both lists, (N,) and (M,).
        names: classes of both lists; numbers of two models may mean different classes.
        least: smallest similarity of what is one object.
    """
    labels = tuple(np.asarray(each, np.str_) for each in names)
    same_class = labels[0][:, None] == labels[1][None]
    first, second = pairs(similarity, same_class, least)
    before, after = (each.astype(np.float64) for each in scores)
    one, other = before[first], after[second]
    agree = same_class[first, second]
    apart: npt.NDArray[np.float64] = np.abs(one - other)[agree]
    changed = np.maximum(one, other)[~agree]
    alone, new = np.delete(before, first), np.delete(after, second)
    total = sum(float(part.sum()) for part in (alone, new, changed, apart))
    return ObjectsDifference(
        total, len(apart), len(changed), len(alone), len(new), float(apart.max(initial=0.0))
    )
