"""Pictures are resized as OpenCV and as Pillow do it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from dev.oracles.chirp import chirp
from ml_integration.ops.resizing import INTERPOLATIONS, OPENCV, PILLOW, resizer

SOURCES = ((640, 480), (333, 500), (64, 48))
TARGET = (224, 224)


def resized(resampling: str, interpolation: str, pixels: np.ndarray) -> np.ndarray:
    into = np.empty((*TARGET[::-1], *pixels.shape[2:]), np.uint8)
    return resizer(resampling, interpolation)(pixels, into)


def antialiased(pixels: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Resizes along one axis with a triangle as wide as it takes to see every pixel, float."""
    scale = pixels.shape[axis] / size
    centers, width = (np.arange(size) + 0.5) * scale, max(scale, 1.0)
    distance = np.abs(np.arange(pixels.shape[axis]) + 0.5 - centers[:, None]) / width
    weights = np.clip(1 - distance, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.moveaxis(np.tensordot(weights, pixels, (1, axis)), 0, axis)


@pytest.mark.parametrize('wh', SOURCES)
def test_pillow_looks_at_every_pixel(wh: tuple[int, int]) -> None:
    pixels = chirp(*wh)
    got = resized('pillow', 'linear', pixels).astype(np.float64)
    wide = np.floor(antialiased(pixels.astype(np.float64), TARGET[0], 1) + 0.5)
    difference = np.abs(got - antialiased(wide, TARGET[1], 0))
    # It rounds twice; halves may fall to either side.
    assert difference.max() <= 1.51
    assert (difference > 0.51).mean() < 0.01


@pytest.mark.parametrize('wh', SOURCES)
@pytest.mark.parametrize('interpolation', INTERPOLATIONS)
def test_it_is_the_same_in_every_order_of_colors(wh: tuple[int, int], interpolation: str) -> None:
    pixels = chirp(*wh)
    whole = resized('pillow', interpolation, pixels)
    turned = resized('pillow', interpolation, pixels[:, :, ::-1])
    np.testing.assert_array_equal(turned[:, :, ::-1], whole)
    for channel in range(3):
        plane = np.ascontiguousarray(pixels[:, :, channel])
        np.testing.assert_array_equal(
            resized('pillow', interpolation, plane), whole[:, :, channel]
        )


@pytest.mark.parametrize('interpolation', INTERPOLATIONS)
def test_pillow_itself_does_the_same_where_its_versions_agree(interpolation: str) -> None:
    pixels = chirp(640, 480)
    expected = Image.fromarray(pixels).resize(TARGET, PILLOW[interpolation])
    np.testing.assert_array_equal(resized('pillow', interpolation, pixels), expected)


@pytest.mark.parametrize('wh', SOURCES)
@pytest.mark.parametrize('interpolation', INTERPOLATIONS)
def test_opencv_writes_into_the_picture_it_is_given(
    wh: tuple[int, int], interpolation: str
) -> None:
    pixels, into = chirp(*wh), np.empty((*TARGET[::-1], 3), np.uint8)
    assert resizer('opencv', interpolation)(pixels, into) is into
    expected = cv2.resize(pixels, TARGET, interpolation=OPENCV[interpolation])
    np.testing.assert_array_equal(into, expected)
