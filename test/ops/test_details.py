"""Details of objects stay with their objects, and become rows of one message."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.ops.details import (
    Detail,
    NamedScore,
    stacked_keypoints,
    stacked_values,
)
from ml_integration.ops.detections import Detections

POINTS = np.arange(6, dtype=np.float32).reshape(2, 3)


def objects(*details: Detail | None) -> Detections:
    count = len(details)
    return Detections(
        np.zeros((count, 4), np.float32),
        np.zeros(count, np.float32),
        np.arange(count, dtype=np.int32),
        count,
        details=details,
    )


def test_details_stay_with_their_objects() -> None:
    first, second = Detail(values={'a': np.zeros(1)}), Detail(values={'a': np.ones(1)})
    taken = objects(first, None, second).take(np.array([2, 1]))
    assert taken.details == (second, None)


def test_there_is_a_detail_or_none_for_each_object() -> None:
    with pytest.raises(ValueError, match='1 details of 2 objects'):
        Detections(
            np.zeros((2, 4), np.float32), np.zeros(2, np.float32), np.zeros(2, np.int32), 2,
            details=(None,),
        )  # fmt: skip


def test_an_object_without_points_has_none_with_a_score() -> None:
    rows = stacked_keypoints([None, Detail(keypoints=POINTS)])
    assert np.array_equal(rows[1], POINTS)
    assert np.isnan(rows[0, :, :2]).all() and (rows[0, :, 2] == 0).all()
    assert stacked_keypoints([None]).shape == (1, 0, 3)


def test_an_object_without_values_or_of_another_size_has_nan() -> None:
    details = [
        None,
        Detail(values={'a': np.zeros(3), 'b': np.ones(2)}),
        Detail(values={'a': np.zeros(3), 'b': np.ones(4)}),
    ]
    rows = stacked_values(details, 1)
    assert rows.shape == (3, 2) and np.isnan(rows).all(axis=1).tolist() == [True, False, True]
    assert stacked_values([None], 0).shape == (1, 0)


def test_the_best_class_of_each_head_is_known() -> None:
    classes = (
        NamedScore('red', 0, 0.9, 'color'),
        NamedScore('blue', 1, 0.1, 'color'),
        NamedScore('van', 2, 0.7, 'type'),
    )
    assert [str(one) for one in Detail(classes=classes).best()] == ['color: red', 'type: van']
