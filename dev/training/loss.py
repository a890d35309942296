"""Loss: how wrong the guesses of a batch are."""

from __future__ import annotations

from dataclasses import dataclass

# mypy: disable-error-code="import-not-found"
import torch
from torch import Tensor
from torch.nn import functional

from dev.training.network import STRIDE
from dev.training.samples import UNCOUNTED


@dataclass(frozen=True)
class Assignment:
    """Cells that have to find a shape, each its own.

    Attributes:
        positive: (B, N) bool, these cells.
        ignored: (B, N) bool, cells of which nothing is asked.
        batch: (P,) picture of each positive cell.
        owner: (P,) shape of each positive cell, its row in the picture.
    """

    positive: Tensor
    ignored: Tensor
    batch: Tensor
    owner: Tensor


def assign(cells: Tensor, boxes: Tensor, class_ids: Tensor) -> Assignment:
    """Decides which cells have to find which shape; of two at a place the one in front.

    Args:
        cells: (N, 2) centers of the cells [px].
        boxes: (B, G, 4) true boxes, xyxy [px], from back to front.
        class_ids: (B, G) int64, `PADDING` or `UNCOUNTED` where there is none to learn.
    """
    near = _near(cells, boxes)
    counted = near & (class_ids >= 0)[:, None]
    # The last one is the one in front.
    order = torch.arange(1, boxes.shape[1] + 1)
    front, owner = (counted * order).max(dim=-1)
    positive = front > 0
    ignored = (near & (class_ids == UNCOUNTED)[:, None]).any(dim=-1) & ~positive
    batch = torch.arange(len(boxes))[:, None].expand_as(owner)[positive]
    return Assignment(positive, ignored, batch, owner[positive])


def detection_loss(
    guesses: tuple[Tensor, Tensor, Tensor], cells: Tensor, boxes: Tensor, class_ids: Tensor
) -> Tensor:
    """One number to make small.

    Cells near a shape's center have to give its box and class, and as objectness how well their
    box overlaps the true one (as in generalized focal loss); all other cells 0.

    Args:
        guesses: of the network: boxes (B, N, 4) cxcywh [px], logits (B, N) and (B, N, C).
        cells: (N, 2) centers of the cells [px].
        boxes: (B, G, 4) true boxes, xyxy [px], from back to front.
        class_ids: (B, G) int64, `PADDING` or `UNCOUNTED` where there is none to learn.
    """
    return loss_of(guesses, assign(cells, boxes, class_ids), boxes, class_ids)


def loss_of(
    guesses: tuple[Tensor, Tensor, Tensor],
    assigned: Assignment,
    boxes: Tensor,
    class_ids: Tensor,
) -> Tensor:
    """The detection loss where it is known which cell has to find what."""
    guessed, objectness, logits = guesses
    positive, batch, owner = assigned.positive, assigned.batch, assigned.owner
    overlap, gap = _overlap(_corners(guessed[positive]), boxes[batch, owner])
    quality = torch.zeros_like(objectness)
    quality[positive] = overlap.detach()
    surprise = functional.binary_cross_entropy_with_logits(objectness, quality, reduction='none')
    focus = (quality - objectness.sigmoid()).square() * ~assigned.ignored
    classes = functional.cross_entropy(logits[positive], class_ids[batch, owner], reduction='sum')
    count = positive.sum().clamp(min=1)
    return (4 * (focus * surprise).sum() + 2 * (1 - overlap + gap).sum() + classes) / count


def _near(cells: Tensor, boxes: Tensor) -> Tensor:
    """Marks the cells (B, N, G) in the middle of a box; at least one of any box."""
    centers = (boxes[..., :2] + boxes[..., 2:]) / 2
    short_side = (boxes[..., 2:] - boxes[..., :2]).amin(dim=-1)
    reach = (0.3 * short_side).clamp(0.6 * STRIDE, 1.6 * STRIDE)
    distance = (cells[:, None] - centers[:, None]).abs().amax(dim=-1)
    return distance <= reach[:, None]


def _corners(cxcywh: Tensor) -> Tensor:
    half = cxcywh[..., 2:] / 2
    return torch.cat((cxcywh[..., :2] - half, cxcywh[..., :2] + half), dim=-1)


def _overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and the share of the common hull that is in neither (GIoU)."""
    sides = torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])
    shared = sides.clamp(min=0).prod(dim=-1)
    areas = (first[:, 2:] - first[:, :2]).prod(dim=-1) + (second[:, 2:] - second[:, :2]).prod(-1)
    union = areas - shared
    hull = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    hull_area = hull.prod(dim=-1)
    return shared / union, (hull_area - union) / hull_area
