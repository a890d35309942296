"""Adds exports of real exporters and compares with their own results; `make exporters`."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ml_integration.cli.main import main
from ml_integration.deploy.loading import Loader
from ml_integration.exports.sample_pictures import pictures_of
from ml_integration.exports.trial import Trial, try_on
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.policy import Trust

pytestmark = pytest.mark.models
EXPORTS = Path(os.environ.get('ML_INTEGRATION_EXPORTS', 'out/exporters'))
LARGEST_PX, LARGEST_SCORE = 0.5, 1e-3


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('XDG_DATA_HOME', 'XDG_STATE_HOME'):
        monkeypatch.setenv(name, str(tmp_path / name))


def added(name: str, tmp_path: Path) -> Trial:
    """Adds an export without a word about it, and runs the installed model on the pictures."""
    pictures = EXPORTS / 'pictures'
    source = str(EXPORTS / name / 'export')
    assert main(['add', source, '--name', name, '--sample', str(pictures)]) == 0
    folder = tmp_path / 'XDG_DATA_HOME/ml_integration/models' / name / '1'
    pipeline = Loader().load(read_package(folder, Trust('off')))
    try:
        return try_on(pipeline, pictures_of(pictures))
    finally:
        pipeline.close()


@pytest.mark.parametrize('name', ['vit', 'resnet'])
def test_classifier_needs_no_edit_and_scores_as_its_library_does(
    name: str, tmp_path: Path
) -> None:
    expected = np.load(EXPORTS / name / 'expected.npz')
    for number, attempt in enumerate(added(name, tmp_path).attempts):
        result, wanted = attempt.prediction.result, expected[f'{number}.probabilities']
        assert result.class_ids[0] == wanted.argmax()
        assert result.scores == pytest.approx(wanted[result.class_ids], abs=LARGEST_SCORE)


@pytest.mark.parametrize('name', ['detr', 'yolos', 'rt_detr', 'rt_detr_v2', 'd_fine'])
def test_detector_needs_no_edit_and_finds_what_its_library_does(name: str, tmp_path: Path) -> None:
    expected = np.load(EXPORTS / name / 'expected.npz')
    for number, attempt in enumerate(added(name, tmp_path).attempts):
        result = attempt.prediction.result
        scores, labels = expected[f'{number}.scores'], expected[f'{number}.labels']
        height, width = attempt.picture.pixels.shape[:2]
        boxes = np.clip(expected[f'{number}.boxes'], 0, [width, height, width, height])
        assert len(scores) > 5
        assert result.scores == pytest.approx(scores, abs=LARGEST_SCORE)
        # Nearly equal scores may come in another order.
        for box, score, label in zip(result.xyxy, result.scores, result.class_ids, strict=True):
            like = (labels == label) & (np.abs(scores - score) <= LARGEST_SCORE)
            assert np.abs(boxes[like] - box).max(axis=1).min() <= LARGEST_PX


def test_model_that_no_task_reads_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['add', str(EXPORTS / 'segformer/export'), '--name', 'segformer']) == 1
    assert "its task is 'segmentation'" in capsys.readouterr().err
