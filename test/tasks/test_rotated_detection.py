"""Detections with rotated boxes: where they are published, and what is judged."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from task_samples import HEADER, messages

from ml_integration.core.datatypes import (
    ModelDescription,
    ModelIdentity,
    Prediction,
    TensorSpec,
    Verdict,
)
from ml_integration.core.declaration import build
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.detections import Detections
from ml_integration.ops.letterbox import Letterbox, place
from ml_integration.ops.rotated_boxes import envelopes
from ml_integration.tasks.instance_segmentation import InstanceSegmentation
from ml_integration.tasks.object_detection import ObjectDetection

LABELS = ('ship', 'harbor')


def detector(shape: tuple[int | None, ...] = (1, None, 7), **values: Any) -> ObjectDetection:
    model = ModelDescription(
        ModelIdentity('m', 1),
        LABELS,
        (TensorSpec('images', 'float32', (1, 3, 64, 64)),),
        (TensorSpec('out', 'float32', shape),),
        {'images': (64, 64)},
    )
    return ObjectDetection(
        build(ObjectDetection.Settings, {'decoder': 'yolo_obb', **values}, 'test'), model
    )


def placed(resize: str = 'letterbox') -> dict[str, Letterbox]:
    """A picture of 96 x 48, two thirds of which fit 64 x 64."""
    return {'images': place(resize, (96, 48), (64, 64))}


def run(rows: Any, resize: str = 'letterbox') -> Detections:
    return detector().postprocess({'out': np.array([rows], np.float32)}, placed(resize))


def kinds(result: Detections) -> list[str]:
    return [reason.kind for reason in detector().validate(result, placed()).reasons]


ROW = [32, 32, 20, 8, 0.9, 1, 0.5]


def test_a_rotated_box_is_brought_onto_the_picture() -> None:
    result = run([ROW, [32, 32, 8, 20, 0.8, 0, 0.5 - math.pi / 2 + math.pi]])
    np.testing.assert_allclose(result.xyxy, [[33, 18, 63, 30]] * 2, atol=1e-4)
    assert result.angles is not None
    np.testing.assert_allclose(result.angles, [0.5, 0.5], atol=1e-6)
    assert kinds(result) == []


def test_a_box_of_a_stretched_picture_stays_a_rectangle() -> None:
    ((left, top, right, bottom),) = run([ROW], 'stretch').xyxy
    assert (right - left) * (bottom - top) == pytest.approx(20 * 8 * 1.5 * 0.75, rel=1e-4)
    assert ((left + right) / 2, (top + bottom) / 2) == (48, 24)


def test_only_boxes_of_one_class_displace_each_other_by_their_turned_overlap() -> None:
    """Two that cross overlap less than their envelopes do."""
    columns = np.array(
        [
            [32, 32, 30, 6, 0.9, 0.0, 0.7],
            [33, 32, 30, 6, 0.8, 0.0, 0.7],
            [32, 32, 30, 6, 0.7, 0.0, 0.7 + math.pi / 2],
            [32, 32, 30, 6, 0.0, 0.6, 0.7],
        ],
        np.float32,
    )
    task = detector((1, 7, None), iou_threshold=0.5)
    result = task.postprocess({'out': columns.T[None]}, placed())
    np.testing.assert_allclose(result.scores, [0.9, 0.7, 0.6])
    assert result.class_ids.tolist() == [0, 0, 1]


def test_a_box_may_reach_over_the_edge_and_is_not_cut() -> None:
    result = run([[2, 18, 20, 8, 0.9, 1, 0.5]])
    around = envelopes(result.xyxy, result.angles)
    assert (around[0, :2] < 0).all()
    np.testing.assert_allclose(result.xyxy[0, 2:] - result.xyxy[0, :2], [30, 12], atol=1e-4)
    assert kinds(result) == []


@pytest.mark.parametrize('row', [[32, 4, 10, 4, 0.9, 1, 0], [32, 32, 0, 0, 0.9, 1, 0.2]])
def test_a_box_of_which_nothing_is_visible_is_dropped(row: list[float]) -> None:
    assert len(run([row])) == 0


@pytest.mark.parametrize(
    ('changed', 'kind'),
    [
        ({6: np.nan}, 'not_finite'),
        ({6: np.inf}, 'not_finite'),
        ({0: np.nan}, 'not_finite'),
        ({2: -20}, 'box_without_area'),
        ({2: -20, 3: -8}, 'box_without_area'),
        ({0: 900}, 'box_outside'),
        ({2: 4000}, 'box_outside'),
        ({5: 7}, 'unknown_class'),
        ({4: 1.5}, 'score_out_of_range'),
    ],
    ids=str,
)
def test_each_fault_of_a_rotated_box_is_named(changed: dict[int, float], kind: str) -> None:
    row = [changed.get(column, value) for column, value in enumerate(ROW)]
    assert kind in kinds(run([ROW, row]))


def test_rows_and_messages_say_where_the_longer_side_points() -> None:
    task, result = detector(), run([ROW])
    (row,) = task.rows(result)
    assert type(row) is task.Row
    told = dataclasses.asdict(row)
    assert (told['label'], told['class_id']) == ('harbor', 1)
    numbers = [told[name] for name in ('center_x', 'center_y', 'length', 'width', 'angle')]
    np.testing.assert_allclose(numbers, [48, 24, 30, 12, 0.5], atol=1e-4)
    prediction = Prediction(0, '', {}, ModelIdentity('m', 1), result, Verdict(), {})
    ((_, message),) = task.encode(prediction, HEADER, messages)
    box = message.detections[0].bbox
    said = [box.center.position.x, box.center.position.y, box.size_x, box.size_y, box.center.theta]
    np.testing.assert_allclose(said, numbers, atol=1e-4)


def test_a_rotated_box_is_drawn_along_its_edges() -> None:
    canvas = np.zeros((48, 96, 3), np.uint8)
    detector().draw(canvas, run([[32, 32, 40, 10, 0.9, 1, 0.5]]))
    colored = canvas.any(axis=2)
    assert colored[24, 48] == 0  # its middle
    assert colored[40:].any()


def test_rotated_boxes_are_compared_and_scored_by_their_turned_overlap() -> None:
    task, one = detector(), run([ROW])
    across = dataclasses.replace(one, angles=one.angles + np.float32(math.pi / 2))
    model = ModelDescription(ModelIdentity('m', 2), LABELS, (), ())
    assert task.compare(one, one, model).same == 1
    assert task.compare(one, across, model).only_second == 1
    scorer = task.scorer()
    scorer.add(one, across)
    assert scorer.scores()[0].value == 0


def test_a_task_that_takes_upright_boxes_refuses_turned_ones() -> None:
    """Their angles would be lost, and masks painted in boxes that are none."""
    outputs = (
        TensorSpec('out', 'float32', (1, None, 7)),
        TensorSpec('masks', 'float32', (1, None, 16, 16)),
    )
    model = ModelDescription(ModelIdentity('m', 1), LABELS, (), outputs, {'images': (64, 64)})
    settings = {'decoder': 'yolo_obb', 'masks': 'whole'}
    with pytest.raises(ModelMismatchError, match='no use for boxes that are turned'):
        InstanceSegmentation(build(InstanceSegmentation.Settings, settings, 'test'), model)
