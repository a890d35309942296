"""A detector of slender shapes that gives upright boxes, turned boxes and masks."""

from __future__ import annotations

# mypy: disable-error-code="import-not-found,misc"
# ... because torch is not there where the types are checked.
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dev.training.network import (
    Trunk,
    cell_centers,
    cell_head,
    cells_boxes,
    convolution,
)
from dev.training.slender.release import INPUT_WH, PREPROCESS, PROTOTYPES, WIDTH
from dev.training.slender.scenes import LABELS

_BOX, _CLASSES, _TURNED = 4, len(LABELS), 6


class Guesses(NamedTuple):
    """What the network says of N cells of each of B pictures.

    Attributes:
        boxes: (B, N, 4) upright boxes cx, cy, w, h [px].
        objectness: (B, N) logits.
        classes: (B, N, C) logits.
        turned: (B, N, 4) turned boxes, center, length and width [px].
        direction: (B, N, 2) cosine and sine of twice the angle, times any length: an angle and
            its opposite mean the same box.
        weights: (B, N, M) of the prototypes.
        prototypes: (B, M, H / 4, W / 4).
    """

    boxes: Tensor
    objectness: Tensor
    classes: Tensor
    turned: Tensor
    direction: Tensor
    weights: Tensor
    prototypes: Tensor


class SlenderNet(nn.Module):
    """Pictures in, guesses out."""

    cells: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(WIDTH)
        channels = self.trunk.channels
        self.head = cell_head(channels, _BOX + 1 + _CLASSES + _TURNED + PROTOTYPES)
        self.fine_to_mask = nn.Conv2d(channels, 2 * WIDTH, 1)
        self.to_prototypes = nn.Sequential(
            convolution(2 * WIDTH, 2 * WIDTH, 1), nn.Conv2d(2 * WIDTH, PROTOTYPES, 1)
        )
        self.register_buffer('cells', cell_centers(INPUT_WH), persistent=False)

    def forward(self, images: Tensor) -> Guesses:
        """Looks at images (B, 3, H, W) float32."""
        quarter, fine = self.trunk(images * (PREPROCESS.scale / 255.0) - 0.5)
        numbers = self.head(fine).flatten(2).transpose(1, 2)
        box, objectness, classes, turned, weights = numbers.split(
            (_BOX, 1, _CLASSES, _TURNED, PROTOTYPES), dim=-1
        )
        spread = functional.interpolate(self.fine_to_mask(fine), scale_factor=2.0)
        return Guesses(
            cells_boxes(self.cells, box),
            objectness[..., 0],
            classes,
            cells_boxes(self.cells, turned[..., :4]),
            turned[..., 4:],
            weights,
            self.to_prototypes(quarter + spread),
        )


class TurnedOutput(nn.Module):
    """The network with its output as `[1, 4 + C + 1, N]`: turned box, class scores, angle."""

    names = ('detections',)

    def __init__(self, network: SlenderNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, 4 + C + 1, N)."""
        guesses = self.network(images)
        cosine, sine = guesses.direction.unbind(dim=-1)
        angle = torch.atan2(sine, cosine)[..., None] / 2
        return torch.cat((guesses.turned, _scores(guesses), angle), dim=-1).transpose(1, 2)


class MasksOutput(nn.Module):
    """The network with its outputs as `[1, 4 + C + M, N]` and prototypes `[1, M, H/4, W/4]`."""

    names = ('detections', 'prototypes')

    def __init__(self, network: SlenderNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) to (B, 4 + C + M, N) and (B, M, H/4, W/4)."""
        guesses = self.network(images)
        rows = torch.cat((guesses.boxes, _scores(guesses), guesses.weights), dim=-1)
        return rows.transpose(1, 2), guesses.prototypes


class KindsOutput(nn.Module):
    """The network with its output as `[1, C]`: how sure it is that a picture has such a shape."""

    names = ('kinds',)

    def __init__(self, network: SlenderNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, C)."""
        scores: Tensor = _scores(self.network(images)).amax(dim=1)
        return scores


def _scores(guesses: Guesses) -> Tensor:
    return guesses.objectness.sigmoid()[..., None] * guesses.classes.softmax(-1)
