"""Classes of pixels: at the size of the picture, wherever it lies in the model's input."""

from __future__ import annotations

from typing import Any

import cv2
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
from ml_integration.errors import ModelMismatchError, SettingError
from ml_integration.ops.class_maps import ClassMap
from ml_integration.ops.letterbox import Letterbox, place
from ml_integration.ops.map_differences import AlphaDifference
from ml_integration.tasks.segmentation import Segmentation

WH = (32, 24)
LABELS = ('nothing', 'road', 'car')


def task(
    *shape: int | None, labels: tuple[str, ...] = LABELS, dtype: str = 'float32', **settings: Any
) -> Segmentation:
    picture = TensorSpec('image', 'float32', (1, 3, WH[1], WH[0]))
    output = TensorSpec('out', dtype, shape)
    model = ModelDescription(ModelIdentity('m', 1), labels, (picture,), (output,), {'image': WH})
    return Segmentation(build(Segmentation.Settings, {'kind': 'scores', **settings}, 'm'), model)


def result(one: Segmentation, numbers: np.ndarray, box: Letterbox | None = None) -> ClassMap:
    return one.postprocess({'out': numbers}, {'image': box or place('none', WH, WH)})


def scores(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, 3, 24, 32)).astype(np.float32)


def reasons(one: Segmentation, found: ClassMap) -> list[str]:
    return [reason.kind for reason in one.validate(found, {}).reasons]


@pytest.mark.parametrize('upsampling', ['nearest', 'linear'])
@pytest.mark.parametrize('free', [False, True])
def test_the_highest_score_counts_in_every_layout(upsampling: str, free: bool) -> None:
    numbers = scores()
    expected = numbers[0].argmax(axis=0)
    for made in (
        numbers,
        numbers.transpose(0, 2, 3, 1),
        numbers[0],
        numbers[0].transpose(1, 2, 0),
    ):
        stated = tuple(None if free and size > 3 else size for size in made.shape)
        one = task(*stated, upsampling=upsampling)
        found = result(one, np.ascontiguousarray(made))
        np.testing.assert_array_equal(found.classes, expected)
        assert not reasons(one, found)


def test_linear_upsampling_takes_the_best_of_the_resized_scores() -> None:
    numbers = scores()[:, :, ::4, ::4].copy()
    found = result(task(1, 3, 6, 8, upsampling='linear'), numbers, place('stretch', (64, 48), WH))
    resized = [cv2.resize(one, (64, 48), interpolation=cv2.INTER_LINEAR) for one in numbers[0]]
    np.testing.assert_array_equal(found.classes, np.argmax(resized, axis=0))


@pytest.mark.parametrize(('shape', 'axis'), [((150, 24, 32), 0), ((24, 32, 150), 2)])
def test_without_labels_the_axes_of_the_shape_of_the_picture_are_no_classes(
    shape: tuple[int, ...], axis: int
) -> None:
    numbers = np.zeros((1, *shape), np.float32)
    np.moveaxis(numbers[0], axis, 0)[149] = 1
    assert (result(task(1, *shape, labels=()), numbers).classes == 149).all()


@pytest.mark.parametrize('last', [False, True])
def test_no_class_that_is_best_only_between_cells_is_left_out(last: bool) -> None:
    dice = np.random.default_rng(3)
    numbers = dice.normal(size=(1, 40, 6, 8)).astype(np.float32)
    numbers[0, 5:] -= 3  # most are the best of nothing
    numbers[0, 0], numbers[0, 1] = 9, -9
    numbers[0, :2, :, 1::2] *= -1
    numbers[0, 2] = 5  # the best between the others only
    made = np.moveaxis(numbers, 1, 3).copy() if last else numbers
    one = task(*made.shape, labels=(), upsampling='linear')
    found = result(one, made, place('stretch', (64, 48), WH)).classes
    resized = [cv2.resize(each, (64, 48), interpolation=cv2.INTER_LINEAR) for each in numbers[0]]
    np.testing.assert_array_equal(found, np.argmax(resized, axis=0))
    assert (found == 2).any()


@pytest.mark.parametrize('upsampling', ['nearest', 'linear'])
def test_padding_is_cut_off_and_what_was_cropped_has_the_class_of_the_outside(
    upsampling: str,
) -> None:
    numbers = np.zeros((1, 3, 24, 32), np.float32)
    box = place('letterbox', (64, 16), WH)  # 8 rows of the input
    numbers[0, 1, 8:16] = 1
    numbers[0, 2, :8] = numbers[0, 2, 16:] = 1
    one = task(1, 3, 24, 32, upsampling=upsampling, outside=7)
    assert (result(one, numbers, box).classes == 1).all()
    wide = place('crop', (96, 24), WH)
    found = result(
        one, np.where(np.arange(3)[:, None, None] == 2, 1, 0)[None] * np.ones_like(numbers), wide
    )
    assert (found.classes[:, 32:64] == 2).all()
    assert (found.classes[:, :32] == 7).all() and (found.classes[:, 64:] == 7).all()
    assert not reasons(one, found)


