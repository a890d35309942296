from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ml_integration.cli.add import OPEN_QUESTIONS
from ml_integration.cli.main import main
from ml_integration.deploy.loading import Loader
from ml_integration.exports.trying.sample_pictures import Picture, own_pictures
from ml_integration.exports.trying.trial import try_on
from ml_integration.ops.instance_masks import instance_overlap
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.policy import Trust

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get('EXPORTERS_PYTHON', '')
CLASSIFIERS = ('vit', 'convnext', 'resnet', 'swin', 'timm_vit', 'timm_resnet')
BARE_CLASSIFIER, BARE_DETECTOR = 'torchvision_mobilenet', 'torchvision_ssdlite'
DETECTORS = ('detr', 'yolos', 'rt_detr', 'rt_detr_v2', 'd_fine')
DEPTHS = {
    'dpt': ('--set', 'settings.kind=inverse_depth'), 'glpn': (), 'depth_anything': (),
    'depth_anything_fixed': (),
}  # fmt: skip
BOX_PX = 0.5
ANGLE = 0.01
POINT_PX = 0.1
MASK_IOU = 0.98
SMALL_PX = 100
"""Visible pixels of an object up to which those along its edge count too much."""
DEPTH = 1e-3
"""Part of the range of a picture's depths."""
CLASSES_APART = 0.005
"""Share of pixels that lie so close to a border that rounding decides."""
SCORE = 1e-3
THRESHOLD = 0.25
"""Smallest score of the objects that a model gives if nobody says another one."""

pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(300),  # the first one waits until all exports are made
    pytest.mark.skipif(not PYTHON, reason="needs exporters' libraries: make test-models"),
]


