"""Instances: what is published of boxes and masks, what is judged invalid, how results differ."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from task_samples import HEADER, messages

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops.drawing import class_color
from ml_integration.ops.letterbox import place
from ml_integration.tasks.instance_segmentation import Instances, InstanceSegmentation

GEOMETRY = {'images': place('letterbox', (96, 48), (64, 64))}
LABELS = ('person', 'car')
YOLO = {'decoder': 'yolov8', 'decoder_options': {'other_columns': 2}, 'masks': 'prototypes'}
RCNN = {'decoder': 'labeled', 'decoder_options': {'class_offset': 1}, 'masks': 'in_boxes'}
DETR = {
    'decoder': 'boxes_and_scores',
    'decoder_options': {
        'box_format': 'cxcywh', 'normalized': True, 'activation': 'sigmoid', 'top_k': 300
    },
    'masks': 'whole',
}  # fmt: skip
HALVES = np.zeros((1, 2, 16, 16), np.float32)
"""Of two masks as logits, the first is the left half of the input, the second the right one."""
HALVES[0, 0] = np.where(np.arange(16) < 8, 1, -1)
HALVES[0, 1] = -HALVES[0, 0]


def task_of(settings: Any, outputs: Any, labels: tuple[str, ...] = LABELS) -> InstanceSegmentation:
    specs = tuple(TensorSpec(n, a.dtype.name, a.shape) for n, a in outputs.items())
    images = TensorSpec('images', 'float32', (1, 3, 64, 64))
    model = ModelDescription(ModelIdentity('m', 1), labels, (images,), specs, {'images': (64, 64)})
    chosen = build(InstanceSegmentation.Settings, settings, 'test')
    return InstanceSegmentation(chosen, model)


def columns(*rows: tuple[float, ...]) -> np.ndarray:
    table = np.zeros((1, 8, 40), np.float32)
    table[0, :, : len(rows)] = np.array(rows).T
    return table


def run(settings: Any, outputs: Any) -> tuple[InstanceSegmentation, Instances]:
    task = task_of(settings, outputs)
    return task, task.postprocess(outputs, GEOMETRY)


def kinds(task: InstanceSegmentation, result: Instances) -> list[str]:
    return [reason.kind for reason in task.validate(result, GEOMETRY).reasons]


# A picture of 96 x 48 lies at two thirds of its size between the rows 16 and 48 of the input.
SEEN = {
    'output0': columns(
        (32, 32, 32, 16, 0.5, 0.1, 1, 0),  # 24 to 72 by 12 to 36, of which the left half is its
        (32, 30, 62, 20, 0.2, 0.9, 0, 1),  # 1.5 to 94.5 by 6 to 36, of which the right half
        (10, 10, 4, 4, 0.1, 0.1, 0, 1),
    ),
    'output1': HALVES,
}
EXPECTED = np.zeros((48, 96), np.uint8)
EXPECTED[6:36, 48:94] = 1
EXPECTED[12:36, 24:48] = 2


def test_masks_of_yolo_come_at_the_size_of_the_picture() -> None:
    task, result = run(YOLO, SEEN)
    assert kinds(task, result) == []
    assert result.class_ids.tolist() == [1, 0]
    np.testing.assert_allclose(result.xyxy, [[1.5, 6, 94.5, 36], [24, 12, 72, 36]], atol=1e-4)
    np.testing.assert_array_equal(result.map, EXPECTED)


@pytest.mark.parametrize(('size', 'width'), [((200, 300), 1), ((1200, 1600), 4)])
def test_the_outline_of_an_object_is_as_wide_as_lines_of_the_picture(
    size: tuple[int, int], width: int
) -> None:
    instances = np.zeros(size, np.uint8)
    instances[50:150, 100:200] = 1
    one = np.ones(1, np.float32)
    box = np.array([[0, 0, 20, 20]], np.float32)
    result = Instances(box, one, np.zeros(1, np.int32), 1, instances=instances)
    canvas = np.zeros((*size, 3), np.uint8)
    task_of(YOLO, SEEN).draw(canvas, result)
    full = (canvas[100] == class_color(0)).all(axis=1)
    assert np.flatnonzero(full).tolist() == [
        *range(100, 100 + width), *range(200 - width, 200)
    ]  # fmt: skip
    assert canvas[100, 150].any()


def test_rows_of_an_end_to_end_model_come_with_masks() -> None:
    rows = np.zeros((1, 300, 8), np.float32)
    rows[0, :2] = [[1, 20, 63, 40, 0.9, 1, 0, 1], [16, 24, 48, 40, 0.5, 0, 1, 0]]
    settings = {**YOLO, 'decoder': 'end_to_end'}
    _, result = run(settings, {'output0': rows, 'output1': HALVES})
    np.testing.assert_array_equal(result.map, EXPECTED)


def test_masks_of_mask_rcnn_are_put_into_their_boxes() -> None:
    masks = np.zeros((2, 1, 28, 28), np.float32)
    masks[0], masks[1, 0, :, :14] = 1, 1
    boxes = np.array([[1, 20, 63, 40], [16, 24, 48, 40]], np.float32)
    outputs = {
        'boxes': boxes, 'labels': np.array([2, 1]), 'scores': np.array([0.5, 0.9], np.float32),
        'masks': masks,
    }  # fmt: skip
    task, result = run(RCNN, outputs)
    assert (kinds(task, result), task.batched) == ([], False)
    expected = np.zeros((48, 96), np.uint8)
    expected[6:36, 1:94] = 2
    expected[12:36, 24:48] = 1
    assert np.count_nonzero(result.map != expected) <= 4  # the corners are round


def test_masks_of_rf_detr_are_those_of_their_queries() -> None:
    logits = np.full((1, 3, 2), -9, np.float32)
    logits[0, 1, 0], logits[0, 2, 1] = 0.1, 2
    boxes = np.float32([[[0, 0, 0, 0], [0.5, 0.5, 0.5, 0.25], [0.5, 30 / 64, 62 / 64, 20 / 64]]])
    masks = np.concatenate([HALVES[:, :1], HALVES], axis=1)
    _, result = run(DETR, {'dets': boxes, 'labels': logits, 'masks': masks})
    np.testing.assert_array_equal(result.map, EXPECTED)


def test_a_box_without_a_pixel_keeps_its_box() -> None:
    outputs = {**SEEN, 'output1': -np.abs(HALVES)}
    task, result = run(YOLO, outputs)
    assert (len(result), result.map.any(), kinds(task, result)) == (2, False, [])
    assert [row.area for row in task.rows(result)] == [0, 0]


def test_a_higher_threshold_makes_masks_smaller() -> None:
    blurred = {
        **SEEN,
        'output1': cv2.blur(HALVES[0].transpose(1, 2, 0), (7, 1)).transpose(2, 0, 1)[None],
    }
    sizes = [
        int((run({**YOLO, 'mask_threshold': share}, blurred)[1].map > 0).sum())
        for share in (0.3, 0.5, 0.7)
    ]
    assert sizes[0] > sizes[1] > sizes[2] > 0


def test_many_objects_without_any_pixel_are_not_valid() -> None:
    rows = [(8 * n + 4, 32, 6, 6, 0.9, 0, 1, 0) for n in range(8)]
    empty = {'output0': columns(*rows), 'output1': -np.abs(HALVES)}
    task, result = run(YOLO, empty)
    assert kinds(task, result) == ['masks_empty']
    assert '8 of 8 objects' in task.validate(result, GEOMETRY).reasons[0].detail
    half = {**empty, 'output1': HALVES}
    assert kinds(*run(YOLO, half)) == []
    assert kinds(*run({**YOLO, 'max_empty_share': 0.25}, half)) == ['masks_empty']


def test_masks_that_are_no_numbers_are_not_valid() -> None:
    outputs = {**SEEN, 'output1': np.full_like(HALVES, np.nan)}
    task, result = run(YOLO, outputs)
    assert kinds(task, result) == ['mask_not_finite']
    assert 'detection 0 has class 1' in task.validate(result, GEOMETRY).reasons[0].detail


def test_boxes_are_judged_as_those_of_a_detector() -> None:
    task, result = run(YOLO, SEEN)
    wrong = dataclasses.replace(result, class_ids=np.array([7, 0], np.int32))
    assert kinds(task, wrong) == ['unknown_class']


def test_an_image_says_which_object_a_pixel_is_of() -> None:
    task, result = run(YOLO, SEEN)
    prediction: Any = SimpleNamespace(result=result)
    sent = dict(task.encode(prediction, HEADER, messages))
    assert [d.results[0].hypothesis.class_id for d in sent['detections'].detections] == [
        'car', 'person'
    ]  # fmt: skip
    image = sent['instance_mask']
    assert (image.width, image.height, image.encoding, image.step) == (96, 48, 'mono8', 96)
    pixels = np.frombuffer(image.data, np.uint8).reshape(48, 96)
    np.testing.assert_array_equal(pixels, EXPECTED)


def test_rows_say_how_many_pixels_an_object_has() -> None:
    task, result = run(YOLO, SEEN)
    assert [(row.label, row.area) for row in task.rows(result)] == [
        ('car', 30 * 46), ('person', 24 * 24)
    ]  # fmt: skip


def test_pixels_of_an_object_are_tinted_and_others_are_not() -> None:
    task, result = run(YOLO, SEEN)
    canvas = np.full((48, 96, 3), 100, np.uint8)
    task.draw(canvas, result)
    assert (canvas[30, 60] != 100).any() and (canvas[44, 5] == 100).all()


def test_maps_of_one_byte_and_of_two_are_drawn_alike() -> None:
    task, result = run(YOLO, SEEN)
    wide = dataclasses.replace(result, instances=result.map.astype(np.uint16))
    pictures = []
    for one in (result, wide):
        canvas = np.full((48, 96, 3), 100, np.uint8)
        task.draw(canvas, one)
        pictures.append(canvas)
    np.testing.assert_array_equal(*pictures)


def test_objects_that_are_taken_keep_what_is_known_of_their_masks() -> None:
    _, result = run(YOLO, SEEN)
    taken = dataclasses.replace(result, broken=(0,)).take(np.array([1, 0]))
    assert taken.broken == (1,)
    np.testing.assert_array_equal(taken.map == 2, result.map == 1)
    assert dataclasses.replace(result, broken=(0,)).take(np.array([1])).broken == ()


def test_masks_that_differ_are_told_apart() -> None:
    task, result = run(YOLO, SEEN)
    moved = dataclasses.replace(result, instances=np.roll(result.map, 6, axis=0))
    model = task_of(YOLO, SEEN)._model
    same, other = task.compare(result, result, model), task.compare(result, moved, model)
    assert (same.disagreement, same.mask_iou, same.same) == (0, 1, 2)
    assert other.same == 2 and 0.3 < other.mask_iou < 0.9
    assert 0 < other.disagreement <= 1 - other.mask_iou  # the least alike is not alone


def test_masks_and_boxes_are_scored_apart() -> None:
    task, result = run(YOLO, SEEN)
    scorer = task.scorer()
    scorer.add(dataclasses.replace(result, instances=np.roll(result.map, 6, axis=0)), result)
    scores = {score.name: score.value for score in scorer.scores()}
    assert scores['box mAP50-95'] == 1
    assert scores['mask mAP50-95'] < scores['mask mAP50'] == 1


def test_an_output_with_masks_is_needed() -> None:
    outputs = {'output0': SEEN['output0']}
    with pytest.raises(ModelMismatchError, match='which output holds the masks'):
        task_of(YOLO, outputs)
    with pytest.raises(ModelMismatchError, match="'proto'"):
        task_of({**YOLO, 'masks_output': 'proto'}, SEEN)


def test_coefficients_for_other_prototypes_are_an_error_of_the_frame() -> None:
    outputs = {**SEEN, 'output1': HALVES[:, :1]}
    with pytest.raises(FrameError, match='other_columns: 1'):
        run(YOLO, outputs)


@pytest.mark.filterwarnings('error')
def test_boxes_that_are_infinite_are_reported_and_not_warned_of() -> None:
    outputs = (
        TensorSpec('boxes', 'float32', (1, 4)),
        TensorSpec('labels', 'int64', (1,)),
        TensorSpec('scores', 'float32', (1,)),
        TensorSpec('masks', 'float32', (1, 1, 4, 4)),
    )
    model = ModelDescription(ModelIdentity('m', 1), ('a',), (), outputs, {'images': (64, 64)})
    settings = {'decoder': 'labeled', 'masks': 'in_boxes'}
    task = InstanceSegmentation(build(InstanceSegmentation.Settings, settings, 'test'), model)
    geometry = {'images': place('none', (64, 64), (64, 64))}
    arrays = {
        'boxes': np.array([[-np.inf, 0, np.inf, 9]], np.float32),
        'labels': np.zeros(1, np.int64),
        'scores': np.ones(1, np.float32),
        'masks': np.ones((1, 1, 4, 4), np.float32),
    }
    verdict = task.validate(task.postprocess(arrays, geometry), geometry)
    assert [reason.kind for reason in verdict.reasons][:1] == ['not_finite']
