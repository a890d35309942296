"""A small network that estimates how far away each place of a picture is."""

from __future__ import annotations

# mypy: disable-error-code="import-not-found,misc"
# ... because torch is not there where the types are checked.
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from dev.training.network import STRIDE, Block, Trunk, convolution

INPUT_WH = (192, 144)
OUTPUT_WH = (96, 72)
WIDTH = 12
"""Channels of the first layer; 4 and 6 times as many inside."""
_USUAL_M = 3.5
"""Depth that is given where nothing was learned [m]."""


class DepthNet(nn.Module):
    """Pictures in, depth of each 2 x 2 pixels out."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(WIDTH)
        channels = self.trunk.channels
        columns, rows = (size // STRIDE for size in INPUT_WH)
        # With a camera that never moves the place in the picture tells a lot.
        self.place = nn.Parameter(torch.zeros(1, channels, rows, columns))
        self.mix = nn.Sequential(Block(channels), nn.Conv2d(channels, 2 * WIDTH, 1))
        self.sharpen = nn.Sequential(
            Block(2 * WIDTH), convolution(2 * WIDTH, 2 * WIDTH, 1), nn.Conv2d(2 * WIDTH, 4, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) float32, 0..1, to (B, 1, H / 2, W / 2) depth [m]."""
        quarter, fine = self.trunk(images - 0.5)
        spread = functional.interpolate(self.mix(fine + self.place), scale_factor=2.0)
        numbers = functional.pixel_shuffle(self.sharpen(quarter + spread), 2)
        depth: Tensor = (numbers + math.log(_USUAL_M)).clamp(-3, 4).exp()
        return depth
