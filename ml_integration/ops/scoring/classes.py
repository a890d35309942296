"""Scores classes of pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from ml_integration.core.abilities import Score, Scorer
from ml_integration.ops.classes import Classes


class AccuracyScorer:
    """Share of pictures whose true class is the best one, or among the best five."""

    def __init__(self) -> None:
        self._pictures = self._first = self._among = 0

    def add(self, result: Classes, truth: Classes) -> None:
        """Adds a picture; without a true class, of which the first counts, it does not count."""
        if not len(truth.class_ids):
            return
        right = result.class_ids == truth.class_ids[0]
        self._pictures += 1
        self._first += int(right[:1].any())
        self._among += int(right[:5].any())

    def scores(self) -> list[Score]:
        """Returns the accuracy of the best class and of the best five."""
        return [
            Score('top-1 accuracy', _share(self._first, self._pictures)),
            Score('top-5 accuracy', _share(self._among, self._pictures)),
        ]


class SetScorer:
    """F1, precision and recall of the classes that a picture has, of which there are many.

    All figures are about pairs of picture and class (micro averages), but for macro F1, the mean
    over the classes that are found or true anywhere.
    """

    def __init__(self) -> None:
        self._right, self._found, self._true = Counter[int](), Counter[int](), Counter[int]()

    def add(self, result: Classes, truth: Classes) -> None:
        """Adds a picture, which may show none of the classes."""
        found, true = {*result.class_ids.tolist()}, {*truth.class_ids.tolist()}
        self._found.update(found)
        self._true.update(true)
        self._right.update(found & true)

    def scores(self) -> list[Score]:
        """Returns F1 of all pairs, the mean F1 of the classes, precision and recall."""
        right, found, true = (
            sum(each.values()) for each in (self._right, self._found, self._true)
        )
        every = [
            _share(2 * self._right[one], self._found[one] + self._true[one])
            for one in self._found.keys() | self._true.keys()
        ]
        return [
            Score('F1', _share(2 * right, found + true)),
            Score('macro F1', sum(every) / len(every) if every else float('nan')),
            Score('precision', _share(right, found)),
            Score('recall', _share(right, true)),
        ]


class HeadsScorer:
    """Scores each head of a classifier.

    Args:
        scorers: by the name of the head; that of the only one is empty.
    """

    def __init__(self, scorers: Mapping[str, Scorer]) -> None:
        self._scorers = scorers

    def add(self, result: Classes, truth: Classes) -> None:
        """Adds a picture; the scores of the truth do not count."""
        parts = zip(self._scorers.values(), result.heads(), truth.heads(), strict=True)
        for scorer, found, true in parts:
            scorer.add(found, true)

    def scores(self) -> list[Score]:
        """Returns the figures, those of each head with its name before them."""
        return [
            replace(score, name=f'{name} {score.name}'.strip())
            for name, scorer in self._scorers.items()
            for score in scorer.scores()
        ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float('nan')
