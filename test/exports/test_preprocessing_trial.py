from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sensor_models

from ml_integration.core.inputs import SensorInput
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render
from ml_integration.deploy.loading import Loader
from ml_integration.exports.trying.plausibility import of_classifier, of_detector
from ml_integration.exports.trying.preprocessing_choices import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Choice,
    Normalization,
    declared_choice,
    other_pixels,
)
from ml_integration.exports.trying.preprocessing_trial import (
    PreprocessingReport,
    compare_preprocessing,
)
from ml_integration.exports.trying.sample_pictures import Picture, own_pictures, pictures_of
from ml_integration.ops.classes import Classes
from ml_integration.ops.detections import Detections
from ml_integration.store.package.package import ModelPackage, read_package
from ml_integration.store.trust.policy import Trust

ModelFolder = Callable[..., Path]
ROOT = Path(__file__).parents[2]
SHAPES = ROOT / 'models/shapes'
COCO = ROOT / 'models/coco_yolov3_tiny/1'
VIDEO = ROOT / 'dev/data/vtest.avi'
IMAGENET = {'scale': 255.0, 'mean': IMAGENET_MEAN, 'std': IMAGENET_STD}


def scenes(count: int = 6) -> list[Picture]:
    frames = (render(make_scene(1000 + seed), 0.5)[:, :, ::-1] for seed in range(count))
    return [Picture(f'scene {i}', np.ascontiguousarray(one)) for i, one in enumerate(frames)]


def declaring(package: ModelPackage, **encode: Any) -> ModelPackage:
    inputs = tuple(
        replace(item, encode={**item.encode, **encode}) if isinstance(item, SensorInput) else item
        for item in package.manifest.inputs
    )
    return replace(package, manifest=replace(package.manifest, inputs=inputs), golden=None)


def compared(folder: Path, pictures: list[Picture], **encode: Any) -> PreprocessingReport:
    package = declaring(read_package(folder, Trust('off')), **encode)
    pipeline = Loader().load(package)
    try:
        return compare_preprocessing(package, pipeline, pictures, budget_s=1000.0)
    finally:
        pipeline.close()


@pytest.mark.parametrize('version', ['1', '2'])
@pytest.mark.parametrize('pictures', [scenes(), list(own_pictures())], ids=['scenes', 'others'])
def test_right_preparation_raises_no_alarm(version: str, pictures: list[Picture]) -> None:
    report = compared(SHAPES / version, pictures)
    assert report.declared is not None
    assert len(report.scores) >= 9
    assert report.better is None
    assert report.warning == ''
    assert report.side_by_side() is None


@pytest.mark.parametrize(
    ('version', 'wrong', 'right'),
    [
        ('1', {'scale': 1.0}, 'rgb, pixels / 255, stretch'),
        ('1', IMAGENET, 'rgb, pixels / 255, stretch'),
        ('2', {'scale': 255.0}, 'bgr, pixels from 0 to 255, letterbox'),
        ('2', IMAGENET, 'bgr, pixels from 0 to 255, letterbox'),
    ],
    ids=['not divided', 'ImageNet for /255', 'divided', 'ImageNet for none'],
)
def test_wrong_preparation_is_told_with_both_figures_and_pictures(
    version: str, wrong: dict[str, Any], right: str
) -> None:
    pictures = scenes()
    report = compared(SHAPES / version, pictures, **wrong)
    assert report.declared is not None
    assert report.better is not None
    assert str(report.better.choice) == right
    assert f'scores {report.declared.score:.2f} on the sample' in report.warning
    assert f'({right}) {report.better.score:.2f}' in report.warning
    both = report.side_by_side()
    assert both is not None
    height, width = pictures[0].pixels.shape[:2]
    assert both.shape == (height + 24, 2 * width, 3)
    assert not np.array_equal(both[:height, :width], both[:height, width:])


def test_nonsense_that_is_certain_does_not_win() -> None:
    # Pixels that are not divided make this network find 40 objects in each picture.
    report = compared(SHAPES / '1', scenes())
    undivided = [one for one in report.scores if one.choice.normalization.scale == 1.0]
    assert all(sum(one.trial.counts) > 120 for one in undivided)
    assert max(one.score for one in undivided) == 0


