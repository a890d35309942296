"""Pairs of the same objects in two results."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.ops.matching import ObjectsDifference, compare_objects, pairs


def test_objects_of_one_class_are_paired_first_and_then_the_most_similar() -> None:
    similarity = np.array([[0.9, 0.6], [0.8, 0.7]])
    first, second = pairs(similarity, np.array([[False, True], [False, False]]))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1), (1, 0)]
    first, second = pairs(similarity, np.zeros((2, 2), bool))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 0), (1, 1)]


def test_what_is_less_similar_is_no_pair() -> None:
    first, second = pairs(np.array([[0.49, 0.2]]), np.ones((1, 2), bool))
    assert first.shape == second.shape == (0,)


def test_objects_differ_by_class_score_and_presence() -> None:
    similarity = np.zeros((3, 3))
    similarity[0, 0], similarity[1, 1] = 0.75, 0.9
    scores = np.array([0.9, 0.8, 0.5]), np.array([0.6, 0.7, 0.4])
    found = compare_objects(similarity, scores, (['car', 'man', 'cat'], ['car', 'dog', 'cow']))
    assert (found.same, found.other_class, found.only_first, found.only_second) == (1, 1, 1, 1)
    assert found.score == pytest.approx(0.3)
    assert found.weight == 3
    # The scores of all are 3.9; of the cars 0.6 is in both, and three quarters of the boxes.
    assert found.disagreement == pytest.approx(1 - 2 * 0.75 * 0.6 / 3.9, abs=1e-6)


@pytest.mark.parametrize(('many', 'others'), [(0, 0), (2, 0), (0, 2)])
def test_nothing_is_alone_beside_nothing(many: int, others: int) -> None:
    scores = np.full(many, 0.5), np.full(others, 0.5)
    names = ['a'] * many, ['a'] * others
    found = compare_objects(np.zeros((many, others)), scores, names)
    apart = 1.0 if many + others else 0.0
    assert found == ObjectsDifference(apart, 0, 0, many, others, 0.0)
    assert found.weight == (many + others) / 2


def test_the_same_share_of_many_and_of_few_objects_is_the_same_disagreement() -> None:
    shares = []
    for many in (2, 40):
        scores, names = np.full(many, 0.7), ['a'] * many
        alike = np.eye(many)[:, ::2]
        half = compare_objects(alike, (scores, scores[::2]), (names, names[::2]))
        shares.append(half.disagreement)
    assert shares[0] == shares[1] == pytest.approx(1 / 3, abs=1e-6)
