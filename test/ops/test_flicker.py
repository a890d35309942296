"""What is in one frame otherwise than in both of its neighbors."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.ops.flicker import (
    classes_flicker,
    depths_flicker,
    map_sample,
    maps_flicker,
    objects_flicker,
    scaled,
)


def boxes(*items: tuple[float, int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of 20 px at these places, of these classes."""
    xyxy = np.array([(x, 0, x + 20, 20) for x, _ in items], np.float32).reshape(-1, 4)
    return xyxy, np.array([kind for _, kind in items], np.int32)


@pytest.mark.parametrize(
    ('before', 'between', 'after', 'expected'),
    [
        ([(0, 0), (50, 0)], [(1, 0), (51, 0)], [(2, 0), (52, 0)], (0, 2)),
        ([(0, 0), (50, 0)], [(51, 0)], [(2, 0), (52, 0)], (1, 2)),  # vanishes
        ([(50, 0)], [(0, 0), (51, 0)], [(52, 0)], (1, 2)),  # is there once
        ([(0, 0)], [(1, 1)], [(2, 0)], (2, 2)),  # is another class once
        ([(0, 0)], [], [], (0, 0)),  # leaves
        ([], [(0, 0)], [(1, 0)], (0, 0)),  # comes
        ([], [], [], (0, 0)),
    ],
)
def test_objects_that_vanish_or_flash_are_counted(
    before: list, between: list, after: list, expected: tuple[int, int]
) -> None:
    assert objects_flicker(boxes(*before), boxes(*between), boxes(*after)) == expected


def test_classes_and_pixels_flip() -> None:
    first, other = np.array([1, 2, 3]), np.array([1, 5, 6])
    assert classes_flicker(first, other, first) == (2, 3)
    assert classes_flicker(first, other, other) == (0, 3)
    assert classes_flicker(first, first[:2], first) == (0, 0)
    still = map_sample(np.zeros((480, 640), np.uint8))
    assert still.size < 100 * 100
    assert maps_flicker(still, still + 1, still) == (still.size, still.size)
    assert maps_flicker(still, still + 1, still + 1)[0] == 0


def test_depths_flicker_by_their_ratio_whatever_their_scale() -> None:
    rng = np.random.default_rng(1)
    depth = rng.uniform(1, 10, (48, 64)).astype(np.float32)
    depth[0, :] = np.nan
    jump = depth.copy()
    jump[1:3] *= 2
    known = 47 * 64
    assert depths_flicker(depth, jump, depth * np.float32(1.1)) == (128, known)
    assert depths_flicker(depth, jump, jump) == (0, known)
    bigger = scaled(depth * 7)
    assert depths_flicker(scaled(depth), bigger, scaled(depth)) == (0, known)
