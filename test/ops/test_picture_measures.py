"""What is measured of a picture does not depend on its format, its size or its memory layout."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml_integration.core.datatypes import Array, Frame
from ml_integration.ops.picture_measures import (
    DEPTH_MEASURES,
    PICTURE_MEASURES,
    content_hash,
    measure_depth,
    measure_picture,
)

DATA = Path(__file__).parents[2] / 'dev/data'
needs_pictures = pytest.mark.skipif(
    not (DATA / 'astronaut.png').is_file(), reason='run: python -m dev.models.fetch'
)


def street(width: int = 768) -> Array:
    """A picture of the real video, as wide as wanted."""
    there, picture = cv2.VideoCapture(str(DATA / 'vtest.avi')).read()
    assert there
    size = (width, width * 3 // 4)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def colored(height: int = 48, width: int = 64) -> Array:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def test_a_picture_in_any_order_of_colors_measures_the_same() -> None:
    bgr = colored()
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    alpha = np.dstack([bgr, np.full(bgr.shape[:2], 255, np.uint8)])
    wanted = measure_picture(Frame(bgr, 'bgr8'))
    for frame in (
        Frame(rgb, 'rgb8'),
        Frame(alpha, 'bgra8'),
        Frame(bgr.astype(np.uint16) * 257, 'bgr16'),
        Frame(np.dstack([bgr, bgr])[..., :3], 'bgr8'),  # rows that are not contiguous
    ):
        found = measure_picture(frame)
        assert tuple(found) == PICTURE_MEASURES
        for name in PICTURE_MEASURES[:-1]:
            assert found[name] == pytest.approx(wanted[name], rel=1e-3), (frame.format, name)
    swapped = measure_picture(Frame(rgb, 'bgr8'))
    assert swapped['red_minus_blue'] == pytest.approx(-wanted['red_minus_blue'], abs=1e-3)


def test_brightness_contrast_and_shares_are_those_of_the_whole_picture() -> None:
    gray = np.zeros((480, 640), np.uint8)
    gray[:, 160:480], gray[:, 480:] = 100, 255
    found = measure_picture(Frame(gray, 'mono8'))
    assert found['brightness'] == pytest.approx(gray.mean(), rel=0.02)
    assert found['contrast'] == pytest.approx(gray.std(), rel=0.02)
    assert found['black_share'] == pytest.approx(0.25, abs=0.01)
    assert found['saturated_share'] == pytest.approx(0.25, abs=0.01)
    assert isnan(found['red_minus_blue'])


def test_what_cannot_be_told_is_not_a_number() -> None:
    flat = measure_picture(Frame(np.full((64, 64, 3), 90, np.uint8), 'rgb8'))
    assert isnan(flat['sharpness']) and flat['brightness'] == pytest.approx(90)
    for data, encoding in (
        (np.zeros((0, 8, 3), np.uint8), 'rgb8'),
        (np.zeros((8, 2, 3), np.uint8), 'rgb8'),
        (np.zeros((8, 8), np.float32), '32FC1'),
    ):
        found = measure_picture(Frame(data, encoding))
        assert tuple(found) == PICTURE_MEASURES and isnan(found['brightness'])


@needs_pictures
def test_blur_is_told_from_sharpness_at_every_size_and_darkness_is_no_blur() -> None:
    for width in (320, 640, 768):
        picture = street(width)
        sharp = measure_picture(Frame(picture, 'bgr8'))['sharpness']
        lens = cv2.GaussianBlur(picture, (0, 0), 2 * width / 640)
        assert measure_picture(Frame(lens, 'bgr8'))['sharpness'] < 0.45 * sharp
        dim = (picture * 0.3).astype(np.uint8)
        assert measure_picture(Frame(dim, 'bgr8'))['sharpness'] == pytest.approx(sharp, rel=0.25)


@needs_pictures
def test_the_hash_is_that_of_the_content() -> None:
    picture = street()
    assert content_hash(picture) == content_hash(picture.copy())
    assert content_hash(np.asfortranarray(picture)) == content_hash(picture)
    noisy = picture + (np.random.default_rng(1).random(picture.shape) < 0.01)
    assert content_hash(noisy.astype(np.uint8)) != content_hash(picture)
    assert isnan(content_hash(picture[:0]))
    assert 0 <= content_hash(picture) < 2**32


def test_depth_tells_what_is_known_of_it() -> None:
    meters = np.full((480, 640), 2.5, np.float32)
    meters[:, ::2], meters[:120] = 0.0, np.nan
    found = measure_depth(Frame(meters, '32FC1'))
    assert tuple(found) == DEPTH_MEASURES
    known = np.isfinite(meters[::8, ::4]) & (meters[::8, ::4] > 0)
    assert found['valid_share'] == pytest.approx(known.mean(), abs=0.02)
    millimeters = np.full((48, 64), 1500, np.uint16)
    assert measure_depth(Frame(millimeters, '16UC1'))['median_depth_m'] == pytest.approx(1.5)
    nothing = measure_depth(Frame(np.full((8, 8), np.inf, np.float32), '32FC1'))
    assert nothing['valid_share'] == 0.0 and isnan(nothing['median_depth_m'])