@pytest.mark.parametrize('shape', [(1, 24, 32), (1, 1, 24, 32), (1, 24, 32, 1), (24, 32)])
def test_numbers_of_classes_are_taken_as_they_are(shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(2).integers(0, 3, (24, 32))
    one = task(*shape, kind='classes', dtype='int64')
    np.testing.assert_array_equal(result(one, numbers.reshape(shape)).classes, numbers)


def test_classes_beyond_the_labels_are_judged() -> None:
    one = task(1, 24, 32, kind='classes', dtype='int64')
    for wrong in (3, 70000, -1):
        numbers = np.zeros((1, 24, 32), np.int64)
        numbers[0, 3, 4] = wrong
        found = result(one, numbers)
        (reason,) = one.validate(found, {}).reasons
        assert reason.kind == 'unknown_class'
        assert str(wrong) in reason.detail


@pytest.mark.parametrize('sigmoid', [False, True])
def test_a_probability_is_cut_at_the_threshold(sigmoid: bool) -> None:
    numbers = np.linspace(0.01, 0.99, 24 * 32, dtype=np.float32).reshape(1, 1, 24, 32)
    given = np.log(numbers / (1 - numbers)) if sigmoid else numbers
    one = task(
        1, 1, 24, 32, kind='probability', labels=('no', 'yes'), sigmoid=sigmoid, threshold=0.3
    )
    np.testing.assert_array_equal(result(one, given).classes, numbers[0, 0] >= 0.3)


def test_more_than_256_classes_need_two_bytes() -> None:
    numbers = np.zeros((1, 300, 24, 32), np.float32)
    numbers[0, 299] = 1
    found = result(task(1, 300, 24, 32, labels=()), numbers)
    assert found.classes.dtype == np.uint16
    assert (found.classes == 299).all()


def test_numbers_that_are_not_finite_are_judged() -> None:
    numbers = scores()
    numbers[0, 1, 2, 3] = np.nan
    one = task(1, 3, 24, 32)
    assert reasons(one, result(one, numbers)) == ['not_finite']


def test_classes_of_another_number_than_the_labels_are_refused() -> None:
    with pytest.raises(ModelMismatchError, match='one per label'):
        task(1, 5, 24, 32)
    with pytest.raises(ModelMismatchError, match='does not hold'):
        task(1, 3, 24, 32, kind='classes')


def test_the_names_of_the_classes_are_announced() -> None:
    ((topic, message),) = task(1, 3, 24, 32).announce(messages)
    assert topic == 'label_info'
    said = [(one.class_id, one.class_name) for one in message.class_map]
    assert said == [*enumerate(LABELS)]


def test_rows_say_how_much_of_the_picture_each_class_is() -> None:
    classes = np.zeros((10, 10), np.uint8)
    classes[:3], classes[9, 9] = 2, 1
    rows = task(1, 3, 24, 32).rows(ClassMap(classes))
    assert [(row.label, row.pixels, row.share) for row in rows] == [
        ('nothing', 69, 0.69),
        ('car', 30, 0.3),
        ('road', 1, 0.01),
    ]


def test_scores_are_the_intersections_over_the_unions() -> None:
    scorer = task(1, 3, 24, 32).scorer()
    truth = np.array([[0, 0, 1, 1, 255, 2]], np.uint8)
    found = np.array([[0, 1, 1, 1, 1, 2]], np.uint8)
    scorer.add(ClassMap(found), ClassMap(truth))
    figures = {score.name: score.value for score in scorer.scores()}
    assert figures['IoU nothing'] == pytest.approx(1 / 2)
    assert figures['IoU road'] == pytest.approx(2 / 3)
    assert figures['mIoU'] == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert figures['accuracy'] == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ('labels', 'clear'), [(LABELS, True), ((), True), (('road', 'sky', 'car'), False)]
)
def test_a_drawn_class_is_tinted_and_the_background_is_not(
    labels: tuple[str, ...], clear: bool
) -> None:
    canvas = np.full((60, 80, 3), 100, np.uint8)
    classes = np.zeros((60, 80), np.uint8)
    classes[40:, 40:] = 2
    task(1, 3, 24, 32, labels=labels).draw(canvas, ClassMap(classes))
    assert (canvas[45:, 45:] != 100).any(axis=-1).all()
    assert (canvas[45:, :35] == 100).all() == clear


