"""Masks of objects as one map of the picture, against a slow reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_integration.core.datatypes import TensorSpec
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops import mask_decoders
from ml_integration.ops.decoders import Candidates
from ml_integration.ops.instance_masks import instance_areas, instance_overlap, paint_instances
from ml_integration.ops.letterbox import Letterbox, place

INPUT_WH = (128, 96)


def smooth(seed: int, *shape: int) -> np.ndarray:
    """Slow waves, so that a mask is a few blobs with long edges."""
    dice = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    flat = [
        np.sin(x * a + b) + np.cos(y * c + d)
        for a, b, c, d in dice.uniform(0.2, 0.5, (int(np.prod(shape[:-2])), 4))
    ]
    return np.array(flat, np.float32).reshape(shape)


def candidates(boxes: Any, rows: Any = None, others: Any = None) -> Candidates:
    count = len(boxes)
    scores, ids = np.linspace(1, 0.5, count, dtype=np.float32), np.zeros(count, np.int32)
    numbers = np.arange(count) if rows is None else np.array(rows)
    return Candidates(np.array(boxes, np.float32).reshape(-1, 4), scores, ids, numbers, others)


def decoder(style: str, array: np.ndarray) -> Any:
    return mask_decoders.load(style)(TensorSpec('masks', array.dtype.name, array.shape), 'm@1')


def painted(
    style: str, masks: np.ndarray, objects: Candidates, geometry: Letterbox, level: float = 0.0
) -> np.ndarray:
    grids = decoder(style, masks)({'masks': masks}, objects, geometry.target_wh)
    image, broken = paint_instances(grids, geometry.to_source(objects.xyxy), geometry, level)
    assert broken == ()
    return image


def sampled(grid: np.ndarray, area: Any, x: float, y: float) -> float:
    """The number of a grid at a place of the model's input, bilinear, the edge goes on."""
    height, width = grid.shape
    column = np.clip((x - area[0]) / (area[2] - area[0]) * width - 0.5, 0, width - 1)
    row = np.clip((y - area[1]) / (area[3] - area[1]) * height - 0.5, 0, height - 1)
    left, top = int(column), int(row)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    u, v = column - left, row - top
    upper = grid[top, left] * (1 - u) + grid[top, right] * u
    lower = grid[bottom, left] * (1 - u) + grid[bottom, right] * u
    return float(upper * (1 - v) + lower * v)


def reference(
    grids: np.ndarray, areas: Any, objects: Candidates, geometry: Letterbox, level: float = 0.0
) -> np.ndarray:
    """One pixel after the other, the worst object first."""
    width, height = geometry.source_wh
    image = np.zeros((height, width), np.int64)
    for index in reversed(range(len(grids))):
        left, top, right, bottom = geometry.to_source(objects.xyxy[index : index + 1])[0]
        for y in range(height):
            for x in range(width):
                if not (left <= x + 0.5 < right and top <= y + 0.5 < bottom):
                    continue
                at_x = (x + 0.5) * geometry.scale_xy[0] + geometry.offset_xy[0]
                at_y = (y + 0.5) * geometry.scale_xy[1] + geometry.offset_xy[1]
                if sampled(grids[index], areas[index], at_x, at_y) > level:
                    image[y, x] = index + 1
    return image


BOXES = [(10, 20, 70, 80), (40, 30, 110, 90), (100, 15, 126, 60.4)]
WHOLE = [(0, 0, *INPUT_WH)] * 3
PLACES = {
    'as it is': place('none', INPUT_WH, INPUT_WH),
    'letterbox of half the size': place('letterbox', (64, 40), INPUT_WH),
    'letterbox of an odd size': place('letterbox', (57, 43), INPUT_WH),
    'letterbox, smaller': place('letterbox', (200, 150), INPUT_WH),
    'crop': place('crop', (90, 48), INPUT_WH),
    'stretch': place('stretch', (77, 51), INPUT_WH),
}
EXACT = ('as it is', 'letterbox of half the size')


def assert_alike(image: np.ndarray, expected: np.ndarray, name: str) -> None:
    assert set(np.unique(expected)) == {0, 1, 2, 3}
    assert image.shape == expected.shape
    if name in EXACT:
        np.testing.assert_array_equal(image, expected)
    else:  # edges of grids are rounded to pixels there
        assert_near(image, expected)


def assert_near(image: np.ndarray, expected: np.ndarray) -> None:
    """Few pixels differ, and nearly all of them at the edge of something."""
    assert np.mean(image != expected) < 0.03
    padded = np.pad(expected, 2, mode='edge')
    around = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    assert np.mean((around != image[..., None, None]).all(axis=(2, 3))) < 0.002


@pytest.mark.parametrize('name', PLACES)
def test_prototypes_are_mixed_inside_of_boxes(name: str) -> None:
    protos, weights = (
        smooth(1, 1, 4, 24, 32),
        np.float32([[1, 0.5, 0, 1], [0, 1, 1, 0.5], [2, 1, 1, 1]]),
    )
    objects = candidates(BOXES, others=weights)
    mixed = np.einsum('nm,mhw->nhw', weights, protos[0])
    image = painted('prototypes', protos, objects, PLACES[name])
    assert_alike(image, reference(mixed, WHOLE, objects, PLACES[name]), name)


