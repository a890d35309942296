"""Average precision, as the API of COCO gives it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml_integration.ops.boxes import iou_matrix
from ml_integration.ops.scoring.average_precision import AveragePrecision

ONE = np.array([0])


def added(*pictures: tuple[list[list[float]], list[float], list[bool]]) -> AveragePrecision:
    """Pictures of one class: similarities, scores, which true ones are ignored."""
    precision = AveragePrecision()
    for similarity, scores, ignored in pictures:
        table = np.array(similarity, np.float64).reshape(len(scores), len(ignored))
        ids, true = np.zeros(len(scores), int), np.zeros(len(ignored), int)
        precision.add(table, np.array(scores), ids, true, np.array(ignored, bool))
    return precision


@pytest.mark.parametrize(
    ('pictures', 'all_thresholds', 'at_half'),
    [
        ([([[1.0]], [0.9], [False])], 1.0, 1.0),
        # One of two true ones: precision 1 up to recall 0.5, which are 51 of 101.
        ([([[1.0, 0.0]], [0.9], [False, False])], 51 / 101, 51 / 101),
        ([([[0.72]], [0.9], [False])], 0.5, 1.0),
        # A better one that is wrong halves the precision.
        ([([[0.0], [1.0]], [0.9, 0.8], [False])], 0.5, 0.5),
        ([([[1.0], [0.9]], [0.9, 0.8], [False])], 1.0, 1.0),
        ([([[0.9], [1.0]], [0.9, 0.8], [False])], 0.95, 1.0),
        ([([], [], [False])], 0.0, 0.0),
        # What lies in a crowd is neither right nor wrong.
        ([([[0.0, 0.8], [0.1, 0.9], [1.0, 0]], [0.9, 0.8, 0.7], [False, True])], 5 / 6, 1.0),
        # The ranks of two pictures are one.
        ([([[0.0]], [0.9], [False]), ([[1.0]], [0.8], [False])], 51 / 202, 51 / 202),
    ],
)
def test_precision_is_read_at_101_recalls(
    pictures: list[tuple[list[list[float]], list[float], list[bool]]],
    all_thresholds: float,
    at_half: float,
) -> None:
    precision = added(*pictures)
    assert precision.mean() == pytest.approx(all_thresholds)
    assert precision.mean(0.5) == pytest.approx(at_half)


def test_classes_without_true_objects_do_not_count() -> None:
    precision = AveragePrecision()
    both = np.array([[1.0], [1.0]])
    precision.add(both, np.array([0.9, 0.8]), np.array([3, 4]), np.array([3]))
    assert {c: ap.tolist() for c, ap in precision.of_classes().items()} == {3: [1.0] * 10}
    assert precision.mean() == 1.0


def test_nothing_has_no_precision() -> None:
    assert math.isnan(AveragePrecision().mean())
    assert math.isnan(added(([], [], [])).mean(0.5))
    assert math.isnan(added(([[0.5]], [0.9], [True])).mean())


def test_only_the_best_of_a_class_count() -> None:
    precision = AveragePrecision((0.5,), most=1)
    precision.add(np.array([[0.0], [1.0]]), np.array([0.9, 0.8]), np.zeros(2, int), ONE)
    assert precision.mean() == 0.0


def test_many_pictures_have_the_precision_that_the_api_of_coco_gives() -> None:
    """The expected numbers are those of pycocotools 2.0.11 for the same boxes."""
    dice = np.random.default_rng(7)
    precision = AveragePrecision()
    for count in (3, 0, 5, 2, 4):
        ids = dice.integers(0, 3, count)
        low = dice.uniform(0, 400, (count, 2))
        true = np.hstack((low, low + dice.uniform(60, 300, (count, 2))))
        which = dice.integers(0, count, 3 * count) if count else np.zeros(0, int)
        found = true[which] + dice.normal(0, 15, (len(which), 4))
        changed = np.where(dice.random(len(which)) < 0.8, ids[which], 2)
        precision.add(iou_matrix(found, true), dice.random(len(which)), changed, ids)
    assert precision.mean() == pytest.approx(0.38285882159644535, abs=1e-9)
    assert precision.mean(0.5) == pytest.approx(0.5792436386495792, abs=1e-9)
