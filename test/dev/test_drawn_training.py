"""Losses of slender shapes and rooms: any mistake costs more (only where torch is)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dev.training.slender.release import INPUT_WH, PROTOTYPES
from dev.training.slender.samples import MASK_STRIDE, MOST_SHAPES, SlenderSamples
from dev.training.slender.scenes import LABELS

torch = pytest.importorskip('torch', exc_type=ImportError)

from dev.training.loss import assign  # noqa: E402
from dev.training.rooms.network import INPUT_WH as ROOM_WH  # noqa: E402
from dev.training.rooms.network import OUTPUT_WH, DepthNet  # noqa: E402
from dev.training.rooms.train import depth_loss  # noqa: E402
from dev.training.slender.loss import slender_loss  # noqa: E402
from dev.training.slender.network import (  # noqa: E402
    Guesses,
    KindsOutput,
    MasksOutput,
    SlenderNet,
    TurnedOutput,
)

ANGLE = 0.7
WIDTH, HEIGHT = INPUT_WH


def one_shape() -> SlenderSamples:
    boxes = np.zeros((1, MOST_SHAPES, 4), np.float32)
    turned = np.ones((1, MOST_SHAPES, 5), np.float32)
    class_ids = np.full((1, MOST_SHAPES), -1)
    owners = np.zeros((1, HEIGHT // MASK_STRIDE, WIDTH // MASK_STRIDE), np.uint8)
    boxes[0, 0], turned[0, 0] = (40, 40, 104, 88), (72, 64, 70, 30, ANGLE)
    class_ids[0, 0], owners[0, 12:20, 13:23] = 2, 1
    images = np.zeros((1, 3, HEIGHT, WIDTH), np.uint8)
    return SlenderSamples(images, boxes, turned, class_ids, owners)


def right(cells: Any, batch: SlenderSamples) -> Guesses:
    boxes, class_ids = torch.from_numpy(batch.boxes), torch.from_numpy(batch.class_ids)
    positive = assign(cells, boxes, class_ids).positive
    count = len(cells)
    direction = torch.tensor([np.cos(2 * ANGLE), np.sin(2 * ANGLE)], dtype=torch.float32)
    owners = torch.from_numpy(batch.owners)
    prototypes = torch.zeros(1, PROTOTYPES, *owners.shape[1:])
    prototypes[:, 0] = torch.where(owners == 1, 12.0, -12.0)
    weights = torch.zeros(1, count, PROTOTYPES)
    weights[..., 0] = 1
    return Guesses(
        torch.tensor([72.0, 64, 64, 48]).expand(1, count, 4),
        torch.where(positive, 9.0, -9.0),
        torch.tensor([-9.0, -9, 9, -9]).expand(1, count, len(LABELS)),
        torch.tensor([72.0, 64, 70, 30]).expand(1, count, 4),
        direction.expand(1, count, 2),
        weights,
        prototypes,
    )


@pytest.mark.parametrize(
    'spoiled',
    [
        lambda g: g._replace(boxes=g.boxes + 10),
        lambda g: g._replace(objectness=-g.objectness),
        lambda g: g._replace(classes=-g.classes),
        lambda g: g._replace(turned=g.turned * torch.tensor([1, 1, 2, 1])),
        lambda g: g._replace(turned=g.turned + torch.tensor([16, 0, 0, 0])),
        lambda g: g._replace(direction=-g.direction),  # across instead of along
        lambda g: g._replace(prototypes=-g.prototypes),
    ],
    ids=['box', 'objectness', 'class', 'length', 'center', 'angle', 'mask'],
)
def test_any_mistake_about_a_slender_shape_costs_more(
    spoiled: Callable[[Guesses], Guesses],
) -> None:
    cells, batch = SlenderNet().cells, one_shape()
    guesses = right(cells, batch)
    best = float(slender_loss(guesses, cells, batch))
    assert best < 0.05 < float(slender_loss(spoiled(guesses), cells, batch))


def test_an_angle_and_its_opposite_are_the_same_box() -> None:
    cells, batch = SlenderNet().cells, one_shape()
    before = float(slender_loss(right(cells, batch), cells, batch))
    batch.turned[..., 4] += np.pi
    assert float(slender_loss(right(cells, batch), cells, batch)) == pytest.approx(before)


def test_networks_give_what_their_packages_say() -> None:
    network, images = SlenderNet().eval(), torch.zeros(1, 3, HEIGHT, WIDTH)
    cells = len(network.cells)
    assert TurnedOutput(network)(images).shape == (1, 4 + len(LABELS) + 1, cells)
    rows, prototypes = MasksOutput(network)(images)
    assert rows.shape == (1, 4 + len(LABELS) + PROTOTYPES, cells)
    assert prototypes.shape == (1, PROTOTYPES, HEIGHT // MASK_STRIDE, WIDTH // MASK_STRIDE)
    assert KindsOutput(network)(images).shape == (1, len(LABELS))
    depth = DepthNet().eval()(torch.zeros(1, 3, *ROOM_WH[::-1]))
    assert depth.shape == (1, 1, *OUTPUT_WH[::-1]) and (depth > 0).all()


def test_a_wrong_depth_and_a_blurred_edge_cost_more() -> None:
    true = torch.ones(1, 1, 8, 8)
    true[..., 4:] = 3
    assert float(depth_loss(true, true)) == 0
    assert float(depth_loss(true * 1.5, true)) > 0.3
    blurred = true.clone()
    blurred[..., 3:5] = 2
    assert float(depth_loss(blurred, true)) > 0.2
