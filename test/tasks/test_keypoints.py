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
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops.detections import Detections
from ml_integration.ops.letterbox import Letterbox, place
from ml_integration.ops.poses import similarity
from ml_integration.tasks.keypoints import Keypoints

WH = (64, 48)
POSE = {'decoder': 'yolov8', 'decoder_options': {'other_columns': 15}, 'points': 'in_rows'}
CELLS_OF = {8: 8 * 6, 16: 4 * 3, 32: 2 * 2}
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


def test_points_that_a_detector_of_faces_gives_count_as_seen() -> None:
    widths = {'cls': 1, 'obj': 1, 'bbox': 4, 'kps': 10}
    shapes = {
        f'{name}_{stride}': (1, count, width)
        for name, width in widths.items()
        for stride, count in CELLS_OF.items()
    }
    outputs = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    outputs['cls_16'][0, 5] = outputs['obj_16'][0, 5] = 0.8  # the cell (1, 1)
    outputs['kps_16'][0, 5] = np.arange(10) / 16
    one = task(model(('face',), **shapes), decoder='yunet', points='in_rows')
    result = found(one, place('stretch', (2 * WH[0], WH[1]), WH), **outputs)
    points = [[2 * (16 + x), 16 + x + 1, 1] for x in range(0, 10, 2)]
    np.testing.assert_allclose(points_of(result)[0], points)
    assert not reasons(one, result)


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


def test_an_output_of_free_sizes_that_holds_no_points_is_an_error_of_the_frame() -> None:
    described = model(
        ('person',), boxes=(None, 4), labels=(None,), scores=(None,), keypoints=(None,) * 3
    )
    one = task(described, decoder='labeled', points='listed')
    outputs = {'boxes': [[1, 1, 9, 9]], 'labels': [0], 'scores': [0.9]}
    assert points_of(found(one, **outputs, keypoints=np.ones((1, 5, 2)))).shape == (1, 5, 3)
    with pytest.raises(FrameError, match=r"'keypoints' does not hold points.*7 numbers"):
        found(one, **outputs, keypoints=np.ones((1, 5, 7)))


def test_the_point_of_a_heatmap_lies_towards_the_higher_neighbor() -> None:
    maps = np.zeros((1, 3, 12, 16), np.float32)
    maps[0, 0, 5, 7], maps[0, 0, 5, 8], maps[0, 0, 4, 7] = 0.8, 0.4, 0.2
    maps[0, 1, 0, 15] = 1
    maps[0, 2, 11, 0] = 0.6
    one = task(model(heatmaps=(1, 3, 12, 16)), points='heatmaps', score_threshold=0.1)
    result = found(one, heatmaps=maps)
    expected = [[7.25 * 4, 4.75 * 4, 0.8], [60, 0, 1], [0, 44, 0.6]]
    np.testing.assert_allclose(points_of(result)[0], expected, rtol=1e-6)
    assert result.scores.tolist() == pytest.approx([0.8])
    assert result.xyxy.tolist() == [[0, 0, 60, 44]]


PEAKS = np.array([(7.0, 5.0), (7.4, 5.3), (11.6, 2.2), (3.5, 8.5), (0.2, 0.4), (14.7, 10.9)])


def bumps(height: float = 0.9) -> np.ndarray:
    """Maps (1, 6, 12, 16) with a Gaussian as wide as those that models are trained with."""
    rows, columns = np.mgrid[:12, :16]
    squares = [(columns - x) ** 2 + (rows - y) ** 2 for x, y in PEAKS]
    return (height * np.exp(-np.array(squares) / 8))[None]


def test_the_shape_of_a_heatmap_tells_the_point_between_its_cells() -> None:
    one = task(
        model(heatmaps=(1, 6, 12, 16)), points='heatmaps', points_options={'udp': True},
        score_threshold=0.1,
    )  # fmt: skip
    points = points_of(found(one, heatmaps=bumps()))[0]
    cells = points[:, :2] / (WH[0] / 15, WH[1] / 11)  # from edge to edge
    np.testing.assert_allclose(cells[:4], PEAKS[:4], atol=0.06)
    np.testing.assert_allclose(cells[4:], PEAKS[4:], atol=0.91)  # mirrored at the edge


def test_maps_without_a_peak_give_their_highest_cell() -> None:
    maps = np.zeros((1, 6, 12, 16), np.float32)
    maps[0, 1], maps[0, 2] = -1, np.linspace(0, 1, 16)  # higher up to the edge
    maps[0, 3, 4, 6], maps[0, 4], maps[0, 5, 2, 3] = 1e30, np.nan, np.inf
    one = task(model(heatmaps=(1, 6, 12, 16)), points='heatmaps', points_options={'udp': True})
    result = found(one, heatmaps=maps)
    points = points_of(result)[0]
    assert np.isfinite(points[:, :2]).all()
    assert points[:2, :2].tolist() == [[0, 0], [0, 0]]
    assert points[2, 0] <= WH[0] + 2 * WH[0] / 15
    assert reasons(one, result) == ['keypoint_not_finite']


