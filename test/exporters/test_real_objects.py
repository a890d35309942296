from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_exports import (
    BOX_PX,
    NEEDED,
    SCORE,
    THRESHOLD,
    Exports,
    add,
    ask_and_add,
    assert_same_objects,
    assert_tell_apart,
    clipped,
    has_area,
    results_of,
    seen,
)

from ml_integration.ops.instance_masks import instance_overlap
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.policy import Trust

ANGLE = 0.01
POINT_PX = 0.1
MASK_IOU = 0.98
SMALL_PX = 100
"""Visible pixels of an object up to which those along its edge count too much."""

pytestmark = NEEDED


def test_masks_of_objects_are_those_of_their_exporter(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_and_add(exports, place, 'mask_rcnn', capsys)
    assert_same_objects(exports, 'mask_rcnn', seen(exports, place, 'mask_rcnn', capsys))
    assert_same_masks(exports, place, 'mask_rcnn')


def test_masks_of_prototypes_are_those_of_a_plain_reading(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = replace(exports, pictures=exports.folder / 'yolo_seg_pictures')
    assert add(exports, place, 'yolo_seg') == 0
    assert len(assert_same_objects(cut, 'yolo_seg', seen(cut, place, 'yolo_seg', capsys))) > 10
    assert_same_masks(cut, place, 'yolo_seg')


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


def test_points_in_rows_are_those_of_a_plain_reading(
    exports: Exports, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = replace(exports, pictures=exports.folder / 'yolo_pose_pictures')
    assert add(exports, place, 'yolo_pose') == 0
    pairs = assert_same_objects(cut, 'yolo_pose', seen(cut, place, 'yolo_pose', capsys))
    assert_same_points(pairs)


def assert_same_points(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    assert len(pairs) > 10
    for one, expected in pairs:
        points, wanted = points_of(one), points_of({'keypoints': expected['points']})
        np.testing.assert_allclose(points[:, :2], wanted[:, :2], rtol=0, atol=BOX_PX)
        np.testing.assert_allclose(points[:, 2], wanted[:, 2], rtol=0, atol=SCORE)


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
