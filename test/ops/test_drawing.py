"""Boxes and names land where they should."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ml_integration.ops.drawing import (
    Name,
    class_color,
    draw_box,
    draw_list,
    draw_names,
    draw_outline,
    draw_text,
    line_width,
)
from ml_integration.ops.poses import draw_poses

SIZES = [(96, 128), (480, 640), (2160, 3840)]
COLORS = [(0, 0, 250), (0, 250, 0), (250, 0, 0), (250, 250, 0)]


def test_a_box_is_drawn_along_its_edges_and_leaves_its_inside() -> None:
    canvas = np.zeros((200, 300, 3), np.uint8)
    draw_box(canvas, np.array([50.2, 60.0, 150.0, 160.4], np.float32), 'cup 0.9', (1, 2, 3))
    for x, y in ((100, 160), (50, 110), (150, 110)):
        assert canvas[y, x].tolist() == [1, 2, 3]
    assert not canvas[100:150, 60:140].any()


@pytest.mark.parametrize('corner', [(-50, -50), (0, 0), (299, 0), (290, 199)])
def test_a_name_stays_readable_at_the_edge_of_the_picture(corner: tuple[int, int]) -> None:
    canvas = np.zeros((200, 300, 3), np.uint8)
    draw_text(canvas, 'person', corner, (250, 250, 250))
    rows, columns = np.nonzero(canvas[:, :, 0] == 250)
    assert np.ptp(columns) > 30 and np.ptp(rows) > 8


def field_of(canvas: np.ndarray, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero((canvas == color).all(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def share_of(canvas: np.ndarray, color: tuple[int, int, int]) -> float:
    """Share of the pixels of a field that have its color; the others are of the words."""
    left, top, right, bottom = field_of(canvas, color)
    return float((canvas[top:bottom, left:right] == color).all(axis=2).mean())


@pytest.mark.parametrize('size', SIZES)
def test_names_of_things_at_one_place_can_all_be_read(size: tuple[int, int]) -> None:
    height, width = size
    canvas = np.zeros((height, width, 3), np.uint8)
    ends = ((width // 3, height // 3), (width // 3, 3 * height // 4))
    draw_names(canvas, [Name('person', color, *ends) for color in COLORS[: 2 + (height > 96)]])
    fields = [field_of(canvas, color) for color in COLORS[: 2 + (height > 96)]]
    assert all(share_of(canvas, color) > 0.5 for color in COLORS[: len(fields)])
    assert len({right - left for left, _, right, _ in fields}) == 1
    for one, (_, top, _, bottom) in enumerate(fields):
        assert all(top >= b or bottom <= t for _, t, _, b in fields[one + 1 :])


def test_the_first_name_covers_the_others_where_there_is_no_room() -> None:
    canvas = np.zeros((14, 80, 3), np.uint8)
    draw_names(canvas, [Name('cup', color, (0, 0), (0, 9)) for color in COLORS])
    assert share_of(canvas, COLORS[0]) > 0.5
    assert not any((canvas == color).all(axis=2).any() for color in COLORS[1:])


@pytest.mark.parametrize('size', SIZES)
def test_lines_of_a_list_follow_one_another_without_gaps(size: tuple[int, int]) -> None:
    canvas = np.zeros((*size, 3), np.uint8)
    draw_list(canvas, [('golden', color) for color in COLORS])
    fields = [field_of(canvas, color) for color in COLORS]
    assert fields[0][:2] == (0, 0)
    assert all(below[1] == above[3] for above, below in itertools.pairwise(fields))


def test_lines_of_a_list_that_have_no_room_are_left_out() -> None:
    canvas = np.zeros((40, 60, 3), np.uint8)
    draw_list(canvas, [('cup', color) for color in COLORS])
    seen = [bool((canvas == color).all(axis=2).any()) for color in COLORS]
    assert seen[0] and not seen[-1] and seen == sorted(seen, reverse=True)
    draw_list(canvas[:5], [('cup', (9, 9, 9))])  # not even one has room
    assert (canvas[:5] == 9).all(axis=2).any()


def test_an_outline_goes_through_its_corners_and_tells_its_ends() -> None:
    canvas = np.zeros((100, 100, 3), np.uint8)
    corners = np.array([[20.2, 50], [50, 20], [79.6, 50], [50, 80]], np.float32)
    assert draw_outline(canvas, corners, (1, 2, 3)) == ((50, 20), (50, 80))
    assert all(canvas[y, x].any() for x, y in np.rint(corners).astype(int).tolist())
    assert not canvas[50, 50].any()
    upright = np.array([[20, 30], [60, 30], [60, 70], [20, 70]], np.float32)
    assert draw_outline(canvas, upright, (1, 2, 3)) == ((20, 30), (20, 70))


def spread(side: float, each: int) -> np.ndarray:
    """Points (1, each * each, 3) of one object, evenly in a square."""
    places = np.linspace(20, 20 + side, each)
    x, y = np.meshgrid(places, places)
    points = np.stack((x, y, np.ones_like(x)), axis=-1)
    return points.reshape(1, -1, 3).astype(np.float32)


@pytest.mark.parametrize(('side', 'each'), [(60, 22), (60, 4), (200, 4), (15, 4)])
def test_dots_leave_most_of_a_thing_visible(side: float, each: int) -> None:
    canvas = np.zeros((480, 640, 3), np.uint8)
    draw_poses(canvas, spread(side, each), (), 0.3)
    inside = canvas[20 : 20 + int(side), 20 : 20 + int(side)].any(axis=2)
    assert 0 < inside.mean() < 0.35


def test_the_points_of_a_mesh_have_one_color_and_few_points_each_their_own() -> None:
    few, many = np.zeros((2, 300, 300, 3), np.uint8)
    draw_poses(few, spread(200, 3), (), 0.3)
    draw_poses(many, spread(200, 10), (), 0.3)
    at = np.linspace(20, 220, 3).astype(int)
    assert len({tuple(few[y, x].tolist()) for y in at for x in at}) == 9
    at = np.linspace(20, 220, 10).round().astype(int)
    assert len({tuple(many[y, x].tolist()) for y in at for x in at}) == 1


def test_classes_have_colors_of_their_own_that_stay() -> None:
    colors = [class_color(class_id) for class_id in range(80)]
    assert len(set(colors)) == 80
    assert colors == [class_color(class_id) for class_id in range(80)]


def test_lines_grow_with_the_picture() -> None:
    widths = [line_width(np.zeros((size, size, 3), np.uint8)) for size in (64, 1080, 4000)]
    assert widths == [1, 3, 10]
