"""What training learns from: pictures with their boxes, and the loss (only where torch is)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dev.training.releases import FIRST_TRAINING_SEED, HELD_OUT_SEEDS, RELEASES
from dev.training.samples import PADDING, UNCOUNTED, Samples, batches, make_samples

CELLS = [[4.0, 4.0], [12.0, 4.0], [20.0, 4.0], [28.0, 4.0]]
BOX = [4.0, 0.0, 20.0, 8.0]  # its center is that of the second cell


def silent(done: int, total: int) -> None:
    """No progress."""


@pytest.mark.parametrize('version', sorted(RELEASES))
def test_pictures_come_as_the_release_takes_them_with_boxes_inside(version: int) -> None:
    release = replace(RELEASES[version], scenes=4)
    samples = make_samples(release, silent)
    width, height = release.input_wh
    assert samples.images.shape == (12, 3, height, width)
    there = samples.class_ids != PADDING
    boxes = samples.boxes[there]
    assert (boxes >= 0).all() and (boxes <= (width, height, width, height)).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert {*samples.class_ids[there]} <= {UNCOUNTED, *range(len(release.labels))}


@pytest.mark.parametrize('version', sorted(RELEASES))
def test_no_training_scene_is_held_out(version: int) -> None:
    seeds = range(FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + RELEASES[version].scenes)
    assert not {*seeds} & {*HELD_OUT_SEEDS}


def test_boxes_are_mirrored_with_their_pictures() -> None:
    images = np.zeros((1, 3, 40, 60), np.uint8)
    images[:, :, 5:15, 10:40] = 200
    samples = Samples(images, np.array([[[10, 5, 40, 15]]], np.float32), np.array([[0]]))
    random, places = np.random.default_rng(3), set()
    for _ in range(20):
        (batch,) = batches(samples, 1, random)
        rows, columns = np.nonzero(batch.images[0, 0] > 100)
        drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert tuple(batch.boxes[0, 0]) == drawn
        places.add(drawn)
    assert len(places) == 4


def loss_and_slopes(
    box: list[float], objectness: list[float], class_id: int
) -> tuple[float, list[float]]:
    """Loss of a guess that is `box` in all cells, and its slope by each cell's objectness."""
    torch = pytest.importorskip('torch', exc_type=ImportError)
    from dev.training.loss import detection_loss

    x0, y0, x1, y1 = box
    guess = torch.tensor([[[(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]] * 4])
    logits = torch.tensor([objectness], requires_grad=True)
    classes = torch.tensor([[[5.0, -5.0]] * 4])
    truth = (torch.tensor([[BOX]]), torch.tensor([[class_id]]))
    loss = detection_loss((guess, logits, classes), torch.tensor(CELLS), *truth)
    loss.backward()
    return float(loss.detach()), logits.grad[0].tolist()


RIGHT = [-9.0, 9.0, -9.0, -9.0]


@pytest.mark.parametrize(
    ('box', 'objectness', 'class_id'),
    [
        ([8.0, 0.0, 24.0, 8.0], RIGHT, 0),  # the box is off
        (BOX, [-9.0, -9.0, -9.0, -9.0], 0),  # missed
        (BOX, [-9.0, 9.0, -9.0, 9.0], 0),  # something seen where nothing is
        (BOX, RIGHT, 1),  # the wrong class
    ],
)
def test_any_mistake_costs_more_than_the_right_answer(
    box: list[float], objectness: list[float], class_id: int
) -> None:
    right, _ = loss_and_slopes(BOX, RIGHT, 0)
    assert right < 0.01 < loss_and_slopes(box, objectness, class_id)[0]


def test_a_hidden_shape_is_learned_neither_as_there_nor_as_background() -> None:
    _, slopes = loss_and_slopes(BOX, [0.0, 0.0, 0.0, 0.0], UNCOUNTED)
    assert slopes[1] == 0 and slopes[3] > 0
