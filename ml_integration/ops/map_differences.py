"""Compares maps of classes and of probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.class_maps import ClassMap, counts_of

_MOST = 65536
Labels = tuple[Callable[[int], str], Callable[[int], str]]
"""Names of the classes of either map."""


@dataclass(frozen=True, slots=True)
class MapDifference:
    """Difference of two class maps.

    Attributes:
        disagreement: share of the pixels that have another class.
        first: class with the most pixels in the first.
        second: class with the most pixels in the second.
    """

    disagreement: float
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class AlphaDifference:
    """Difference of two maps of probabilities.

    Attributes:
        disagreement: mean difference of the probabilities of a pixel.
        mask_iou: overlap of the pixels of class 1; 1 where there is none in either.
    """

    disagreement: float
    mask_iou: float


def compare_classes(first: ClassMap, second: ClassMap, labels: Labels) -> MapDifference:
    """Compares the classes of the pixels, by their names."""
    maps = (first, second)
    largest = [
        label(int(counts_of(one.classes, _MOST).argmax()))
        for one, label in zip(maps, labels, strict=True)
    ]
    if first.classes.shape != second.classes.shape:
        return MapDifference(1.0, *largest)
    names: dict[str, int] = {}
    tables = [_numbers(one, label, names) for one, label in zip(maps, labels, strict=True)]
    one, other = (table[each.classes] for table, each in zip(tables, maps, strict=True))
    return MapDifference(float(np.mean(one != other)) if one.size else 0.0, *largest)


def compare_alpha(first: ClassMap, second: ClassMap, labels: Labels) -> AlphaDifference:
    """Compares the probabilities of the pixels, and the masks that come of them."""
    one, other = first.alpha, second.alpha
    assert one is not None and other is not None
    if one.shape != other.shape or labels[0](1) != labels[1](1):
        return AlphaDifference(1.0, 0.0)
    both = np.count_nonzero(first.classes & second.classes)
    either = np.count_nonzero(first.classes | second.classes)
    apart = float(np.mean(np.abs(one - other))) if one.size else 0.0
    return AlphaDifference(apart, both / either if either else 1.0)


def _numbers(one: ClassMap, label: Callable[[int], str], names: dict[str, int]) -> Array:
    """Returns a number for each class by its name, the same in all maps that share `names`."""
    classes = range(int(one.classes.max(initial=0)) + 1)
    return np.array([names.setdefault(label(number), len(names)) for number in classes])
