"""Depth of each pixel: what is published, judged, drawn, compared and scored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from task_samples import HEADER, messages

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, Prediction, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import MlIntegrationError, ModelMismatchError, SettingError
from ml_integration.ops.depth_maps import DepthMap
from ml_integration.ops.letterbox import Letterbox, place
from ml_integration.tasks.depth_estimation import DepthEstimation

WH = (16, 12)


def model(*shape: int | None) -> ModelDescription:
    picture = TensorSpec('image', 'float32', (1, 3, WH[1], WH[0]))
    output = TensorSpec('depth', 'float32', shape)
    return ModelDescription(ModelIdentity('m', 1), (), (picture,), (output,), {'image': WH})


def task(*shape: int | None, **settings: Any) -> DepthEstimation:
    described = {'kind': 'metric', **settings}
    shape = shape or (1, WH[1], WH[0])
    return DepthEstimation(build(DepthEstimation.Settings, described, 'm'), model(*shape))


def result(
    one: DepthEstimation, numbers: np.ndarray, geometry: Letterbox | None = None
) -> DepthMap:
    geometry = geometry or place('none', WH, WH)
    return one.postprocess({'depth': numbers}, {'image': geometry})


def ramp(height: int = WH[1], width: int = WH[0]) -> np.ndarray:
    """From 1 at the left to 4 at the right."""
    return np.linspace(1, 4, width, dtype=np.float32)[None].repeat(height, axis=0)


def reasons(one: DepthEstimation, found: DepthMap) -> list[str]:
    return [reason.kind for reason in one.validate(found, {}).reasons]


def depth_of(*numbers: float, kind: str = 'metric') -> DepthMap:
    return DepthMap(np.array([numbers], np.float32), kind)


@pytest.mark.parametrize('shape', [(12, 16), (1, 12, 16), (1, 1, 12, 16), (1, 12, 16, 1)])
@pytest.mark.parametrize('free', [False, True])
def test_every_layout_of_a_map_is_read(shape: tuple[int, ...], free: bool) -> None:
    stated = tuple(None if free and size > 1 else size for size in shape)
    one = task(*stated)
    np.testing.assert_array_equal(result(one, ramp().reshape(shape)).depth, ramp())
    assert one.batched == (len(shape) > 2)


@pytest.mark.parametrize('shape', [(2, 12, 16), (1, 3, 12, 16), (12,), (1, 12, 16, 2)])
def test_what_is_no_map_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelMismatchError, match=r'\[1, 1, height, width\]'):
        task(*shape)


def test_a_map_of_another_size_is_brought_to_the_picture() -> None:
    found = result(task(1, 6, 8), ramp(6, 8)[None], place('stretch', (32, 24), WH))
    assert found.depth.shape == (24, 32)
    # Centers of pixels: the first number lies two pixels from the left edge.
    expected = np.interp(np.arange(32) + 0.5, np.arange(8) * 4 + 2, ramp(1, 8)[0])
    np.testing.assert_allclose(found.depth[5], expected, rtol=0, atol=1e-5)


def test_padding_is_left_out_and_what_was_cut_off_is_unknown() -> None:
    numbers = ramp()
    numbers[:2] = numbers[-2:] = 99  # above and below the picture
    found = result(task(), numbers[None], place('letterbox', (32, 16), WH))
    assert found.depth.shape == (16, 32) and found.depth.max() == 4
    cut = result(task(), ramp()[None], place('crop', (32, 12), WH))
    assert cut.depth.shape == (12, 32)
    np.testing.assert_array_equal(np.isnan(cut.depth[3]), [True] * 8 + [False] * 16 + [True] * 8)


def test_distances_get_their_unit_and_those_out_of_range_are_unknown() -> None:
    one = task(unit_m=0.5, min_m=0.75, max_m=1.5)
    depth = result(one, ramp()[None]).depth
    expected = ramp() / 2
    expected[(expected < 0.75) | (expected > 1.5)] = np.nan
    np.testing.assert_array_equal(depth, expected)
    assert np.isnan(depth).any() and not np.isnan(depth).all()


def test_a_metric_map_holds_no_distance_of_zero_and_a_relative_one_holds_any_number() -> None:
    numbers = ramp()[None] - 2
    assert np.nanmin(result(task(min_valid_share=0.1), numbers).depth) > 0
    np.testing.assert_array_equal(result(task(kind='inverse_depth'), numbers).depth, numbers[0])


def test_single_numbers_that_are_none_become_unknown() -> None:
    numbers = ramp()[None].copy()
    numbers[0, 3, 5], numbers[0, 4, 5] = np.inf, np.nan
    for one in (task(), task(kind='relative_depth', upsampling='cubic')):
        found = result(one, numbers)
        assert reasons(one, found) == []
        assert np.isnan(found.depth).sum() == 2


@pytest.mark.parametrize(
    ('numbers', 'kind', 'reason'),
    [
        (np.where(ramp() < 2, np.nan, ramp()), 'relative_depth', ['not_finite']),
        (ramp() - 2, 'metric', ['not_positive']),
        (ramp() - 2, 'relative_depth', []),
        (np.zeros((12, 16), np.float32), 'inverse_depth', ['constant']),
        (np.full((12, 16), 3, np.float32), 'metric', ['constant']),
    ],
)
def test_results_are_judged(numbers: np.ndarray, kind: str, reason: list[str]) -> None:
    one = task(kind=kind)
    assert reasons(one, result(one, numbers[None].astype(np.float32))) == reason


@pytest.mark.parametrize(
    ('kind', 'topic'),
    [('metric', 'depth'), ('inverse_depth', 'inverse_depth'), ('relative_depth',) * 2],
)
def test_numbers_without_a_unit_are_not_on_the_topic_of_meters(kind: str, topic: str) -> None:
    one = task(kind=kind)
    found = result(one, ramp()[None])
    prediction = Prediction(0, '', {}, ModelIdentity('m', 1), found, one.validate(found, {}), {})
    ((name, message),) = one.encode(prediction, HEADER, messages)
    assert name == topic == one.topics[0].name
    assert (message.encoding, message.height, message.width, message.step) == ('32FC1', 12, 16, 64)
    np.testing.assert_array_equal(np.frombuffer(message.data, '<f4').reshape(12, 16), ramp())


@pytest.mark.parametrize(
    'settings', [{'kind': 'far'}, {'kind': 'inverse_depth', 'max_m': 5.0}, {'kind': ''}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(MlIntegrationError):
        task(**settings)


def test_the_rows_say_what_the_map_holds() -> None:
    (row,) = task().rows(depth_of(1, 2, 9, np.nan))
    assert row == DepthEstimation.Row('metric', 'm', 1.0, 2.0, 9.0, 0.75)
    assert task().rows(depth_of(np.nan, np.nan)) == []


@pytest.mark.parametrize(
    ('kind', 'near'), [('metric', 0), ('relative_depth', 0), ('inverse_depth', -1)]
)
def test_what_is_near_is_drawn_in_red_and_what_is_unknown_stays(kind: str, near: int) -> None:
    numbers = ramp(80, 60)
    numbers[70:] = np.nan
    canvas = np.full((80, 60, 3), 10, np.uint8)
    task(kind=kind).draw(canvas, DepthMap(numbers, kind))
    far = -1 - near
    (near_b, _, near_r), (far_b, _, far_r) = canvas[65, near].tolist(), canvas[65, far].tolist()
    assert near_r > near_b + 30
    assert far_b > far_r
    assert (canvas[70:] == 10).all()
    nothing = np.full((80, 60, 3), 10, np.uint8)
    task(kind=kind).draw(nothing, DepthMap(np.full((80, 60), np.nan, np.float32), kind))
    assert (nothing == 10).all()


def test_equal_maps_do_not_differ_and_those_of_relative_kinds_may_have_another_scale() -> None:
    numbers = np.random.default_rng(1).uniform(1, 5, (6, 7)).astype(np.float32)
    for kind, other in (
        ('metric', numbers),
        ('relative_depth', 3 * numbers),
        ('inverse_depth', 3 * numbers + 2),
    ):
        one, described = task(kind=kind), model(1, 12, 16)
        same = one.compare(DepthMap(numbers, kind), DepthMap(numbers, kind), described)
        assert same.disagreement == 0
        difference = one.compare(DepthMap(numbers, kind), DepthMap(other, kind), described)
        assert difference.disagreement == pytest.approx(0, abs=1e-5)
        upside_down = DepthMap(numbers[::-1].copy(), kind)
        turned = one.compare(DepthMap(numbers, kind), upside_down, described)
        assert turned.disagreement > 0.2


def test_the_difference_of_metric_maps_is_relative_and_tells_what_only_one_knows() -> None:
    difference = task().compare(depth_of(1, 3, np.nan, 7), depth_of(3, 3, 2, 7), model(1, 12, 16))
    assert (difference.relative, difference.overlap) == (pytest.approx(1 / 3), 0.75)
    assert difference.disagreement == pytest.approx(1 - 0.75 * 2 / 3)
    assert task().compare(depth_of(np.nan), depth_of(np.nan), model(1, 12, 16)).disagreement == 0
    assert task().compare(depth_of(1), depth_of(np.nan), model(1, 12, 16)).disagreement == 1
    assert task().compare(depth_of(1), depth_of(1, 2), model(1, 12, 16)).disagreement == 1


def test_scores_are_those_of_the_paper() -> None:
    scorer = task().scorer()
    assert all(math.isnan(score.value) for score in scorer.scores())
    scorer.add(depth_of(1, 2, 5, np.nan), depth_of(2, 2, 4, 7))
    scorer.add(depth_of(3), depth_of(3))
    scores = {score.name: score for score in scorer.scores()}
    assert scores['AbsRel'].value == pytest.approx((0.5 + 0.25) / 4)
    assert scores['MAE'].value == pytest.approx(2 / 4)
    assert scores['RMSE'].value == pytest.approx(math.sqrt(2 / 4))
    assert scores['coverage'].value == pytest.approx(4 / 5)
    assert scores['delta<1.25'].value == pytest.approx(2 / 4)  # 5 / 4 is not below 1.25
    assert [scores[name].unit for name in ('MAE', 'RMSE')] == ['m', 'm']
    with pytest.raises(ValueError, match='the truth is'):
        scorer.add(depth_of(1), depth_of(1, kind='inverse_depth'))


def test_relative_maps_are_scored_at_the_scale_of_the_truth() -> None:
    truth = np.random.default_rng(2).uniform(1, 5, (6, 7)).astype(np.float32)
    for kind, numbers in (('relative_depth', truth / 7), ('inverse_depth', 5 / truth + 1)):
        scorer = task(kind=kind).scorer()
        scorer.add(DepthMap(numbers.astype(np.float32), kind), DepthMap(truth))
        scores = {score.name: score.value for score in scorer.scores()}
        assert scores['AbsRel'] == pytest.approx(0, abs=1e-5)
        assert scores['delta<1.25'] == 1


def test_a_limit_below_the_other_is_named() -> None:
    with pytest.raises(SettingError, match='max_m'):
        task(min_m=3.0, max_m=2.0)
