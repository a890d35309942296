"""Points of objects: read in every way, on the picture, judged, published, drawn and scored."""

from __future__ import annotations

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
from ml_integration.ops.poses import similarity
from ml_integration.tasks.keypoints import Keypoints

WH = (64, 48)
POSE = {'decoder': 'yolov8', 'decoder_options': {'other_columns': 15}, 'points': 'in_rows'}
CELLS = 8 * 6 + 4 * 3 + 2 * 1


def model(names: tuple[str, ...] = (), **shapes: tuple[int | None, ...]) -> ModelDescription:
    picture = TensorSpec('image', 'float32', (1, 3, WH[1], WH[0]))
    outputs = tuple(TensorSpec(name, 'float32', shape) for name, shape in shapes.items())
    return ModelDescription(ModelIdentity('m', 1), names, (picture,), outputs, {'image': WH})


def task(described: ModelDescription, **settings: Any) -> Keypoints:
    return Keypoints(build(Keypoints.Settings, settings, 'm'), described)


def yolo() -> Keypoints:
    return task(model(('person',), output0=(1, 20, CELLS)), **POSE)


def found(one: Keypoints, box: Letterbox | None = None, **outputs: Any) -> Detections:
    arrays = {name: np.asarray(array, np.float32) for name, array in outputs.items()}
    return one.postprocess(arrays, {'image': box or place('none', WH, WH)})


def points_of(result: Detections) -> np.ndarray:
    assert result.keypoints is not None
    return result.keypoints


def reasons(one: Keypoints, result: Detections) -> list[str]:
    geometry = {'image': place('none', WH, WH)}
    return [reason.kind for reason in one.validate(result, geometry).reasons]


def two_people() -> np.ndarray:
    """A table (1, 4 + 1 + 5 * 3, N) with two people, one of them twice."""
    table = np.zeros((1, 20, CELLS), np.float32)
    dice = np.random.default_rng(1)
    for column, (x, y, score) in enumerate(((20, 20, 0.9), (21, 20, 0.6), (45, 30, 0.8))):
        points = np.stack([x + dice.uniform(-8, 8, 5), y + dice.uniform(-8, 8, 5)])
        table[0, :5, column] = x, y, 16, 16, score
        table[0, 5:, column] = np.concatenate([points, dice.uniform(0, 1, (1, 5))]).T.ravel()
    return table


def test_points_in_rows_go_with_the_boxes_that_stay() -> None:
    table, one = two_people(), yolo()
    result = found(one, output0=table)
    assert result.scores.tolist() == pytest.approx([0.9, 0.8])
    expected = table[0][5:, [0, 2]].T.reshape(2, 5, 3)
    np.testing.assert_allclose(points_of(result), expected, rtol=1e-6)
    assert not reasons(one, result)


def test_points_are_moved_with_the_picture_that_was_letterboxed() -> None:
    table = two_people()
    box = place('letterbox', (256, 96), WH)  # a quarter, with 12 rows of padding above
    expected = table[0][5:, [0, 2]].T.reshape(2, 5, 3).copy()
    expected[..., 0] *= 4
    expected[..., 1] = (expected[..., 1] - 12) * 4
    np.testing.assert_allclose(points_of(found(yolo(), box, output0=table)), expected, rtol=1e-5)


def test_points_of_an_end_to_end_model_may_have_no_score() -> None:
    rows = np.zeros((1, 3, 10), np.float32)
    rows[0, 0] = 10, 10, 30, 30, 0.9, 0, 12, 14, 20, 25
    one = task(
        model(('person',), output0=(1, 3, 10)),
        decoder='end_to_end',
        decoder_options={'other_columns': 4},
        points='in_rows',
        points_options={'numbers': 2},
    )
    assert points_of(found(one, output0=rows)).tolist() == [[[12, 14, 1], [20, 25, 1]]]


