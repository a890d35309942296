"""`ml_model profile --labels` calibrates a classifier, which then tells its expected accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx_models
import pytest
from model_folders import write_model_folder

from ml_integration.cli.main import main
from ml_integration.core.accuracy import Accuracy
from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.datatypes import Verdict
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.watches import Seen
from ml_integration.deploy.loading import Loader
from ml_integration.recordings.pictures import picture_message
from ml_integration.store.package.package import read_package

CLASSES = ('red', 'green', 'blue')
PICTURES = 320


def picture_of(label: str, seed: int) -> np.ndarray:
    """A picture (BGR) that mostly has most of the color of its class."""
    rng = np.random.default_rng(seed)
    rgb = rng.uniform(40, 120, 3)
    rgb[CLASSES.index(label)] += rng.uniform(-30, 60)
    return np.full((32, 32, 3), rgb[::-1], np.uint8)


@pytest.fixture(scope='module')
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    made = []
    for label in CLASSES:
        made.append(tmp_path_factory.mktemp('data') / label)
        made[-1].mkdir()
        for number in range(PICTURES):
            picture = picture_of(label, len(made) * PICTURES + number)
            cv2.imwrite(str(made[-1] / f'{number}.png'), picture)
    return made


def classifier_in(store: Path) -> Path:
    return write_model_folder(
        store, 'kinds', model=onnx_models.classifier(softmax=True), labels=CLASSES,
        task='classification', settings={},
    )  # fmt: skip


def results_seen(pipeline: Pipeline, watch: Accuracy) -> list[bool]:
    (item,) = pipeline.wiring.inputs
    right = []
    for number, label in enumerate(CLASSES * 100):
        picture = picture_of(label, 10**6 + number)
        arrival = Arrival(picture_message(picture, number), number, number, 0)
        prediction = pipeline.run(Observation('', arrival, {item.tensor: (arrival,)}))
        assert prediction.verdict == Verdict()
        watch.take(Seen('', number, {}, {}, prediction, pipeline))
        right.append(CLASSES[int(prediction.result.class_ids[0])] == label)
    return right


def values(watch: Accuracy) -> dict[str, Any]:
    return dict(watch.look(0).values)


def test_the_expected_accuracy_is_that_which_comes(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = classifier_in(tmp_path)
    assert main(['profile', str(folder), *map(str, folders), '--labels', 'folders']) == 0
    assert f'{3 * PICTURES} labeled pictures' in capsys.readouterr().out
    pipeline = Loader().load(read_package(folder))
    assert pipeline.reference is not None
    known = pipeline.reference.calibration
    assert known is not None and known.error < known.raw_error
    watch = Accuracy(AccuracySettings)
    right = results_seen(pipeline, watch)
    for stream in watch._streams.values():
        stream.work(lambda topic, message: message, AccuracySettings())
    told = values(watch)
    low, high = (float(told[f'expected accuracy {end}']) for end in ('low', 'high'))
    assert low < float(told['expected accuracy']) < high
    assert low - 0.03 < np.mean(right) < high + 0.03
    pipeline.close()


def test_a_folder_that_is_no_class_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = classifier_in(tmp_path)
    odd = tmp_path / 'unicorn'
    odd.mkdir()
    cv2.imwrite(str(odd / 'a.png'), np.zeros((32, 32, 3), np.uint8))
    assert main(['profile', str(folder), str(odd), '--labels', 'folders']) != 0
    assert 'unicorn' in capsys.readouterr().err
    assert not (folder / 'reference.npz').exists()
