"""Loss: how wrong the guesses of a batch of slender shapes are."""

from __future__ import annotations

# mypy: disable-error-code="import-not-found"
import torch
from torch import Tensor
from torch.nn import functional

from dev.training.loss import Assignment, assign, loss_of
from dev.training.network import STRIDE
from dev.training.slender.network import Guesses
from dev.training.slender.samples import MASK_STRIDE, SlenderSamples

_MOST_MASKS = 128
"""Cells of a batch whose masks are compared; more take longer and teach little more."""


def slender_loss(guesses: Guesses, cells: Tensor, batch: SlenderSamples) -> Tensor:
    """One number to make small: that of upright boxes and classes, turned boxes and masks."""
    boxes, class_ids = torch.from_numpy(batch.boxes), torch.from_numpy(batch.class_ids)
    assigned = assign(cells, boxes, class_ids)
    loss = loss_of(
        (guesses.boxes, guesses.objectness, guesses.classes), assigned, boxes, class_ids
    )
    return loss + _turned(guesses, assigned, batch) + 2 * _masks(guesses, assigned, batch)


def _turned(guesses: Guesses, assigned: Assignment, batch: SlenderSamples) -> Tensor:
    """Centers are compared in cells, sizes by their ratio, directions on the unit circle."""
    wanted = torch.from_numpy(batch.turned)[assigned.batch, assigned.owner]
    guessed = guesses.turned[assigned.positive]
    centers = (guessed[:, :2] - wanted[:, :2]) / STRIDE
    sizes = (guessed[:, 2:] / wanted[:, 2:4]).log()
    angle = 2 * wanted[:, 4]
    direction = torch.stack((angle.cos(), angle.sin()), dim=-1)
    away = guesses.direction[assigned.positive] - direction
    errors = torch.cat((centers, 2 * sizes, away), dim=-1)
    loss = functional.smooth_l1_loss(errors, torch.zeros_like(errors), reduction='sum', beta=0.5)
    return loss / max(len(wanted), 1)


def _masks(guesses: Guesses, assigned: Assignment, batch: SlenderSamples) -> Tensor:
    """Pixels inside of a shape's upright box are compared; each shape weighs the same."""
    chosen = torch.randperm(len(assigned.batch))[:_MOST_MASKS]
    pictures, owners = assigned.batch[chosen], assigned.owner[chosen]
    weights = guesses.weights[assigned.positive][chosen]
    masks = torch.einsum('pm,pmhw->phw', weights, guesses.prototypes[pictures])
    belongs = torch.from_numpy(batch.owners)[pictures] == (owners + 1)[:, None, None]
    inside = _inside(torch.from_numpy(batch.boxes)[pictures, owners] / MASK_STRIDE, belongs)
    surprise = functional.binary_cross_entropy_with_logits(
        masks, belongs.float(), reduction='none'
    )
    each = (surprise * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1)
    return each.sum() / max(len(each), 1)


def _inside(boxes: Tensor, like: Tensor) -> Tensor:
    """Marks the places (P, h, w) whose centers lie in boxes (P, 4) or just beside them."""
    rows, columns = (torch.arange(size) + 0.5 for size in like.shape[1:])
    left, top, right, bottom = (edge[:, None] for edge in boxes.unbind(dim=1))
    across = (columns >= left - 1) & (columns <= right + 1)
    down = (rows >= top - 1) & (rows <= bottom + 1)
    return across[:, None] & down[:, :, None]
