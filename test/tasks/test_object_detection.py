"""Detections: what is published, what is judged invalid and why."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import SettingError
from ml_integration.ops.detections import Detections
from ml_integration.ops.letterbox import Letterbox, place
from ml_integration.tasks.object_detection import ObjectDetection

# A picture of 96 x 48, half of which fits 64 x 64.
GEOMETRY = {'images': place('letterbox', (96, 48), (64, 64))}
LABELS = ('person', 'car')


def detector(style: str = 'end_to_end', dtype: str = 'float32', **values: Any) -> ObjectDetection:
    shape = {'end_to_end': (1, None, 6), 'yolo': (1, None, 7), 'yolov8': (1, 6, None)}[style]
    model = ModelDescription(
        ModelIdentity('m', 1),
        LABELS,
        (TensorSpec('images', 'float32', (1, 3, 64, 64)),),
        (TensorSpec('out', dtype, shape),),
        {'images': (64, 64)},
    )
    chosen = build(ObjectDetection.Settings, {'decoder': style, **values}, 'test')
    return ObjectDetection(chosen, model)


def run(task: ObjectDetection, rows: Any) -> Detections:
    outputs = {'out': np.array(rows, np.float32).reshape(1, *np.shape(rows))}
    result: Detections = task.postprocess(outputs, GEOMETRY)
    return result


def kinds(task: ObjectDetection, result: Detections) -> list[str]:
    return [reason.kind for reason in task.validate(result, GEOMETRY).reasons]


def test_boxes_come_in_pixels_of_the_picture_best_first() -> None:
    # The picture lies at two thirds of its size between the rows 16 and 48 of the input.
    result = run(detector(), [[2, 18, 22, 38, 0.5, 0], [20, 16, 64, 48, 0.9, 1]])
    np.testing.assert_allclose(result.xyxy, [[30, 0, 96, 48], [3, 3, 33, 33]], atol=1e-4)
    np.testing.assert_allclose(result.scores, [0.9, 0.5])
    assert result.class_ids.tolist() == [1, 0]
    assert kinds(detector(), result) == []


def test_boxes_are_cut_at_the_edge_of_the_picture() -> None:
    result = run(detector(), [[-9, 0, 80, 64, 0.9, 0]])
    assert result.xyxy.tolist() == [[0, 0, 96, 48]]
    assert kinds(detector(), result) == []


@pytest.mark.parametrize(
    'row',
    [
        [2, 2, 20, 15, 0.9, 0],  # in the padding above the picture
        [2, 50, 20, 60, 0.9, 0],  # ... below it
        [-20, 20, -1, 30, 0.9, 0],  # beside the input
        [5, 20, 5, 30, 0.9, 0],  # shrunk to nothing
    ],
)
def test_a_detection_of_which_nothing_is_visible_is_dropped(row: list[float]) -> None:
    result = run(detector(), [row])
    assert (len(result), result.found) == (0, 0)
    assert kinds(detector(), result) == []


@pytest.mark.parametrize('style', ['yolo', 'yolov8', 'end_to_end'])
@pytest.mark.parametrize('bad', [np.nan, np.inf])
@pytest.mark.filterwarnings('error')
def test_a_model_that_gives_no_numbers_is_invalid_and_not_blind(style: str, bad: float) -> None:
    rows = np.full({'yolo': (500, 7), 'yolov8': (6, 500), 'end_to_end': (300, 6)}[style], bad)
    task = detector(style)
    assert 'not_finite' in kinds(task, run(task, rows))


@pytest.mark.parametrize('column', range(5))
def test_a_single_number_that_is_none_is_found_among_many_good_detections(column: int) -> None:
    rows = np.tile(np.array([20, 20, 30, 30, 0.9, 1], np.float32), (200, 1))
    rows[150, column] = np.nan
    task = detector(max_detections=300)
    assert kinds(task, run(task, rows)) == ['not_finite']


def test_a_score_that_is_none_is_not_cut_away_with_the_weak_ones() -> None:
    rows = np.tile(np.array([20, 20, 30, 30, 0.9, 1], np.float32), (200, 1))
    rows[150, 4] = np.nan
    task = detector(max_detections=10)
    assert kinds(task, run(task, rows)) == ['not_finite']


@pytest.mark.parametrize(
    ('row', 'kind', 'detail'),
    [
        ([2, 18, 22, 38, 1.5, 0], 'score_out_of_range', 'score 1.5'),  # a logit
        ([2, 18, 22, 38, 0.9, 2], 'unknown_class', 'class 2 of 2'),  # one past the labels
        ([2, 18, 22, 38, 0.9, -1], 'unknown_class', 'class -1 of 2'),  # before them
        ([2, 18, 22, 38, 0.9, np.nan], 'unknown_class', 'class -1 of 2'),  # no number
        ([900, 18, 990, 38, 0.9, 0], 'box_outside', '[1350.0, 3.0, 1485.0, 33.0]'),  # far off
        ([22, 18, 2, 38, 0.9, 0], 'box_without_area', '[33.0, 3.0, 3.0, 33.0]'),  # mirrored
        ([2, 18, np.inf, 38, 0.9, 0], 'not_finite', 'inf'),  # endless
    ],
)
def test_each_fault_is_named_with_its_index_and_value(
    row: list[float], kind: str, detail: str
) -> None:
    task = detector()
    result = run(task, [[2, 18, 22, 38, 1.0, 1], row, row])
    (reason,) = task.validate(result, GEOMETRY).reasons
    assert reason.kind == kind
    assert detail in reason.detail and '2 of 3' in reason.detail


def test_the_best_are_kept_and_an_absurd_number_is_invalid() -> None:
    rows = [[2, 18, 22, 38, score, 0] for score in (0.5, 0.9, 0.7, 0.6)]
    fine, strict = detector(max_detections=2), detector(max_detections=2, implausible_count=4)
    result = run(fine, rows)
    np.testing.assert_allclose(result.scores, [0.9, 0.7])
    assert result.found == 4
    assert (kinds(fine, result), kinds(strict, result)) == ([], ['too_many'])


@pytest.mark.parametrize(
    ('iou_threshold', 'left'),
    [
        (0.45, [0.9, 0.8]),  # the weaker person goes, the car stays
        (0.95, [0.9, 0.8, 0.7]),  # little overlap is allowed
    ],
)
def test_only_boxes_of_one_class_displace_each_other(
    iou_threshold: float, left: list[float]
) -> None:
    rows = [[20, 30, 20, 20, 1, 0.9, 0], [20, 30, 20, 20, 1, 0, 0.8], [21, 30, 20, 20, 1, 0.7, 0]]
    result = run(detector('yolo', iou_threshold=iou_threshold), rows)
    np.testing.assert_allclose(result.scores, left)


def test_a_model_without_labels_may_report_any_class() -> None:
    model = ModelDescription(
        ModelIdentity('m', 1),
        (),
        (TensorSpec('images', 'float32', (1, 3, 64, 64)),),
        (TensorSpec('out', 'float32', (1, None, 6)),),
        {'images': (64, 64)},
    )
    task = ObjectDetection(build(ObjectDetection.Settings, {'decoder': 'end_to_end'}, 't'), model)
    assert kinds(task, run(task, [[2, 18, 22, 38, 1.0, 977]])) == []


@given(
    st.lists(st.tuples(*[st.floats(-300, 300, width=32)] * 4), max_size=20),
    st.tuples(st.integers(1, 500), st.integers(1, 500)),
)
@settings(max_examples=150, deadline=None)
def test_whatever_boxes_come_out_valid_ones_lie_inside_the_picture(
    boxes: list[tuple[float, ...]], source_wh: tuple[int, int]
) -> None:
    task = detector()
    geometry = {'images': place('letterbox', source_wh, (64, 64))}
    rows = np.array([[*box, 0.9, 0] for box in boxes], np.float32).reshape(1, -1, 6)
    result = task.postprocess({'out': rows}, geometry)
    if task.validate(result, geometry).ok:
        assert (result.xyxy >= 0).all()
        assert (result.xyxy <= np.array(source_wh * 2)).all()
        assert (result.xyxy[:, 2:] > result.xyxy[:, :2]).all()
    # Nothing but a mirrored box or one far away is a reason in this input.
    x0, y0, x1, y1 = rows[0, :, :4].T
    wrong = (x1 < x0) | (y1 < y0) | (np.minimum(x1, y1) < -64) | (np.maximum(x0, y0) > 128)
    assert task.validate(result, geometry).ok == (not wrong.any())


def test_a_result_of_the_wrong_types_cannot_be_made() -> None:
    xyxy, scores, ids = (
        np.zeros((2, 4), np.float32),
        np.zeros(2, np.float32),
        np.zeros(2, np.int32),
    )
    for wrong in (
        (xyxy[:1], scores, ids),
        (xyxy, scores, ids[:1]),
        (xyxy.astype(np.float64), scores, ids),
        (xyxy, scores, ids.astype(np.int64)),
    ):
        with pytest.raises(ValueError, match='not'):
            Detections(*wrong, found=2)
    with pytest.raises(FrozenInstanceError):
        Detections(xyxy, scores, ids, found=2).found = 3  # type: ignore[misc]


def test_results_do_not_share_memory_with_the_model_outputs() -> None:
    task = detector()
    outputs = {'out': np.array([[[2, 18, 22, 38, 0.9, 0]]], np.float32)}
    result = task.postprocess(
        outputs, {'images': Letterbox((64, 64), (64, 64), (1.0, 1.0), (0, 0))}
    )
    outputs['out'][:] = 0
    assert result.xyxy.tolist() == [[2, 18, 22, 38]]
    np.testing.assert_allclose(result.scores, [0.9])


def test_an_unknown_decoder_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(SettingError, match=r'end_to_end.*yolox') as caught:
        detector(decoder='yolo8')
    assert caught.value.key == 'decoder'


def test_every_detection_is_drawn_in_the_color_of_its_class() -> None:
    task = detector()
    canvas = np.zeros((48, 96, 3), np.uint8)
    task.draw(canvas, run(task, [[2, 18, 22, 38, 0.5, 0], [30, 26, 60, 46, 0.9, 1]]))
    first, second = canvas[28, 3].tolist(), canvas[28, 90].tolist()  # their edges
    assert any(first) and any(second) and first != second


@pytest.mark.parametrize(
    ('dtype', 'expected'), [('float16', []), ('float32', ['score_out_of_range'])]
)
@pytest.mark.parametrize('style', ['yolo', 'yolov8', 'end_to_end'])
def test_one_half_that_rounds_above_one_withholds_nothing(
    style: str, dtype: str, expected: list[str]
) -> None:
    rows = {
        'yolo': [[20, 30, 20, 20, 1.0009765625, 1.0009765625, 0]],
        'yolov8': [[20], [30], [20], [20], [1.0009765625], [0]],
        'end_to_end': [[10, 20, 30, 40, 1.0009765625, 0]],
    }[style]
    task = detector(style, dtype)
    result = task.postprocess({'out': np.array([rows], dtype)}, GEOMETRY)
    assert len(result) == 1
    assert kinds(task, result) == expected
    assert expected or result.scores.tolist() == [1]


def test_a_missing_decoder_is_asked_for_with_choices_and_who_proposes_one() -> None:
    with pytest.raises(SettingError) as caught:
        build(ObjectDetection.Settings, {}, 'manifest.yaml')
    for words in ("there is no 'decoder'", 'boxes_and_scores, end_to_end', 'ml_model inspect'):
        assert words in str(caught.value)


def test_the_decoder_that_is_gone_says_what_to_write_instead() -> None:
    with pytest.raises(SettingError, match=r'boxes_and_scores.*activation: sigmoid'):
        build(ObjectDetection.Settings, {'decoder': 'rt_detr'}, 'manifest.yaml')
