"""Scores maps of classes and of probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_integration.core.abilities import Score
from ml_integration.core.datatypes import Array
from ml_integration.ops.class_maps import ClassMap


class ClassMapScorer:
    """Mean intersection over union of the classes, share of right pixels, and error of alpha.

    Args:
        label: gives the name of a class.
        ignored: class of the truth whose pixels do not count.
        alpha: whether probabilities are scored too.
    """

    def __init__(self, label: Callable[[int], str], ignored: int, alpha: bool) -> None:
        self._label, self._ignored, self._alpha = label, ignored, alpha
        self._confusion = np.zeros((0, 0), np.int64)
        self._errors, self._count = 0.0, 0

    def add(self, result: ClassMap, truth: ClassMap) -> None:
        """Adds a result and the truth, of the same size; a truth without alpha has 0 and 1."""
        wanted = truth.classes != self._ignored
        self._count_classes(result.classes[wanted], truth.classes[wanted])
        if self._alpha and result.alpha is not None:
            true = truth.classes.astype(np.float32) if truth.alpha is None else truth.alpha
            errors = np.abs(result.alpha - true)[wanted]
            self._errors += float(errors.sum(dtype=np.float64))
            self._count += errors.size

    def scores(self) -> list[Score]:
        """Returns the MAE of alpha, mIoU, the accuracy of the pixels, and the IoU of each class.

        The first one is only of models that publish an alpha.
        """
        right = np.diag(self._confusion).astype(np.float64)
        union = self._confusion.sum(axis=0) + self._confusion.sum(axis=1) - right
        seen = np.flatnonzero(union)
        each = right[seen] / union[seen]
        total = self._confusion.sum()
        error = self._errors / self._count if self._count else float('nan')
        return [
            *([Score('MAE', error, higher_is_better=False)] if self._alpha else []),
            Score('mIoU', float(each.mean()) if each.size else float('nan')),
            Score('accuracy', float(right.sum() / total) if total else float('nan')),
            *(
                Score(f'IoU {self._label(number)}', float(value))
                for number, value in zip(seen.tolist(), each, strict=True)
            ),
        ]

    def _count_classes(self, classes: Array, true: Array) -> None:
        mine, right = classes.astype(np.int64), true.astype(np.int64)
        size = 1 + max((int(each.max()) for each in (mine, right) if each.size), default=-1)
        self._grow(size)
        size = len(self._confusion)
        pairs = np.bincount(right * size + mine, minlength=size * size)
        self._confusion += pairs.reshape(size, size)

    def _grow(self, size: int) -> None:
        more = size - len(self._confusion)
        if more > 0:
            self._confusion = np.pad(self._confusion, ((0, more), (0, more)))
