"""Scores objects in pictures by the mean average precision of COCO."""

from __future__ import annotations

from collections.abc import Callable

from ml_integration.core.abilities import Score
from ml_integration.core.datatypes import Array
from ml_integration.ops.detections import Detections
from ml_integration.ops.scoring.average_precision import AveragePrecision

Similarity = Callable[[Detections, Detections], Array]
"""Returns how similar each of N objects is to each of M others, (N, M) from 0 to 1."""


class ObjectScorer:
    """Scores detections against true ones.

    Args:
        similarity: of found objects to true ones, such as the overlap of their boxes.
        label: gives the name of a class.
        most: as many of the best objects of a class count in each picture.
        ignored: tells which true objects (M,) need not be found; None: all have to be.
    """

    def __init__(
        self,
        similarity: Similarity,
        label: Callable[[int], str],
        most: int = 100,
        ignored: Callable[[Detections], Array] | None = None,
    ) -> None:
        self._similarity = similarity
        self._label = label
        self._ignored = ignored
        self._precision = AveragePrecision(most=most)

    def add(self, result: Detections, truth: Detections) -> None:
        """Adds a picture; the scores of the truth do not count."""
        self._precision.add(
            self._similarity(result, truth),
            result.scores,
            result.class_ids,
            truth.class_ids,
            None if self._ignored is None else self._ignored(truth),
            once=True,
        )

    def scores(self) -> list[Score]:
        """Returns the mean AP of all classes, and that of each class."""
        every = [
            Score('mAP50-95', self._precision.mean()),
            Score('mAP50', self._precision.mean(0.5)),
        ]
        of_classes = self._precision.of_classes().items()
        each = [Score(f'AP50-95 {self._label(i)}', float(ap.mean())) for i, ap in of_classes]
        return every + each
