"""Where pictures go in the model's input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.ops.letterbox import RESIZES, Letterbox, place

SIZES = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
CORNERS = st.floats(-100, 5000, width=32)


@pytest.mark.parametrize(
    ('resize', 'source_wh', 'target_wh', 'resized_wh', 'offset_xy'),
    [
        ('letterbox', (640, 480), (640, 640), (640, 480), (0, 80)),  # as wide as the input
        ('letterbox', (1920, 1080), (640, 640), (640, 360), (0, 140)),  # full HD
        ('letterbox', (480, 640), (640, 640), (480, 640), (80, 0)),  # upright
        ('letterbox', (100, 99), (200, 201), (200, 198), (0, 1)),  # odd rest: less on top
        ('letterbox', (99, 100), (201, 200), (198, 200), (1, 0)),  # ... less on the left
        ('letterbox', (4000, 1), (64, 64), (64, 1), (0, 31)),  # a line keeps one pixel
        ('letterbox_topleft', (640, 479), (416, 416), (416, 311), (0, 0)),  # cut off as in YOLOX
        ('stretch', (640, 480), (300, 200), (300, 200), (0, 0)),  # no aspect ratio
        ('crop', (640, 480), (224, 224), (341, 256), (-58, -16)),  # ImageNet evaluation
        ('crop', (480, 640), (224, 224), (256, 341), (-16, -58)),  # ... upright
        ('none', (64, 32), (64, 32), (64, 32), (0, 0)),  # untouched
    ],
)
def test_the_picture_is_placed_as_training_pipelines_do(
    resize: str,
    source_wh: tuple[int, int],
    target_wh: tuple[int, int],
    resized_wh: tuple[int, int],
    offset_xy: tuple[int, int],
) -> None:
    box = place(resize, source_wh, target_wh, crop_ratio=0.875)
    assert (box.resized_wh, box.offset_xy) == (resized_wh, offset_xy)


@given(SIZES, st.tuples(st.integers(8, 1300), st.integers(8, 1300)), st.data())
@settings(max_examples=100, deadline=None)
def test_boxes_come_back_from_the_model_input_unchanged(
    source_wh: tuple[int, int], target_wh: tuple[int, int], data: st.DataObject
) -> None:
    box = place(data.draw(st.sampled_from(RESIZES)), source_wh, target_wh, 0.8)
    boxes = data.draw(st.lists(st.tuples(*[CORNERS] * 4), min_size=1, max_size=5))
    xyxy = np.array(boxes, np.float32)
    # One float32 step of what is stored in between, in source pixels.
    step = np.spacing(np.float32(np.abs(box.to_target(xyxy)).max())) / min(box.scale_xy)
    back = box.to_source(box.to_target(xyxy))
    np.testing.assert_allclose(back, xyxy, rtol=1e-6, atol=2 * step)


@given(SIZES, st.tuples(st.integers(8, 1300), st.integers(8, 1300)))
@settings(max_examples=100, deadline=None)
def test_a_letterboxed_picture_fills_the_input_along_one_axis(
    source_wh: tuple[int, int], target_wh: tuple[int, int]
) -> None:
    corners = np.array([[0, 0, *source_wh]], np.float32)
    left, top, right, bottom = place('letterbox', source_wh, target_wh).to_target(corners)[0]
    assert min(left, top) >= 0
    assert right <= target_wh[0] + 1e-3 and bottom <= target_wh[1] + 1e-3
    assert abs(right - left - target_wh[0]) < 1e-3 or abs(bottom - top - target_wh[1]) < 1e-3


@given(SIZES, st.tuples(st.integers(8, 400), st.integers(8, 400)), st.floats(0.1, 1.0))
@settings(max_examples=100, deadline=None)
def test_a_cropped_picture_covers_the_whole_input(
    source_wh: tuple[int, int], target_wh: tuple[int, int], crop_ratio: float
) -> None:
    box = place('crop', source_wh, target_wh, crop_ratio)
    for resized, offset, target in zip(box.resized_wh, box.offset_xy, target_wh, strict=True):
        assert offset <= 0
        assert offset + resized >= target


def test_corner_coordinates_need_no_half_pixels() -> None:
    box = Letterbox((100, 100), (50, 50), (0.5, 0.5), (0, 0))
    # The pixel (10, 20) covers [10, 11] x [20, 21], wherever it is scaled to.
    assert box.to_target(np.array([[10, 20, 11, 21]])).tolist() == [[5, 10, 5.5, 10.5]]
