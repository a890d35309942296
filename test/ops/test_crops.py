"""Crops show what lies around a box, and places in them come back to the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.ops.crops import LONGEST, Region, around_box, cut

SIDE = st.integers(1, 60)
PLACE = st.floats(-40, 100)


def gradient(height: int, width: int) -> np.ndarray:
    """A picture (height, width, 2) float32 whose pixels tell where their centers are."""
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    return np.dstack((x, y))


@given(st.tuples(SIDE, SIDE), st.tuples(PLACE, PLACE), st.tuples(SIDE, SIDE))
@settings(max_examples=200, deadline=None)
def test_each_pixel_of_a_crop_is_the_one_at_its_place_or_the_nearest_at_the_edge(
    shape: tuple[int, int], center: tuple[float, float], size: tuple[int, int]
) -> None:
    height, width = shape
    crop = cut(gradient(height, width), Region(center, size))
    assert crop.pixels.shape == (size[1], size[0], 2)
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    places = crop.to_picture(np.dstack((x, y)))
    expected = np.clip(places, 0.5, np.array([width, height]) - 0.5)
    assert np.array_equal(crop.pixels, expected)
    inside = np.all(places == expected, axis=-1)
    assert inside.any()


@given(
    st.tuples(st.floats(20, 40), st.floats(20, 40)),
    st.tuples(st.floats(4, 20), st.floats(4, 20)),
    st.floats(0.01, 6.3),
)
@settings(max_examples=100, deadline=None)
def test_a_turned_box_is_upright_in_its_crop(
    center: tuple[float, float], size: tuple[float, float], angle: float
) -> None:
    crop = cut(gradient(64, 64), Region(center, size, angle))
    height, width = crop.pixels.shape[:2]
    assert (width, height) == (max(1, round(size[0])), max(1, round(size[1])))
    y, x = np.mgrid[:height, :width] + 0.5
    assert crop.pixels == pytest.approx(crop.to_picture(np.dstack((x, y))), abs=0.05)
    along = crop.to_picture(np.array([width, height / 2])) - np.array(center)
    expected = size[0] / 2 * np.array([np.cos(angle), np.sin(angle)])
    assert along == pytest.approx(expected, abs=1e-3)


def test_what_lies_inside_the_picture_is_a_view_of_it() -> None:
    picture = gradient(40, 60)
    crop = cut(picture, around_box(np.array([10, 10, 20, 30], np.float32), 0.0, 0.1, False))
    assert np.shares_memory(crop.pixels, picture)
    assert crop.pixels.shape[:2] == (24, 12)


def test_a_square_has_the_longer_side_and_the_same_center() -> None:
    region = around_box(np.array([10, 20, 20, 60], np.float32), 0.3, 0.25, True)
    assert region == Region((15.0, 40.0), (60.0, 60.0), 0.3)


def test_a_line_across_a_large_picture_makes_no_huge_square() -> None:
    picture = np.zeros((2, 9000, 3), np.uint8)
    picture[:, 7990:8010] = 255
    crop = cut(picture, around_box(np.array([0, 0, 9000, 2], np.float32), 0.0, 0.25, True))
    assert max(crop.pixels.shape) <= LONGEST
    columns = np.flatnonzero(crop.pixels[..., 0].max(axis=0) > 127)
    x, _ = crop.to_picture(np.array([columns.mean() + 0.5, 0.5]))
    assert x == pytest.approx(8000, abs=9000 * 1.5 / LONGEST)


@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 1), (5, 7, 4)])
@pytest.mark.parametrize('angle', [0.0, 0.5])
def test_pictures_of_any_number_of_channels_are_cut(shape: tuple[int, ...], angle: float) -> None:
    crop = cut(np.ones(shape, np.uint16), Region((0.0, 0.0), (4.0, 4.0), angle))
    assert crop.pixels.shape[:2] == (4, 4) and (crop.pixels == 1).all()