def test_listed_points_have_scores_of_their_own() -> None:
    described = model(
        ('person',), boxes=(None, 4), labels=(None,), scores=(None,),
        keypoints=(None, 2, 3), keypoints_scores=(None, 2),
    )  # fmt: skip
    one = task(described, decoder='labeled', points='listed', points_options={'sigmoid': True})
    result = found(
        one,
        boxes=[[1, 1, 9, 9], [20, 20, 40, 40], [2, 2, 8, 8]],
        labels=[0, 0, 0],
        scores=[0.1, 0.9, 0.5],
        keypoints=np.arange(18).reshape(3, 2, 3),
        keypoints_scores=[[0, 0], [-100, 100], [0, 5]],
    )
    assert result.scores.tolist() == pytest.approx([0.9, 0.5])
    np.testing.assert_allclose(points_of(result)[0], [[6, 7, 0], [9, 10, 1]], atol=1e-6)
    assert points_of(result)[1, 0].tolist() == [12, 13, 0.5]


def test_the_point_of_a_heatmap_lies_towards_the_higher_neighbor() -> None:
    maps = np.zeros((1, 3, 12, 16), np.float32)
    maps[0, 0, 5, 7], maps[0, 0, 5, 8], maps[0, 0, 4, 7] = 0.8, 0.4, 0.2
    maps[0, 1, 0, 15] = 1
    maps[0, 2, 11, 0] = 0.6
    one = task(model(heatmaps=(1, 3, 12, 16)), points='heatmaps', score_threshold=0.1)
    result = found(one, heatmaps=maps)
    expected = [[(7.25 + 0.5) * 4, (4.75 + 0.5) * 4, 0.8], [62, 2, 1], [2, 46, 0.6]]
    np.testing.assert_allclose(points_of(result)[0], expected, rtol=1e-6)
    assert result.scores.tolist() == pytest.approx([0.8])
    assert result.xyxy.tolist() == [[2, 2, 62, 46]]


def test_the_point_of_bins_is_the_highest_along_x_and_along_y() -> None:
    x, y = np.zeros((1, 2, 128)), np.zeros((1, 2, 96))
    x[0, 0, 41], y[0, 0, 20], x[0, 1, 5], y[0, 1, 7] = 0.9, 0.7, 0.5, 0.6
    one = task(model(simcc_x=(1, 2, 128), simcc_y=(1, 2, 96)), points='simcc')
    result = found(one, simcc_x=x, simcc_y=y)
    np.testing.assert_allclose(points_of(result)[0], [[20.5, 10, 0.7], [2.5, 3.5, 0.5]])


def test_points_of_a_regression_are_there_if_the_object_is() -> None:
    options = {
        'numbers': 3, 'scoreless': True, 'presence_output': 'presence',
        'presence_sigmoid': True, 'normalized': True,
    }  # fmt: skip
    described = model(landmarks=(1, 6), presence=(1, 1))
    one = task(described, points='regression', points_options=options)
    numbers = [[0.5, 0.25, 9, 0.75, 1, -9]]
    result = found(one, landmarks=numbers, presence=[[5.0]])
    assert points_of(result).tolist() == [[[32, 12, 1], [48, 48, 1]]]
    assert result.scores[0] == pytest.approx(1 / (1 + np.exp(-5)))
    nobody = found(one, landmarks=numbers, presence=[[-5.0]])
    assert len(nobody) == 0 and points_of(nobody).shape == (0, 2, 3)


def test_score_and_points_of_a_regression_can_be_chosen() -> None:
    options = {'numbers': 5, 'score_at': 3, 'leading': 2, 'sigmoid': True}
    one = task(model(landmarks=(1, 15)), points='regression', points_options=options)
    numbers = [[4, 5, -1, 0, 9, 6, 7, -1, 50, -9, 900, 900, 0, 9, 9]]
    assert points_of(found(one, landmarks=numbers)).tolist() == [[[4, 5, 0.5], [6, 7, 1]]]


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'numbers': 4}, 'no whole number of points'),
        ({'numbers': 5, 'score_at': 1}, 'no score at the place'),
        ({'numbers': 3, 'score_at': 3}, 'place 3 of 3 numbers'),
        ({'numbers': 5, 'leading': 4}, 'fewer points than are to count'),
    ],
)
def test_numbers_that_a_regression_does_not_give_are_refused(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelMismatchError, match=words):
        task(model(landmarks=(1, 15)), points='regression', points_options=options)


