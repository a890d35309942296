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
        disagreement: largest difference of the scores of a class, and 1 for each head whose best
            one differs; where several may be true, 1 for each class that only one result has.
        first: best class of the first result, or all that are true.
        second: the same of the second result.
    """

    disagreement: float
    first: str
    second: str


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
        return ClassesDifference(float('inf'), '', '')
    apart, others = 0.0, 0
    told: tuple[list[str], list[str]] = ([], [])
    for pair in zip(first.heads(), second.heads(), strict=True):
        one, other = (_by_label(*item) for item in zip(pair, labels, strict=True))
        # A class beyond the published ones has at most the last one's score: that tells nothing.
        both = one.keys() & other.keys()
        apart = max(apart, max((abs(one[key] - other[key]) for key in both), default=0.0))
        said = [list(each) if multi_label else list(each)[:1] for each in (one, other)]
        others += len({*said[0]} ^ {*said[1]}) if multi_label else said[0] != said[1]
        for each, words in zip(told, said, strict=True):
            each.append(' + '.join(words))
    return ClassesDifference(apart + others, *(', '.join(each) for each in told))


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
