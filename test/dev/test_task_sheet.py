"""The contact sheet of the tasks shows what models say, and all of its tiles."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dev.site.task_sheet import SHEET, TILES, Tile, contact_sheet, last_picture, overlay, sheet_wh


@pytest.mark.parametrize('tile', TILES, ids=lambda tile: f'{tile.title} {tile.model}')
def test_a_tile_shows_its_picture_with_a_result_drawn_in(tile: Tile) -> None:
    if not tile.there:
        pytest.skip(f'{tile.model} or its picture is not fetched')
    drawn, bare = overlay(tile), last_picture(tile)
    assert drawn.shape == bare.shape
    changed = (drawn != bare).any(axis=2)
    assert changed.mean() > 0.002


def test_the_sheet_has_room_for_each_tile() -> None:
    shades = (0, 41, 82, 123, 165)
    pictures = [np.full((300, 400, 3), shade, np.uint8) for shade in shades]
    sheet = contact_sheet([TILES[0]] * 5, pictures)
    assert sheet.size == sheet_wh(5)
    large = {color for count, color in sheet.getcolors() or [] if count >= 300 * 400}
    assert large == {(255, 255, 255), *((shade,) * 3 for shade in shades)}


def test_the_committed_sheet_shows_as_many_tiles_as_there_are() -> None:
    with Image.open(SHEET) as sheet:
        assert sheet.size == sheet_wh(len(TILES))
