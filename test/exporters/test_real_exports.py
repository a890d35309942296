from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_exports import (
    NEEDED,
    SCORE,
    Exports,
    add,
    ask_and_add,
    assert_same_objects,
    assert_tell_apart,
    results_of,
    seen,
)

from ml_integration.cli.add import OPEN_QUESTIONS

CLASSIFIERS = ('vit', 'convnext', 'resnet', 'swin', 'timm_vit', 'timm_resnet')
BARE_CLASSIFIER, BARE_DETECTOR = 'torchvision_mobilenet', 'torchvision_ssdlite'
DETECTORS = ('detr', 'yolos', 'rt_detr', 'rt_detr_v2', 'd_fine')
DEPTHS = {
    'dpt': ('--set', 'settings.kind=inverse_depth'), 'glpn': (), 'depth_anything': (),
    'depth_anything_fixed': (),
}  # fmt: skip
DEPTH = 1e-3
"""Part of the range of a picture's depths."""
CLASSES_APART = 0.005
"""Share of pixels that lie so close to a border that rounding decides."""

pytestmark = NEEDED


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_classifier_is_added_and_gives_what_its_exporter_gives(
    name: str, exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(exports, place, name) == 0
    assert_same_classes(exports.said(name), seen(exports, place, name, capsys))


def test_classifier_of_several_true_classes_is_added_and_gives_those_of_its_exporter(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = 'vit_several'
    assert add(exports, place, name) == 0
    said, found = exports.said(name)['pictures'], seen(exports, place, name, capsys)
    assert found.keys() == said.keys()
    for picture, expected in said.items():
        scores = {one['label']: one['score'] for one in expected if one['score'] >= 0.5}
        assert {one['label']: one['score'] for one in found[picture]} == pytest.approx(
            scores, abs=SCORE
        )
    assert {len(one) for one in found.values()} - {0, 1}  # else any classifier would do


@pytest.mark.parametrize('name', DETECTORS)
def test_detector_is_added_and_gives_what_its_exporter_gives(
    name: str, exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(exports, place, name) == 0
    assert_same_objects(exports, name, seen(exports, place, name, capsys))


@pytest.mark.parametrize('name', [BARE_CLASSIFIER, BARE_DETECTOR])
def test_bare_export_is_not_guessed_but_asked_about(
    name: str, exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_and_add(exports, place, name, capsys)
    found = seen(exports, place, name, capsys)
    if name == BARE_CLASSIFIER:
        assert_same_classes(exports.said(name), found)
    else:
        assert_same_objects(exports, name, found)


@pytest.mark.parametrize(('name', 'answers'), DEPTHS.items())
def test_depth_is_added_and_is_that_of_its_exporter(
    name: str, answers: tuple[str, ...], exports: Exports, place: Path
) -> None:
    if answers:  # nothing in the export says what the numbers are
        assert add(exports, place, name) == OPEN_QUESTIONS
    assert add(exports, place, name, *answers) == 0
    for _, result, wanted, at in results_at_points(exports, place, name):
        np.testing.assert_allclose(result.depth[at], wanted, rtol=0, atol=DEPTH * np.ptp(wanted))
        assert np.ptp(wanted) > 0.01 * np.abs(wanted).max()


def test_segmentation_is_added_and_is_that_of_its_exporter(exports: Exports, place: Path) -> None:
    assert add(exports, place, 'segformer') == 0
    apart, points, seen = 0, 0, set()
    for _, result, wanted, at in results_at_points(exports, place, 'segformer'):
        apart += int(np.count_nonzero(result.classes[at] != wanted))
        points += len(wanted)
        seen |= set(wanted.tolist())
    assert len(seen) > 2
    assert apart <= CLASSES_APART * points


def results_at_points(
    exports: Exports, place: Path, name: str
) -> Iterator[tuple[str, Any, np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """Yields results of an added model, with the exporter's numbers at rows and columns."""
    for picture, result, expected in results_of(exports, place, name):
        columns, rows = np.array([one['label'].split() for one in expected], int).T
        wanted = np.array([one['score'] for one in expected])
        yield picture, result, wanted, (rows, columns)


def assert_same_classes(said: dict[str, Any], found: dict[str, list[dict[str, Any]]]) -> None:
    assert found.keys() == said['pictures'].keys()
    for picture, expected in said['pictures'].items():
        scores = {one['label']: one['score'] for one in expected}
        assert len(found[picture]) >= min(5, len(scores))
        for one in found[picture]:
            assert one['score'] == pytest.approx(scores[one['label']], abs=SCORE), picture
    assert_tell_apart(said)
