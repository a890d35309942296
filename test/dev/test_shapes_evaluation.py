"""How accuracy is counted."""

from __future__ import annotations

import numpy as np
import pytest

from dev.training.evaluation import _match, average_precision, image_message
from ml_integration.sensors.image import Image


@pytest.mark.parametrize(
    ('correct', 'positives', 'expected'),
    [
        ([1, 1], 2, 1.0),  # all found, nothing else
        ([1], 2, 0.5),  # half of them found
        ([1, 0], 1, 1.0),  # a wrong one below all right ones costs nothing
        ([0, 1], 1, 0.5),  # a wrong one on top does
        ([0, 1, 1], 2, 2 / 3),  # a higher recall's better precision counts for the lower too
        ([0, 0], 3, 0.0),  # nothing right
        ([], 3, 0.0),  # nothing at all
    ],
)
def test_average_precision_is_the_area_under_the_curve(
    correct: list[int], positives: int, expected: float
) -> None:
    assert average_precision(np.array(correct, bool), positives) == pytest.approx(expected)


@pytest.mark.parametrize(
    ('overlaps', 'counted', 'hits'),
    [
        ([[0.9]], [True], [True]),  # right
        ([[0.4]], [True], [False]),  # too far off
        ([[0.9], [0.8]], [True], [True, False]),  # the second box on one shape is wrong
        ([[0.9], [0.8]], [False], [None, None]),  # a hidden shape: neither right nor wrong
        ([[0.9, 0.6]], [False, True], [True]),  # a shape that counts goes first
        ([[0.6, 0.7], [0.0, 0.9]], [True, True], [True, False]),  # each takes its best shape
        ([[]], [], [False]),  # nothing there
    ],
)
def test_each_shape_is_found_once(
    overlaps: list[list[float]], counted: list[bool], hits: list[bool | None]
) -> None:
    assert _match(np.array(overlaps), np.array(counted, bool)) == hits


def test_the_message_holds_the_picture() -> None:
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    frame = Image(('rgb8',)).decode(image_message(picture), 0)
    np.testing.assert_array_equal(frame.data, picture)