@pytest.mark.parametrize('udp', [False, True])
def test_heights_of_maps_above_one_and_below_zero_are_no_wrong_scores(udp: bool) -> None:
    one = task(
        model(heatmaps=(1, 6, 12, 16)), points='heatmaps', points_options={'udp': udp},
        score_threshold=0.0,
    )  # fmt: skip
    for height, score in ((1.2, 1.0), (-0.2, 0.0)):
        result = found(one, heatmaps=np.minimum(bumps(height), height))
        np.testing.assert_allclose(points_of(result)[0, 0, 2], score)
        assert not reasons(one, result)


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
    result = found(one, output0=table)
    (reason,) = one.validate(result, {'image': place('none', WH, WH)}).reasons
    assert reason.kind == kind
    assert f'its point 0 scores {number[2]:g} at {number[0]:.1f}, 1.0' in reason.detail


@pytest.mark.parametrize(
    ('presence', 'kind'), [(20, 'score_out_of_range'), (np.nan, 'not_finite')]
)
def test_the_score_of_the_only_object_is_judged(presence: float, kind: str) -> None:
    """A logit, of a model whose settings do not say so."""
    described = model(landmarks=(1, 6), presence=(1, 1))
    one = task(described, points='regression', points_options={'presence_output': 'presence'})
    result = found(one, landmarks=[[3, 4, 0.5, 6, 7, 0.5]], presence=[[presence]])
    assert reasons(one, result) == [kind]


def test_the_box_of_the_only_object_is_around_its_visible_points() -> None:
    maps = np.zeros((1, 3, 12, 16), np.float32)
    maps[0, 0, 5, 7], maps[0, 1, 8, 9], maps[0, 2, 0, 15] = 0.9, 0.8, 0.01
    one = task(model(heatmaps=(1, 3, 12, 16)), points='heatmaps')
    result = found(one, heatmaps=maps)
    seen = points_of(result)[0, :2, :2]
    assert result.xyxy[0].tolist() == [*seen.min(axis=0).tolist(), *seen.max(axis=0).tolist()]


def test_fewer_points_than_boxes_are_an_error_of_the_frame() -> None:
    described = model(boxes=(None, 4), labels=(None,), scores=(None,), keypoints=(None, 2, 3))
    one = task(described, decoder='labeled', points='listed')
    outputs = {'boxes': [[1, 1, 9, 9], [2, 2, 8, 8]], 'labels': [0, 0], 'scores': [0.9, 0.8]}
    with pytest.raises(FrameError, match='fewer objects with points than boxes'):
        found(one, **outputs, keypoints=np.zeros((1, 2, 3)))


@pytest.mark.parametrize(
    ('presence', 'kinds'), [(np.nan, ['not_finite']), (1.5, ['score_out_of_range']), (0.5, [])]
)
def test_the_score_of_a_regression_is_judged(presence: float, kinds: list[str]) -> None:
    options = {'numbers': 3, 'scoreless': True, 'presence_output': 'presence'}
    one = task(model(points=(1, 6), presence=(1, 1)), points='regression', points_options=options)
    result = found(one, points=[[1, 1, 0, 9, 9, 0]], presence=[[presence]])
    assert reasons(one, result) == kinds


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
    assert similarity(person(20), hidden)[0, 0] == 1  # its box and as much beside it
    assert similarity(person(60), hidden)[0, 0] < 0.5


def test_a_cloud_of_points_has_a_row_for_each_object() -> None:
    one = task(model(heatmaps=(1, 17, 12, 16)), points='heatmaps')
    prediction = Prediction(0, '', {}, ModelIdentity('m', 1), person(), Verdict(), {})
    said = dict(one.encode(prediction, HEADER, messages))
    assert [*said] == ['detections', 'keypoints']
    cloud = said['keypoints']
    assert (cloud.height, cloud.width, len(cloud.data)) == (1, 17, 17 * 12)
    numbers = np.frombuffer(cloud.data, '<f4').reshape(17, 3)
    np.testing.assert_array_equal(numbers, points_of(person())[0])


def test_a_picture_without_objects_has_no_rows() -> None:
    assert yolo().rows(found(yolo(), output0=np.zeros((1, 20, CELLS)))) == []


def test_the_skeleton_of_coco_is_drawn_between_visible_points() -> None:
    one = task(model(heatmaps=(1, 17, 12, 16)), points='heatmaps')
    canvas, bare = np.zeros((2, 48, 64, 3), np.uint8)
    one.draw(canvas, person())
    hidden = person()
    points_of(hidden)[..., 2] = 0
    one.draw(bare, hidden)
    assert np.count_nonzero(bare) < np.count_nonzero(canvas)