def matting(sigmoid: bool = False, **settings: Any) -> Segmentation:
    shape, labels = (1, 24, 32, 1), settings.pop('labels', ('person',))
    return task(*shape, labels=labels, kind='probability', sigmoid=sigmoid, **settings)


def soft_edge() -> np.ndarray:
    return np.linspace(0, 1, 32, dtype=np.float32)[None, None, :, None].repeat(24, axis=1)


@pytest.mark.parametrize('sigmoid', [False, True])
def test_a_probability_is_published_as_alpha_of_the_size_of_the_picture(sigmoid: bool) -> None:
    one = matting(sigmoid, alpha=True, upsampling='linear', threshold=0.3)
    given = soft_edge()
    if sigmoid:
        with np.errstate(divide='ignore'):
            given = np.log(given / (1 - given)).clip(-99, 99)
    found = result(one, given, place('stretch', (64, 48), WH))
    assert found.alpha is not None and found.alpha.dtype == np.float32
    wanted = cv2.resize(soft_edge()[0, :, :, 0], (64, 48), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(found.alpha, wanted, atol=1e-6)
    np.testing.assert_array_equal(found.classes, found.alpha >= 0.3)
    assert not reasons(one, found)
    assert [topic.name for topic in one.topics] == ['mask', 'alpha', 'label_info']
    prediction = Prediction(0, 'camera', {}, ModelIdentity('m', 1), found, Verdict(), {})
    messages_of = dict(one.encode(prediction, HEADER, messages))
    image = messages_of['alpha']
    assert (image.encoding, image.width, image.height, image.step) == ('32FC1', 64, 48, 256)
    np.testing.assert_array_equal(np.frombuffer(image.data, '<f4').reshape(48, 64), found.alpha)
    assert dict(one.serialize(prediction, HEADER)).keys() == messages_of.keys()


def test_what_the_model_does_not_see_has_no_alpha() -> None:
    one = matting(alpha=True)
    found = result(one, np.ones((1, 24, 32, 1), np.float32), place('crop', (96, 24), WH))
    assert found.alpha is not None
    assert (found.alpha[:, 32:64] == 1).all() and not found.alpha[:, :32].any()


@pytest.mark.parametrize('alpha', [False, True])
def test_a_probability_that_is_none_is_judged(alpha: bool) -> None:
    one = matting(alpha=alpha)
    for number, kinds in ((1.00005, []), (7.5, ['probability_out_of_range'])):
        numbers = soft_edge()
        numbers[0, 3, 4] = number
        assert reasons(one, result(one, numbers)) == kinds
    logits = 20 * soft_edge() - 10
    assert reasons(one, result(one, logits)) == ['probability_out_of_range']
    assert not reasons(matting(True, alpha=alpha), result(matting(True, alpha=alpha), logits))


def test_an_only_label_names_the_pixels_that_are_found() -> None:
    one = matting()
    ((_, message),) = one.announce(messages)
    assert [each.class_name for each in message.class_map] == ['background', 'person']
    found = result(one, np.ones((1, 24, 32, 1), np.float32))
    assert not reasons(one, found)
    assert [row.label for row in one.rows(found)] == ['person']


def test_alpha_is_only_of_probabilities() -> None:
    with pytest.raises(SettingError, match='probability'):
        task(1, 3, 24, 32, alpha=True)


def test_alpha_is_compared_and_scored_by_its_error() -> None:
    one = matting(alpha=True)
    soft, hard = result(one, soft_edge()), result(one, (soft_edge() > 0.5).astype(np.float32))
    same = one.compare(soft, soft, one._model)
    apart = one.compare(soft, hard, one._model)
    assert same == AlphaDifference(0.0, 1.0)
    assert isinstance(apart, AlphaDifference)
    assert (apart.disagreement, apart.mask_iou) == (pytest.approx(0.25, abs=0.01), 1.0)
    scorer = one.scorer()
    scorer.add(soft, hard)
    figures = {score.name: score.value for score in scorer.scores()}
    assert next(iter(figures)) == 'MAE'
    assert figures['MAE'] == pytest.approx(apart.disagreement)
    assert figures['mIoU'] == 1


def test_alpha_is_drawn_as_strong_as_it_is() -> None:
    one = matting(alpha=True)
    canvas = np.zeros((24, 32, 3), np.uint8)
    one.draw(canvas, result(one, soft_edge()))
    tint = canvas[20:].astype(int).sum(axis=(0, 2))
    assert tint[0] == 0 and (np.diff(tint) >= 0).all() and tint[-1] > 3 * tint[8] > 0
