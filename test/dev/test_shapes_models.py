"""The committed versions of `shapes` load, see what they should and can follow each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from dev.training.evaluation import Accuracy, Example, evaluate, examples
from dev.training.releases import HELD_OUT_SEEDS, RELEASES
from ml_integration.core.declaration import build
from ml_integration.demos.scenes import KINDS
from ml_integration.ops.picture_input import PreprocessSettings
from ml_integration.store.package.package import read_package
from ml_integration.tasks.object_detection import ObjectDetection

SHAPES = Path(__file__).parents[2] / 'models' / 'shapes'
SCENES = 60
FLOORS = {1: 0.65, 2: 0.85}  # mAP50, well below what the README says
ALL = pytest.mark.parametrize('version', sorted(RELEASES))


@pytest.fixture(scope='module')
def pictures() -> list[Example]:
    return examples(HELD_OUT_SEEDS[:SCENES])


@pytest.fixture(scope='module')
def measured(pictures: list[Example]) -> Mapping[int, Mapping[str, Accuracy]]:
    return {version: evaluate(SHAPES / str(version), pictures) for version in RELEASES}


@ALL
def test_the_accuracy_is_not_below_its_floor(
    version: int, measured: Mapping[int, Mapping[str, Accuracy]]
) -> None:
    assert measured[version]['mean'].ap50 >= FLOORS[version]


def test_the_second_version_is_better_at_what_both_know(
    measured: Mapping[int, Mapping[str, Accuracy]],
) -> None:
    first, second = (
        np.mean([measured[version][label].ap50 for label in RELEASES[1].labels])
        for version in (1, 2)
    )
    assert second > first


@ALL
def test_the_package_is_the_release_that_the_training_describes(version: int) -> None:
    package, release = read_package(SHAPES / str(version)), RELEASES[version]
    task = build(ObjectDetection.Settings, package.manifest.settings, 'test')
    assert package.labels == release.labels == KINDS[: len(release.labels)]
    assert task.decoder == release.decoder
    (images,) = package.manifest.sensor_inputs
    assert build(PreprocessSettings, images.encode, 'test') == release.preprocess
    assert images.spec.shape == (1, 3, *reversed(release.input_wh))
    assert package.golden is not None


@ALL
def test_the_model_file_is_small_and_does_not_say_where_it_was_made(version: int) -> None:
    model = (SHAPES / str(version) / 'model.onnx').read_bytes()
    assert len(model) < 1_000_000
    assert not re.search(rb'/(home|root|tmp|work|usr|opt)/', model)