@pytest.mark.parametrize(
    ('color', 'dtype', 'count'), [('rgb', 'float32', 8), ('rgb', 'uint8', 2), ('gray', 'uint8', 1)]
)
def test_only_what_the_input_permits_is_compared(color: str, dtype: str, count: int) -> None:
    declared = Choice(color, Normalization('as declared', 1.0), 'stretch')
    assert len(list(other_pixels(declared, dtype))) == count


def test_detector_is_not_compared_with_cutting_sides_off(model_folder: ModelFolder) -> None:
    choices = [one.choice for one in compared(model_folder(), scenes(3)).scores]
    assert {one.resize for one in choices} == {'letterbox', 'stretch'}


@pytest.mark.parametrize(('resize', 'warned'), [('letterbox', False), ('crop', True)])
def test_real_detector_that_misses_the_sides_of_a_video(resize: str, warned: bool) -> None:
    pictures = list(pictures_of(VIDEO, most=3))
    report = compared(COCO, pictures, resize=resize)
    assert bool(report.warning) is warned


@pytest.mark.parametrize(
    ('pictures', 'words'),
    [(scenes(2), 'on 3 or more different pictures'), (scenes(1) * 5, '3 or more different')],
    ids=['few', 'the same'],
)
def test_few_pictures_prove_nothing(pictures: list[Picture], words: str) -> None:
    report = compared(SHAPES / '1', pictures)
    assert report.declared is None
    assert words in report.skipped


def test_models_of_other_tasks_are_left_alone(store: Path) -> None:
    inputs = [sensor_models.IMAGES, {**sensor_models.JOINTS, **sensor_models.HELD}]
    model = sensor_models.picture_and_joints()
    folder = sensor_models.write_sensor_model(store, 'seen', model, inputs)
    assert compared(folder, scenes(3)).skipped == 'Only models of a single picture are compared.'


def test_scaling_in_units_of_pixels_is_known_as_the_same() -> None:
    mean, std = (tuple(255 * v for v in values) for values in (IMAGENET_MEAN, IMAGENET_STD))
    imagenet = Normalization('', 255.0, IMAGENET_MEAN, IMAGENET_STD)
    assert Normalization('', 1.0, mean, std).like(imagenet)
    assert not Normalization('', 255.0).like(Normalization('', 1.0))


def test_declared_mean_belongs_to_its_color() -> None:
    package = declaring(
        read_package(SHAPES / '1', Trust('off')),
        color='bgr', scale=255.0, mean=IMAGENET_MEAN[::-1], std=IMAGENET_STD[::-1],
    )  # fmt: skip
    choice = declared_choice(package.manifest.sensor_inputs[0], '')
    assert str(choice) == 'bgr, mean and std of ImageNet, stretch'
    assert choice.encode({})['mean'] == IMAGENET_MEAN[::-1]


def detections(*boxes: tuple[float, float, float, float]) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(count, 4),
        np.full(count, 0.8, np.float32),
        np.zeros(count, np.int32),
        count,
    )


def test_detections_count_where_the_mirror_image_confirms_them() -> None:
    pictures = scenes(3)
    width = pictures[0].pixels.shape[1]
    results = iter(
        [
            *(detections((0, 0, 50, 50)), detections((width - 50, 0, width, 50))),  # confirmed
            *(detections((0, 0, 50, 50)), detections((0, 0, 50, 50))),  # on the other side
            *(detections(), detections()),
        ]
    )
    found = of_detector(lambda _: next(results), pictures)
    assert found.scores == pytest.approx([0.8, 0, 0])
    assert found.stability == pytest.approx(0.5)


def classes(best: int, score: float) -> Classes:
    return Classes(np.array([best], np.int32), np.array([score], np.float32))


@pytest.mark.parametrize(
    ('results', 'stability'),
    [
        ([(1, 0.8), (1, 0.6), (5, 0.1)] * 2 + [(2, 0.8), (2, 0.8), (5, 0.1)], 2.0 / 2.4),
        ([(1, 1.0), (1, 1.0), (3, 1.0)] * 2 + [(2, 1.0), (2, 1.0), (4, 1.0)], 0.0),
        ([(1, 0.8), (1, 0.8), (3, 0.2)] * 3, 0.0),
    ],
    ids=['sees', 'is certain of anything', 'says always the same'],
)
def test_certain_classifier_is_not_a_seeing_one(
    results: list[tuple[int, float]], stability: float
) -> None:
    given = iter(results)
    found = of_classifier(lambda _: classes(*next(given)), scenes(3))
    assert found.stability == pytest.approx(stability)
