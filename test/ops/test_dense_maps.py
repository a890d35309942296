"""Maps of numbers on the picture: against one number after the other, by coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.ops.dense_maps import to_source
from ml_integration.ops.letterbox import Letterbox, place

WAYS = ('letterbox', 'letterbox_topleft', 'stretch', 'crop')


def cell_of(box: Letterbox, cells: int, pixel: int, axis: int) -> float | None:
    """Where the center of a pixel lies on an axis of a map; None if it does not."""
    place_px = (pixel + 0.5) * box.scale_xy[axis] + box.offset_xy[axis]
    inside = 0 <= place_px < box.target_wh[axis]
    return place_px * cells / box.target_wh[axis] if inside else None


@pytest.mark.parametrize('cells', [(96, 64), (24, 16), (5, 3)])
@pytest.mark.parametrize('source', [(96, 64), (41, 27), (27, 41), (200, 31), (1, 1)])
@pytest.mark.parametrize('way', WAYS)
def test_each_pixel_has_the_number_of_the_cell_that_its_center_lies_in(
    way: str, source: tuple[int, int], cells: tuple[int, int]
) -> None:
    box = place(way, source, (96, 64), 0.8)
    dense = np.arange(cells[0] * cells[1], dtype=np.int32).reshape(cells[::-1])
    found = to_source(dense, box, 'nearest', -1)
    assert found.shape == source[::-1]
    for y in range(source[1]):
        for x in range(source[0]):
            across, down = cell_of(box, cells[0], x, 0), cell_of(box, cells[1], y, 1)
            seen = across is not None and down is not None
            assert found[y, x] == (dense[int(down or 0), int(across or 0)] if seen else -1)


@pytest.mark.parametrize('source', [(96, 64), (41, 27), (27, 41), (201, 31)])
@pytest.mark.parametrize('way', WAYS)
def test_a_ramp_stays_where_it_was_whatever_the_padding(way: str, source: tuple[int, int]) -> None:
    """Padding that ends within a cell must not move the picture by the rest of the cell."""
    box = place(way, source, (96, 64), 0.8)
    ramp = np.broadcast_to(np.arange(12, dtype=np.float32) + 0.5, (8, 12)).copy()
    found = to_source(ramp, box, 'linear', np.nan)
    for x in range(source[0]):
        at = cell_of(box, 12, x, 0)
        if at is None:
            assert np.isnan(found[:, x]).all()
            continue
        low = box.offset_xy[0]
        high = low + box.resized_wh[0]
        column = np.clip(at, max(0, low // 8) + 0.5, min(12, -(-high // 8)) - 0.5)
        numbers = found[:, x][np.isfinite(found[:, x])]
        np.testing.assert_allclose(numbers, column, atol=1 / 32 + 1e-3)


@pytest.mark.parametrize('interpolation', ['nearest', 'linear', 'cubic'])
@pytest.mark.parametrize('source', [(8000, 8), (8, 8000), (4000, 1), (1, 1)])
@pytest.mark.parametrize('way', WAYS)
def test_a_picture_that_is_narrower_than_a_cell_has_a_map_too(
    way: str, source: tuple[int, int], interpolation: str
) -> None:
    dense = np.ones((16, 16), np.float32)
    found = to_source(dense, place(way, source, (512, 512)), interpolation, 1)
    assert found.shape == source[::-1]
    np.testing.assert_allclose(found, 1, rtol=1e-6)


def test_a_map_of_the_pictures_own_size_is_copied() -> None:
    dense = np.arange(12.0).reshape(3, 4)
    found = to_source(dense, place('none', (4, 3), (4, 3)), 'linear', 0)
    np.testing.assert_array_equal(found, dense)
    assert not np.may_share_memory(found, dense)


def test_what_lies_in_the_padding_does_not_reach_the_picture() -> None:
    box = place('letterbox', (64, 32), (64, 64))
    dense = np.full((16, 16), 1000, np.float32)
    dense[4:12] = 1
    for interpolation in ('nearest', 'linear', 'cubic'):
        np.testing.assert_allclose(to_source(dense, box, interpolation, np.nan), 1, rtol=1e-6)
