"""Boxes and names land where they should."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.ops.drawing import class_color, draw_box, draw_text, line_width


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


def test_classes_have_colors_of_their_own_that_stay() -> None:
    colors = [class_color(class_id) for class_id in range(80)]
    assert len(set(colors)) == 80
    assert colors == [class_color(class_id) for class_id in range(80)]


def test_lines_grow_with_the_picture() -> None:
    widths = [line_width(np.zeros((size, size, 3), np.uint8)) for size in (64, 1080, 4000)]
    assert widths == [1, 3, 10]