@dataclass(frozen=True)
class Exports:
    pictures: Path
    folder: Path

    def said(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((self.folder / f'{name}.json').read_text())
        return said


@pytest.fixture(scope='module')
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """Exports made by the exporters' libraries, with what these see in pictures."""
    pictures, folder = tmp_path_factory.mktemp('pictures'), tmp_path_factory.mktemp('exports')
    for picture in own_pictures():
        assert cv2.imwrite(str(pictures / f'{Path(picture.name).stem}.png'), picture.pixels)
    command = [PYTHON, '-m', 'dev.exporters', folder, '--pictures', pictures]
    # Paths of the ROS wheels are none of this other Python's.
    environment = {
        k: v for k, v in os.environ.items() if k not in ('LD_LIBRARY_PATH', 'PYTHONPATH')
    }
    made = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return Exports(pictures, folder)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, where models are added and looked for."""
    monkeypatch.setenv('ML_INTEGRATION_STATE_DIR', str(tmp_path / 'state'))
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(tmp_path / 'store'))
    return tmp_path


def add(exports: Exports, place: Path, name: str, *more: str) -> int:
    arguments = ['--into', str(place / 'store'), '--picture', str(place / 'seen.jpg'), *more]
    return main(['add', str(exports.folder / name), '--name', name, '--json', *arguments])


def seen(
    exports: Exports, place: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> dict[str, list[dict[str, Any]]]:
    """Runs an added model; returns its results by picture."""
    capsys.readouterr()
    assert main(['run', name, str(exports.pictures), '--out', str(place / 'out')]) == 0
    lines = (place / 'out' / 'results.jsonl').read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return {row['source']: row['results'] for row in rows}


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_classifier_is_added_and_gives_what_its_exporter_gives(
    name: str, exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(exports, place, name) == 0
    assert_same_classes(exports.said(name), seen(exports, place, name, capsys))


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


def ask_and_add(
    exports: Exports, place: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Adds a model with the answers that a person gives, once it was asked for them."""
    assert add(exports, place, name) == OPEN_QUESTIONS
    assert not (place / 'store').exists()
    said = exports.said(name)
    questions = json.loads(capsys.readouterr().out)['open']
    assert [one['key'] for one in questions] == said['asked']
    assert add(exports, place, name, *said['arguments']) == 0


def test_masks_of_objects_are_those_of_their_exporter(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_and_add(exports, place, 'mask_rcnn', capsys)
    assert_same_objects(exports, 'mask_rcnn', seen(exports, place, 'mask_rcnn', capsys))
    assert_same_masks(exports, place, 'mask_rcnn')


def assert_same_masks(exports: Exports, place: Path, name: str) -> None:
    overlaps = []
    for picture, result, expected in results_of(exports, place, name):
        visible = map(partial(clipped, size=result.map.shape), expected)
        objects = [one for one in visible if has_area(one)][: len(result)]
        wanted = np.zeros(result.map.shape, np.uint8)
        for number, one in reversed([*enumerate(objects, 1)]):
            wanted[mask_of(one, wanted.shape)] = number
        counts = (len(result), len(objects))
        overlap = instance_overlap(result.map, wanted, counts).diagonal()
        areas = np.bincount(wanted.ravel(), minlength=len(objects) + 1)[1:]
        assert (overlap[areas > SMALL_PX] > MASK_IOU).all(), (picture, overlap, areas)
        overlaps.extend(overlap[areas > SMALL_PX])
    assert len(overlaps) > 10


def test_masks_of_prototypes_are_those_of_a_plain_reading(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = replace(exports, pictures=exports.folder / 'yolo_seg_pictures')
    assert add(exports, place, 'yolo_seg') == 0
    assert len(assert_same_objects(cut, 'yolo_seg', seen(cut, place, 'yolo_seg', capsys))) > 10
    assert_same_masks(cut, place, 'yolo_seg')


def test_points_in_rows_are_those_of_a_plain_reading(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = replace(exports, pictures=exports.folder / 'yolo_pose_pictures')
    assert add(exports, place, 'yolo_pose') == 0
    pairs = assert_same_objects(cut, 'yolo_pose', seen(cut, place, 'yolo_pose', capsys))
    assert_same_points(pairs)


def test_rotated_boxes_are_those_of_a_plain_reading(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = replace(exports, pictures=exports.folder / 'yolo_obb_pictures')
    assert add(exports, place, 'yolo_obb') == 0
    found, compared = seen(cut, place, 'yolo_obb', capsys), 0
    for picture, expected in exports.said('yolo_obb')['pictures'].items():
        missed = [one for one in expected if one['score'] > THRESHOLD + SCORE]
        for one in found[picture]:
            same = next((other for other in expected if alike_turned(one, other)), None)
            assert same is not None, f'{picture}: {one} is none of {expected}'
            missed = [other for other in missed if other is not same]
            compared += 1
        assert not missed, f'{picture}: {missed}'
    assert compared > 10
    assert_tell_apart(exports.said('yolo_obb'))


def alike_turned(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    x, y, width, height, angle = expected['box']
    if width < height:  # the angle is that of the longer side
        width, height, angle = height, width, angle + np.pi / 2
    box = [found[key] for key in ('center_x', 'center_y', 'length', 'width')]
    turn = (found['angle'] - angle + np.pi / 2) % np.pi - np.pi / 2
    return (
        found['label'] == expected['label']
        and abs(found['score'] - expected['score']) <= SCORE
        and bool(np.allclose(box, (x, y, width, height), rtol=0, atol=BOX_PX))
        and abs(turn) < ANGLE
    )


def mask_of(one: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """The pixels of an object in its box, of runs that are none and some of its own.

    An exporter rounds boxes to whole pixels, outwards, before it puts masks into them.
    """
    ones = np.arange(len(one['mask'])) % 2 == 1
    rows, columns = (np.arange(size) + 0.5 for size in shape)
    left, top, right, bottom = one['box']
    inside = ((rows > top) & (rows < bottom))[:, None] & (columns > left) & (columns < right)
    return np.repeat(ones, one['mask']).reshape(shape) & inside


def test_points_of_objects_are_those_of_their_exporter(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_and_add(exports, place, 'keypoint_rcnn', capsys)
    pairs = assert_same_objects(
        exports, 'keypoint_rcnn', seen(exports, place, 'keypoint_rcnn', capsys)
    )
    assert_same_points(pairs)


def assert_same_points(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    assert len(pairs) > 10
    for one, expected in pairs:
        points, wanted = points_of(one), points_of({'keypoints': expected['points']})
        np.testing.assert_allclose(points[:, :2], wanted[:, :2], rtol=0, atol=BOX_PX)
        np.testing.assert_allclose(points[:, 2], wanted[:, 2], rtol=0, atol=SCORE)


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


def test_points_of_a_person_are_those_of_its_exporter(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(exports, place, 'vitpose') == 0
    settings = read_package(place / 'store' / 'vitpose' / '1', Trust('off')).manifest.settings
    assert settings['keypoint_names'][:2] == ['head', 'left_hand']
    assert settings['skeleton'][0] == 'head left_hand'
    cut = replace(exports, pictures=exports.folder / 'vitpose_pictures')
    for picture, (one,) in seen(cut, place, 'vitpose', capsys).items():
        ((expected,),) = (exports.said('vitpose')['pictures'][picture],)
        points, wanted = points_of(one), points_of({'keypoints': expected['points']})
        np.testing.assert_allclose(points[:, :2], wanted[:, :2], rtol=0, atol=POINT_PX)
        np.testing.assert_allclose(points[:, 2], wanted[:, 2].clip(0, 1), rtol=0, atol=SCORE)
        assert one['score'] == pytest.approx(expected['score'], abs=SCORE)
        assert np.ptp(wanted[:, :2]) > 100


def points_of(one: dict[str, Any]) -> np.ndarray:
    return np.reshape(one['keypoints'], (-1, 3))


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


def results_of(
    exports: Exports, place: Path, name: str
) -> Iterator[tuple[str, Any, list[dict[str, Any]]]]:
    """Yields results of an added model on each picture, with those of its exporter."""
    pipeline = Loader().load(read_package(place / 'store' / name / '1', Trust('off')))
    for picture, expected in exports.said(name)['pictures'].items():
        pixels = cv2.imread(str(exports.pictures / picture))
        result = try_on(pipeline, [Picture(picture, pixels)]).attempts[0].prediction.result
        yield picture, result, expected
    pipeline.close()


def assert_same_classes(said: dict[str, Any], found: dict[str, list[dict[str, Any]]]) -> None:
    assert found.keys() == said['pictures'].keys()
    for picture, expected in said['pictures'].items():
        scores = {one['label']: one['score'] for one in expected}
        assert len(found[picture]) >= min(5, len(scores))
        for one in found[picture]:
            assert one['score'] == pytest.approx(scores[one['label']], abs=SCORE), picture
    assert_tell_apart(said)


def assert_same_objects(
    exports: Exports, name: str, found: dict[str, list[dict[str, Any]]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Checks labels, scores and boxes; returns each result with that of the exporter."""
    said, pairs = exports.said(name), []
    assert found.keys() == said['pictures'].keys()
    for picture, expected in said['pictures'].items():
        size = cv2.imread(str(exports.pictures / picture)).shape[:2]
        open_ = [one for one in map(partial(clipped, size=size), expected) if has_area(one)]
        for one in found[picture]:
            same = next((other for other in open_ if alike(one, other)), None)
            assert same is not None, f'{picture}: {one} is none of {open_}'
            open_.remove(same)
            pairs.append((one, same))
        missed = [one for one in open_ if one['score'] > THRESHOLD + SCORE]
        assert not missed, f'{picture}: {missed}'
    assert_tell_apart(said)
    return pairs


def clipped(one: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Returns a result with its box cut at the edges of the picture, as it is published."""
    height, width = size
    low, high = (0, 0, 0, 0), (width, height, width, height)
    return {**one, 'box': [*np.clip(one['box'], low, high)]}


def has_area(one: dict[str, Any]) -> bool:
    left, top, right, bottom = one['box']
    return bool(right > left and bottom > top)


def alike(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    box = [found[side] for side in ('left', 'top', 'right', 'bottom')]
    return (
        found['label'] == expected['label']
        and abs(found['score'] - expected['score']) <= SCORE
        and bool(np.allclose(box, expected['box'], rtol=0, atol=BOX_PX))
    )


def assert_tell_apart(said: dict[str, Any]) -> None:
    """Checks that a comparison can fail: many of the expected results are unlike."""
    scores = [one['score'] for picture in said['pictures'].values() for one in picture]
    assert len({round(score, 2) for score in scores}) > 5