@pytest.mark.parametrize('name', PLACES)
@pytest.mark.parametrize('shape', [(1, 3, 24, 32), (3, 1, 24, 32), (3, 24, 32)])
def test_masks_on_the_whole_picture_are_those_of_their_rows(
    name: str, shape: tuple[int, ...]
) -> None:
    masks, rows = smooth(2, *shape), [2, 0, 1]
    objects = candidates(BOXES, rows)
    expected = reference(masks.reshape(3, 24, 32)[rows], WHOLE, objects, PLACES[name])
    assert_alike(painted('whole', masks, objects, PLACES[name]), expected, name)


@pytest.mark.parametrize('name', PLACES)
def test_masks_in_boxes_are_stretched_over_them(name: str) -> None:
    masks = np.float32(1) / (1 + np.exp(-4 * smooth(3, 3, 1, 14, 14)))
    objects = candidates(BOXES)
    ringed = np.pad(masks[:, 0], ((0, 0), (1, 1), (1, 1)))
    boxes = np.array(BOXES)
    cells = (boxes[:, 2:] - boxes[:, :2]) / 14
    areas = np.concatenate((boxes[:, :2] - cells, boxes[:, 2:] + cells), axis=1)
    image = painted('in_boxes', masks, objects, PLACES[name], 0.5)
    assert_near(image, reference(ringed, areas, objects, PLACES[name], 0.5))


def test_pasted_masks_are_taken_as_they_are() -> None:
    masks = np.zeros((2, 1, 96, 128), np.float32)
    masks[0, 0, 30:50, 20:60] = 1
    masks[1, 0, 40:70, 30:90] = 1
    image = painted('whole', masks, candidates([(0, 0, 128, 96)] * 2), PLACES['as it is'], 0.5)
    expected = np.zeros((96, 128))
    expected[40:70, 30:90] = 2
    expected[30:50, 20:60] = 1
    np.testing.assert_array_equal(image, expected)
    assert instance_areas(image, 2).tolist() == [20 * 40, 30 * 60 - 10 * 30]


def test_an_object_of_a_single_pixel_is_painted() -> None:
    masks = np.ones((2, 24, 32), np.float32)
    image = painted('whole', masks, candidates([(5, 5, 6, 6), (9, 9, 20, 20)]), PLACES['as it is'])
    assert instance_areas(image, 2).tolist() == [1, 121]


def test_more_objects_than_a_byte_counts_get_two() -> None:
    boxes = [(x, y, x + 4, y + 4) for y in range(0, 96, 5) for x in range(0, 124, 5)][:300]
    masks = np.ones((1, 300, 24, 32), np.float32)
    image = painted('whole', masks, candidates(boxes), PLACES['as it is'])
    assert image.dtype == np.uint16
    assert instance_areas(image, 300).tolist() == [16] * 300
    assert image[boxes[299][1], boxes[299][0]] == 300


@pytest.mark.parametrize(
    ('style', 'box'),
    [
        ('whole', (np.nan,) * 4),
        ('whole', (5, 5, 5, 9)),
        ('whole', (500, 500, 600, 600)),
        ('in_boxes', (np.nan,) * 4),
        ('in_boxes', (-1e30, 0, 1e30, 96)),
        ('in_boxes', (9, 9, 5, 5)),
    ],
    ids=str,
)
def test_a_box_that_makes_no_sense_gets_no_pixel(style: str, box: tuple[float, ...]) -> None:
    masks = np.ones((2, 24, 32), np.float32)
    image = painted(style, masks, candidates([box, (0, 0, 20, 20)]), PLACES['as it is'], 0.5)
    assert set(np.unique(image)) == {0, 2}


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_masks_that_are_not_finite_are_reported(bad: float) -> None:
    masks = np.ones((2, 24, 32), np.float32)
    masks[1] = bad
    objects = candidates(BOXES[:2])
    grids = decoder('whole', masks)({'masks': masks}, objects, INPUT_WH)
    image, broken = paint_instances(grids, objects.xyxy, PLACES['as it is'], 0.0)
    assert broken == (1,) and set(np.unique(image)) == {0, 1}


def test_masks_that_do_not_belong_to_the_boxes_are_an_error_of_the_frame() -> None:
    masks = np.ones((2, 24, 32), np.float32)
    with pytest.raises(FrameError, match='fewer masks than boxes'):
        decoder('whole', masks)({'masks': masks}, candidates(BOXES), INPUT_WH)
    with pytest.raises(FrameError, match='other_columns: 2'):
        others = np.ones((3, 5), np.float32)
        decoder('prototypes', masks)({'masks': masks}, candidates(BOXES, None, others), INPUT_WH)
    unknown = candidates(BOXES)._replace(rows=None)
    with pytest.raises(FrameError, match='does not say'):
        decoder('whole', masks)({'masks': masks}, unknown, INPUT_WH)


@pytest.mark.parametrize('style', ['prototypes', 'in_boxes', 'whole'])
def test_an_output_of_other_axes_is_refused(style: str) -> None:
    with pytest.raises(ModelMismatchError, match="'masks' does not hold such masks"):
        decoder(style, np.zeros((2, 3), np.float32))


def test_overlap_of_nothing_is_zero() -> None:
    nothing = np.zeros((4, 4), np.uint8)
    assert instance_overlap(nothing, nothing, (2, 0)).shape == (2, 0)
    assert instance_overlap(nothing, nothing, (1, 2)).tolist() == [[0, 0]]


def test_an_object_may_be_seen_in_one_pixel() -> None:
    masks = np.ones((1, 1, 8, 8), np.float32)
    image = painted(
        'whole', masks, candidates([[0, 0, 32, 32]]), place('stretch', (1, 1), (32, 32))
    )
    assert image.tolist() == [[1]]
