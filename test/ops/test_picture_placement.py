"""How large pictures become, and where they go, as other people's processors decide it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import FrameError, ModelMismatchError, SettingError
from ml_integration.ops.picture_input import PreprocessSettings
from ml_integration.ops.picture_placement import (
    check_placement,
    placed,
    shortest_edge_wh,
    typical_wh,
)

DETR = {
    'resize': 'shortest_edge',
    'shortest_edge': 800,
    'longest_edge': 1333,
    'rounding': 'transformers',
}
SIZES = st.tuples(st.integers(1, 3000), st.integers(1, 3000))


def wanted(**encode: Any) -> PreprocessSettings:
    return build(PreprocessSettings, encode, 'test')


@pytest.mark.parametrize(
    ('encode', 'source_wh', 'resized_wh'),
    [
        ({'shortest_edge': 256}, (640, 480), (341, 256)),  # the longer side is rounded down
        ({'shortest_edge': 256}, (480, 640), (256, 341)),  # upright
        ({'shortest_edge': 256}, (256, 300), (256, 300)),  # as it is
        ({'shortest_edge': 600, 'longest_edge': 800}, (333, 500), (533, 800)),  # both down
        ({**DETR}, (640, 480), (1066, 800)),  # no limit reached
        ({**DETR}, (1920, 1080), (1333, 750)),  # 749.8 to the nearest
        ({**DETR, 'rounding': 'torchvision'}, (1920, 1080), (1333, 749)),  # ... and down
        ({**DETR, 'resize_multiple': 16}, (1920, 1080), (1328, 736)),  # YOLOS
        ({'shortest_edge': 100, 'resize_multiple': 32, 'resize_up': True}, (96, 50), (192, 128)),
        ({'shortest_edge': 64, 'resize_multiple': 100}, (64, 64), (100, 100)),  # the least
    ],
)
def test_the_shorter_side_gets_its_length(
    encode: dict[str, Any], source_wh: tuple[int, int], resized_wh: tuple[int, int]
) -> None:
    assert shortest_edge_wh(wanted(**encode), source_wh) == resized_wh


@pytest.mark.parametrize(
    ('to_wh', 'source_wh', 'resized_wh'),
    [
        ((518, 518), (640, 480), (686, 518)),  # 8 % larger rather than 19 % smaller
        ((518, 518), (480, 640), (518, 686)),
        ((518, 518), (1920, 1080), (924, 518)),  # of two that are smaller the larger one
        ((518, 518), (100, 200), (252, 518)),  # of two that are larger the smaller one
        ((700, 392), (640, 480), (700, 532)),  # the width, though the height gets another one
        ((518, 518), (10, 1000), (14, 518)),  # no side vanishes
        ((518, 518), (518, 518), (518, 518)),
    ],
)
def test_a_picture_is_scaled_as_little_as_one_side_allows(
    to_wh: tuple[int, int], source_wh: tuple[int, int], resized_wh: tuple[int, int]
) -> None:
    choice = wanted(resize='one_side', to_width=to_wh[0], to_height=to_wh[1], resize_multiple=14)
    box = placed(choice, source_wh, None)
    assert (box.resized_wh, box.target_wh, box.offset_xy) == (resized_wh, resized_wh, (0, 0))
    assert placed(choice, source_wh, (280, 140)).resized_wh == (280, 140)


@pytest.mark.parametrize(
    ('encode', 'source_wh', 'target_wh', 'offset_xy'),
    [
        ({'resize': 'none'}, (33, 21), (33, 21), (0, 0)),  # as it came
        ({'resize': 'none', 'pad_multiple': 32}, (33, 64), (64, 64), (0, 0)),
        ({'resize': 'none', 'resize_multiple': 32}, (33, 64), (32, 64), (0, 0)),
        ({'resize': 'shortest_edge', 'shortest_edge': 100}, (300, 200), (150, 100), (0, 0)),
        ({'longest_edge': 640, 'pad_multiple': 32}, (1920, 1080), (640, 384), (0, 12)),
        ({'longest_edge': 640, 'pad_multiple': 32}, (640, 480), (640, 480), (0, 0)),
        (
            {'resize': 'letterbox_topleft', 'longest_edge': 640, 'pad_multiple': 32},
            (1080, 1920),
            (384, 640),
            (0, 0),
        ),
    ],
)
def test_a_free_size_follows_from_the_picture(
    encode: dict[str, Any],
    source_wh: tuple[int, int],
    target_wh: tuple[int, int],
    offset_xy: tuple[int, int],
) -> None:
    box = placed(wanted(**encode), source_wh, None)
    assert (box.target_wh, box.offset_xy) == (target_wh, offset_xy)


@given(SIZES, st.integers(1, 64), st.integers(1, 64), st.sampled_from(('none', 'letterbox')))
@settings(max_examples=100, deadline=None)
def test_padding_is_less_than_a_multiple_and_bounded_in_all(
    source_wh: tuple[int, int], down: int, up: int, resize: str
) -> None:
    choice = wanted(
        resize=resize, longest_edge=500, resize_multiple=down, pad_multiple=up, max_pixels=2**24
    )
    box = placed(choice, source_wh, None)
    for target, resized, offset in zip(box.target_wh, box.resized_wh, box.offset_xy, strict=True):
        assert target % up == 0 and resized % down == 0
        assert 0 <= target - resized < up and 0 <= offset <= target - resized


@pytest.mark.parametrize(
    ('rounding', 'offset_xy'), [('torchvision', (-2, -6)), ('transformers', (-1, -5))]
)
def test_an_odd_rest_is_cut_as_the_library_does(rounding: str, offset_xy: tuple[int, int]) -> None:
    # Of 3 pixels 2 are cut on the left, of 11 there are 6 above: an even number.
    choice = wanted(resize='stretch_crop', crop_ratio=0.5, rounding=rounding)
    box = placed(choice, (100, 100), (3, 11))
    assert box.resized_wh == (6, 22)
    assert box.offset_xy == offset_xy


@pytest.mark.parametrize('side', [224, 236, 251])
@pytest.mark.parametrize('larger', [256, 301, 320, 331])
def test_a_ratio_of_two_sizes_gives_the_larger_one(side: int, larger: int) -> None:
    choice = wanted(resize='crop', crop_ratio=side / larger)
    assert placed(choice, (1000, 1000), (side, side)).resized_wh == (larger, larger)


def test_a_crop_of_what_is_too_small_is_in_the_middle() -> None:
    box = placed(wanted(resize='crop', shortest_edge=20), (40, 20), (30, 25))
    assert (box.resized_wh, box.offset_xy) == ((40, 20), (-5, 2))


def test_what_does_not_fit_into_a_fixed_input_is_refused() -> None:
    choice = wanted(resize='shortest_edge', shortest_edge=100)
    assert placed(choice, (100, 100), (120, 100)).offset_xy == (0, 0)
    with pytest.raises(FrameError, match=r'got 121 x 100 px after resizing.*longest_edge'):
        placed(choice, (121, 100), (120, 100))


def test_a_picture_that_needs_too_much_memory_is_refused() -> None:
    with pytest.raises(FrameError, match=r'80000 x 800 px.*at most 8388608 pixels'):
        placed(wanted(resize='shortest_edge', shortest_edge=800), (1000, 10), None)


@pytest.mark.parametrize('resize', ['crop', 'shortest_edge'])
def test_a_narrow_picture_is_not_blown_up_for_a_fixed_input(resize: str) -> None:
    choice = wanted(resize=resize, shortest_edge=256)
    with pytest.raises(FrameError, match='1024000 x 256 px'):
        placed(choice, (4000, 1), (2**20 if resize == 'shortest_edge' else 224, 256))


def test_a_typical_picture_stands_for_those_to_come() -> None:
    assert typical_wh(wanted(**DETR)) == (1066, 800)
    assert typical_wh(wanted(resize='none', max_pixels=1)) == (640, 480)


def test_a_missing_size_is_asked_for() -> None:
    fixed, free = (TensorSpec('x', 'float32', (1, 3, *wh)) for wh in ((8, 8), (None, None)))
    with pytest.raises(SettingError, match=r'encode\.shortest_edge'):
        check_placement(wanted(resize='shortest_edge'), fixed, 'm@1')
    with pytest.raises(ModelMismatchError, match=r'encode\.resize: stretch_crop'):
        check_placement(wanted(resize='stretch_crop'), free, 'm@1')
    with pytest.raises(SettingError, match=r'encode\.to_height'):
        check_placement(wanted(resize='one_side', to_width=518), free, 'm@1')
    check_placement(wanted(resize='one_side'), fixed, 'm@1')
    for resize in ('letterbox', 'letterbox_topleft'):
        check_placement(wanted(resize=resize), fixed, 'm@1')
        check_placement(wanted(resize=resize, longest_edge=640), free, 'm@1')


def test_boxes_come_back_through_every_way_of_resizing() -> None:
    boxes = np.array([[10, 20, 110, 60]], np.float32)
    for encode in (
        DETR, {'resize': 'none', 'pad_multiple': 32}, {'longest_edge': 320},
        {'resize': 'one_side', 'to_width': 400, 'to_height': 400, 'resize_multiple': 14},
    ):  # fmt: skip
        box = placed(wanted(**encode), (640, 360), None)
        np.testing.assert_allclose(box.to_source(box.to_target(boxes)), boxes, atol=1e-3)
