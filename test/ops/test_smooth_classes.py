"""Classes between cells: against the scores of each pixel, by coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.ops.letterbox import Letterbox, place
from ml_integration.ops.smooth_classes import Scratch, smooth_best

WAYS = ('letterbox', 'letterbox_topleft', 'stretch', 'crop')
OUTSIDE = 99


def cells_of(box: Letterbox, cells: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the pixels between the centers of cells on an axis, and which are visible."""
    places = np.arange(box.source_wh[axis]) + 0.5
    places = places * box.scale_xy[axis] + box.offset_xy[axis]
    visible = (places >= 0) & (places < box.target_wh[axis])
    each = box.target_wh[axis] / cells
    edges = box.offset_xy[axis] + np.array([0, box.source_wh[axis] * box.scale_xy[axis]])
    low, high = np.clip(edges, 0, box.target_wh[axis]) / each
    first, last = np.floor(low + 1e-6), np.ceil(high - 1e-6) - 1
    return np.clip(places / each - 0.5, first, max(first, last)), visible


def between(scores: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    low = np.minimum(np.floor(places).astype(int), scores.shape[axis] - 1)
    high = np.minimum(low + 1, scores.shape[axis] - 1)
    share = (places - low).reshape([-1 if n == axis else 1 for n in range(3)])
    return np.asarray(scores.take(low, axis) * (1 - share) + scores.take(high, axis) * share)


@pytest.mark.parametrize('cells', [(24, 16), (13, 9), (5, 3), (96, 64)])
@pytest.mark.parametrize('source', [(192, 128), (83, 54), (54, 83), (400, 61), (9, 1), (1, 1)])
@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('busy', [False, True])
def test_each_pixel_has_the_class_of_the_highest_score_between_its_cells(
    way: str, source: tuple[int, int], cells: tuple[int, int], busy: bool
) -> None:
    dice = np.random.default_rng(5)
    scores = dice.normal(size=(6, cells[1], cells[0])).astype(np.float32)
    if not busy:  # two classes have a place, the others none
        scores[0] += 4
        scores[2, : cells[1] // 3 + 1, cells[0] // 2 :] += 9
    box = place(way, source, (96, 64), 0.8)
    found = smooth_best(scores, box, np.uint8, OUTSIDE, Scratch())
    assert found.shape == source[::-1]
    (across, wide), (down, high) = (cells_of(box, cells[axis], axis) for axis in (0, 1))
    wanted = between(between(scores.astype(np.float64), down, 1), across, 2)
    seen = high[:, None] & wide
    assert (found[~seen] == OUTSIDE).all()
    chosen = np.take_along_axis(wanted, np.where(seen, found, 0)[None].astype(int), 0)[0]
    np.testing.assert_allclose(chosen[seen], wanted.max(axis=0)[seen], atol=1e-4)


def test_the_first_of_equal_scores_counts_whatever_its_number_needs() -> None:
    scores = np.zeros((300, 4, 4), np.float32)
    scores[[7, 280, 299], :, :2] = 1
    box = place('stretch', (16, 16), (4, 4))
    found = smooth_best(scores, box, np.uint16, 0, Scratch())
    assert (found[:, :7] == 7).all() and (found[:, 9:] != 299).all()


def test_buffers_that_are_used_again_change_no_result() -> None:
    scratch, dice = Scratch(), np.random.default_rng(7)
    boxes = [place('letterbox', wh, (96, 64)) for wh in ((200, 100), (83, 54), (300, 200))]
    pictures = [dice.normal(size=(4, 16, 24)).astype(np.float32) for _ in boxes]
    found = [
        smooth_best(scores, box, np.uint8, 0, scratch)
        for scores, box in zip(pictures, boxes, strict=True)
    ]
    for scores, box, classes in zip(pictures, boxes, found, strict=True):
        alone = smooth_best(scores, box, np.uint8, 0, Scratch())
        np.testing.assert_array_equal(classes, alone)
