"""Average precision of ranked objects, from how similar each one is to each true one.

Source: the evaluation of COCO (Lin et al. 2014, cocoeval.py of its API): the best objects of a
class choose first among the true ones of their picture, and precision is read at 101 recalls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

COCO_THRESHOLDS = tuple(float(t) for t in np.linspace(0.5, 0.95, 10).round(2))
"""Similarities from which on an object is the true one; their mean AP is 'mAP50-95'."""
_RECALLS = np.linspace(0.0, 1.0, 101)
_HIT, _MISS, _NEITHER = 1, 0, -1


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Objects of one class in one picture: scores (N,), hit or not (T, N), true ones."""

    scores: Array
    hits: Array
    truths: int


class AveragePrecision:
    """Collects objects and true objects of many pictures.

    Args:
        thresholds: similarities from which on an object is the true one.
        most: as many of the best objects of a class count in each picture.
    """

    def __init__(self, thresholds: Sequence[float] = COCO_THRESHOLDS, most: int = 100) -> None:
        self._thresholds = tuple(thresholds)
        self._most = most
        self._of_class: dict[int, list[_Ranked]] = {}

    def add(
        self,
        similarity: Array,
        scores: Array,
        class_ids: Array,
        true_class_ids: Array,
        ignored: Array | None = None,
        once: bool = False,
    ) -> None:
        """Adds one picture.

        Args:
            similarity: (N, M) of each object to each true one, 0 to 1: the overlap of boxes or
                masks, or the likeness of keypoints.
            scores: (N,).
            class_ids: (N,) int.
            true_class_ids: (M,) int.
            ignored: (M,) bool, true ones that need not be found, such as crowds; what is found
                there counts as neither right nor wrong.
            once: whether one object may be found in each of these, and not any number, as in
                what is no crowd.
        """
        ignored = np.zeros(len(true_class_ids), bool) if ignored is None else ignored
        for class_id in np.union1d(class_ids, true_class_ids).tolist():
            mine = np.flatnonzero(class_ids == class_id)
            order = mine[np.argsort(-scores[mine], kind='stable')][: self._most]
            true = np.flatnonzero(true_class_ids == class_id)
            hits = self._hits(similarity[np.ix_(order, true)], ignored[true], once)
            ranked = _Ranked(scores[order], hits, int(np.count_nonzero(~ignored[true])))
            self._of_class.setdefault(class_id, []).append(ranked)

    def of_classes(self) -> Mapping[int, npt.NDArray[np.float64]]:
        """Returns the AP at each threshold (T,) of each class that has true objects."""
        return {
            class_id: self._average(parts)
            for class_id, parts in sorted(self._of_class.items())
            if sum(part.truths for part in parts)
        }

    def mean(self, threshold: float | None = None) -> float:
        """Returns the mean AP of the classes at a threshold, or at all; NaN if there is none."""
        every = list(self.of_classes().values())
        if not every:
            return float('nan')
        table = np.array(every)
        at = slice(None) if threshold is None else self._thresholds.index(threshold)
        return float(table[:, at].mean())

    def _hits(self, similarity: Array, ignored: Array, once: bool) -> npt.NDArray[np.int8]:
        """Tells whether objects (N, M), the best first, are true ones, at each threshold (T, N).

        Each takes the most similar one that is left, ignored ones last.
        """
        least = np.minimum(self._thresholds, 1 - 1e-10)[:, None]
        at = np.arange(len(least))
        hits = np.full((len(least), len(similarity)), _MISS, np.int8)
        left = np.ones((len(least), len(ignored)), bool)
        for index, row in enumerate(similarity) if len(ignored) else ():
            # Ignored ones after all others; the last of equal ones, as COCO does.
            order = np.where((row >= least) & left, row - 2 * ignored, -3.0)[:, ::-1]
            chosen, best = len(row) - 1 - order.argmax(axis=1), order.max(axis=1)
            right, beside = best >= 0, (best < 0) & (best > -3)
            left[at[right], chosen[right]] = False
            if once:
                left[at[beside], chosen[beside]] = False
            hits[:, index] = np.select((right, beside), (_HIT, _NEITHER), _MISS)
        return hits

    def _average(self, parts: Sequence[_Ranked]) -> npt.NDArray[np.float64]:
        """Returns the AP at each threshold (T,)."""
        scores = np.concatenate([part.scores for part in parts])
        order = np.argsort(-scores, kind='stable')
        hits = np.concatenate([part.hits for part in parts], axis=1)[:, order]
        truths = sum(part.truths for part in parts)
        return np.array([_area(of_threshold, truths) for of_threshold in hits])


def _area(hits: Array, truths: int) -> float:
    """Returns the mean precision at the 101 recalls for objects (N,), the best first."""
    right, wrong = np.cumsum(hits == _HIT), np.cumsum(hits == _MISS)
    recall = right / truths
    precision = right / np.maximum(right + wrong, 1)
    # At each recall the best precision that is reached there or later.
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _RECALLS, side='left')
    return float(np.append(best, 0.0)[at].mean())