@pytest.mark.parametrize(
    ('number', 'kind'),
    [
        ((np.nan, 1, 0.5), 'keypoint_not_finite'),
        ((1, 1, 1.5), 'keypoint_score_out_of_range'),
        ((500, 1, 0.9), 'keypoint_outside'),
    ],
)
def test_wrong_points_are_judged(number: tuple[float, ...], kind: str) -> None:
    table, one = two_people(), yolo()
    table[0, 5:8, 2] = number
    assert reasons(one, found(one, output0=table)) == [kind]


def test_a_point_that_is_not_visible_may_lie_anywhere() -> None:
    table, one = two_people(), yolo()
    table[0, 5:8, 2] = 500, 1, 0.1
    assert not reasons(one, found(one, output0=table))


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'points': 'in_rows'}, 'need a decoder of the boxes'),
        ({'points': 'heatmaps', 'decoder': 'yolov8'}, 'need no decoder of boxes'),
        ({'points': 'heatmaps', 'keypoint_names': ['a', 'b']}, 'one name for each point'),
        ({'points': 'heatmaps', 'skeleton': ['nose foot']}, 'does not join two points'),
        ({'points': 'simcc'}, 'no bins along x and y'),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelMismatchError, match=words):
        task(model(heatmaps=(1, 17, 12, 16)), **settings)


def person(dx: float = 0.0) -> Detections:
    points = np.ones((1, 17, 3), np.float32)
    points[0, :, 0], points[0, :, 1] = np.linspace(10, 30, 17) + dx, np.linspace(5, 40, 17)
    box = np.array([[10, 5, 30, 40]], np.float32)
    scores, class_ids = np.array([0.9], np.float32), np.zeros(1, np.int32)
    return Detections(box, scores, class_ids, 1, keypoints=points)


def test_similarity_is_the_one_of_coco() -> None:
    assert similarity(person(), person())[0, 0] == pytest.approx(1)
    sigmas = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1e3
    area = 0.53 * 20 * 35
    expected = np.exp(-9 / (2 * area * (2 * sigmas) ** 2)).mean()
    assert similarity(person(3), person())[0, 0] == pytest.approx(expected, rel=1e-6)
    hidden = person()
    points_of(hidden)[0, :, 2] = 0
    assert similarity(person(), hidden)[0, 0] == 0


def test_a_cloud_of_points_has_a_row_for_each_object() -> None:
    one = task(model(heatmaps=(1, 17, 12, 16)), points='heatmaps')
    prediction = Prediction(0, '', {}, ModelIdentity('m', 1), person(), Verdict(), {})
    said = dict(one.encode(prediction, HEADER, messages))
    assert [*said] == ['detections', 'keypoints']
    cloud = said['keypoints']
    assert (cloud.height, cloud.width, len(cloud.data)) == (1, 17, 17 * 12)
    numbers = np.frombuffer(cloud.data, '<f4').reshape(17, 3)
    np.testing.assert_array_equal(numbers, points_of(person())[0])


def test_the_skeleton_of_coco_is_drawn_between_visible_points() -> None:
    one = task(model(heatmaps=(1, 17, 12, 16)), points='heatmaps')
    canvas, bare = np.zeros((2, 48, 64, 3), np.uint8)
    one.draw(canvas, person())
    hidden = person()
    points_of(hidden)[..., 2] = 0
    one.draw(bare, hidden)
    assert np.count_nonzero(bare) < np.count_nonzero(canvas)
