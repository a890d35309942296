"""Classes of a picture as a whole: what one or several heads of a model say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Label = Callable[[int], str]
"""Returns the name of a class."""


@dataclass(frozen=True, slots=True)
class Classes:
    """Likeliest classes of one picture, best first; of several heads one after another.

    Attributes:
        class_ids: (K,) int32, index into the model's labels, which are those of all heads.
        scores: (K,) float32, 0 to 1.
        counts: number of the classes of each head, with the sum K; empty for one head.
    """

    class_ids: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        kinds = (self.class_ids.dtype.name, self.scores.dtype.name)
        if kinds != ('int32', 'float32') or self.scores.shape != (len(self.class_ids),):
            raise ValueError(f'class_ids and scores are {kinds}, not equally many int32, float32')
        if self.counts and sum(self.counts) != len(self.class_ids):
            raise ValueError(
                f'counts {self.counts} are not those of {len(self.class_ids)} classes'
            )

    def heads(self) -> Iterator[Classes]:
        """Yields what each head says."""
        first = 0
        for count in self.counts or (len(self.class_ids),):
            part = slice(first, first + count)
            yield Classes(self.class_ids[part], self.scores[part])
            first += count


@dataclass(frozen=True, slots=True)
class ClassesDifference:
    """Difference of two lists of classes.

    Attributes:
        disagreement: 1 where the best class differs, otherwise the largest difference of the
            scores of a class; where several may be true, the share of all scores that the results
            have not in common. Of several heads the mean.
        first: best class of the first result, or all that are true.
        second: the same of the second result.
    """

    disagreement: float
    first: str
    second: str

    @property
    def weight(self) -> float:
        """1; 0 where both say that nothing is true."""
        said = f'{self.first}{self.second}'.strip(', ')
        return float(bool(said) or self.disagreement > 0)


def compare_classes(
    first: Classes, second: Classes, labels: tuple[Label, Label], multi_label: bool
) -> ClassesDifference:
    """Compares classes by their names.

    Args:
        first: a result.
        second: another one.
        labels: names of the classes of either.
        multi_label: whether several classes of a head may be true.
    """
    if len(first.counts) != len(second.counts):
        return ClassesDifference(1.0, '', '')
    apart: list[float] = []
    told: tuple[list[str], list[str]] = ([], [])
    for pair in zip(first.heads(), second.heads(), strict=True):
        one, other = (_by_label(*item) for item in zip(pair, labels, strict=True))
        apart.append(_of_sets(one, other) if multi_label else _of_best(one, other))
        for words, each in zip(told, (one, other), strict=True):
            words.append(' + '.join(list(each) if multi_label else list(each)[:1]))
    return ClassesDifference(sum(apart) / len(apart), *(', '.join(words) for words in told))


def _of_best(one: dict[str, float], other: dict[str, float]) -> float:
    """Returns how far two lists are apart of which the first is true, 0 to 1."""
    if list(one)[:1] != list(other)[:1]:
        return 1.0
    # A class beyond the published ones has at most the last one's score: that tells nothing.
    both = one.keys() & other.keys()
    return min(1.0, max((abs(one[key] - other[key]) for key in both), default=0.0))


def _of_sets(one: dict[str, float], other: dict[str, float]) -> float:
    """Returns the same of two lists of which all are true."""
    every = one.keys() | other.keys()
    scores = [(one.get(key, 0.0), other.get(key, 0.0)) for key in every]
    total = sum(map(sum, scores))
    return sum(abs(a - b) for a, b in scores) / total if total else 0.0


def _by_label(result: Classes, label: Label) -> dict[str, float]:
    """Returns the scores by the name of the class, the best one first."""
    pairs = zip(result.class_ids.tolist(), result.scores.tolist(), strict=True)
    return {label(class_id): score for class_id, score in pairs}


def joined(heads: Sequence[Classes]) -> Classes:
    """Returns the classes of all heads; those of the only one as they are."""
    if len(heads) == 1:
        return heads[0]
    return Classes(
        np.concatenate([one.class_ids for one in heads]),
        np.concatenate([one.scores for one in heads]),
        tuple(len(one.class_ids) for one in heads),
    )
