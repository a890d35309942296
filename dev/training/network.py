"""A small one-stage detector without anchors: one guess per cell of 8 x 8 pixels."""

from __future__ import annotations

# mypy: disable-error-code="import-not-found,misc"
# ... because torch is not there where the types are checked.
import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
_UNIT = 32.0
"""Size of a box whose size numbers are 0 [px]."""
_MAX_LOG_SIZE = 3.0


class Trunk(nn.Module):
    """Turns pictures into features, each of which knows a wide surrounding.

    Args:
        width: channels of the first layer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.channels = fine = 4 * width
        coarse = 6 * width
        self.to_quarter = nn.Sequential(convolution(3, width, 2), convolution(width, 2 * width, 2))
        self.to_fine = nn.Sequential(convolution(2 * width, fine, 2), Block(fine), Block(fine))
        self.to_coarse = nn.Sequential(convolution(fine, coarse, 2), Block(coarse), Block(coarse))
        self.lateral = nn.Conv2d(coarse, fine, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) about -0.5..0.5 to features of 1/4 and, four times as many, 1/8 of it."""
        quarter = self.to_quarter(images)
        fine = self.to_fine(quarter)
        coarse = functional.interpolate(self.lateral(self.to_coarse(fine)), scale_factor=2.0)
        return quarter, fine + coarse


class ShapesNet(nn.Module):
    """Pictures in, boxes and class logits out.

    Args:
        classes: number of labels.
        width: channels of the first layer.
        input_wh: size of the input [px], multiples of 16.
        pixel_scale: what the input's values are divided by to lie in 0..1.
    """

    cells: Tensor

    def __init__(
        self, classes: int, width: int, input_wh: tuple[int, int], pixel_scale: float
    ) -> None:
        super().__init__()
        self.pixel_scale = pixel_scale
        self.trunk = Trunk(width)
        self.head = cell_head(self.trunk.channels, 5 + classes)
        self.register_buffer('cells', cell_centers(input_wh), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Guesses.

        Args:
            images: (B, 3, H, W) float32.

        Returns:
            Boxes (B, N, 4) cx, cy, w, h [px], objectness logits (B, N), class logits (B, N, C).
        """
        _, fine = self.trunk(images / self.pixel_scale - 0.5)
        numbers = self.head(fine).flatten(2).transpose(1, 2)
        return cells_boxes(self.cells, numbers[..., :4]), numbers[..., 4], numbers[..., 5:]


class YoloOutput(nn.Module):
    """The network with its output as `[1, N, 5 + C]`: box, objectness, class scores."""

    def __init__(self, network: ShapesNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, N, 5 + C)."""
        boxes, objectness, classes = self.network(images)
        return torch.cat((boxes, objectness.sigmoid()[..., None], classes.softmax(-1)), dim=-1)


class Yolov8Output(nn.Module):
    """The network with its output as `[1, 4 + C, N]`: box, class scores."""

    def __init__(self, network: ShapesNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, 4 + C, N)."""
        boxes, objectness, classes = self.network(images)
        scores = objectness.sigmoid()[..., None] * classes.softmax(-1)
        return torch.cat((boxes, scores), dim=-1).transpose(1, 2)


OUTPUTS: dict[str, type[YoloOutput | Yolov8Output]] = {
    'yolo': YoloOutput,
    'yolov8': Yolov8Output,
}


def cell_head(channels: int, numbers: int) -> nn.Module:
    """Layers that give numbers to each cell; number 4 is a logit that says if it shows one."""
    guess = nn.Conv2d(channels, numbers, 1)
    assert guess.bias is not None
    nn.init.constant_(guess.bias[4:5], -4.0)  # most cells are empty
    return nn.Sequential(Block(channels), convolution(channels, channels, 1, size=1), guess)


def cell_centers(input_wh: tuple[int, int]) -> Tensor:
    """Centers (N, 2) of the cells of an input [px]."""
    columns, rows = (size // STRIDE for size in input_wh)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing='ij')
    centers: Tensor = (torch.stack((x, y), dim=-1).reshape(-1, 2) + 0.5) * STRIDE
    return centers


def cells_boxes(cells: Tensor, numbers: Tensor) -> Tensor:
    """Boxes (B, N, 4) cx, cy, w, h [px] of what a network says of cells (B, N, 4)."""
    centers = cells + numbers[..., :2] * STRIDE
    sizes = numbers[..., 2:].clamp(-_MAX_LOG_SIZE, _MAX_LOG_SIZE).exp() * _UNIT
    return torch.cat((centers, sizes), dim=-1)


class Block(nn.Module):
    """Looks around (5 x 5 per channel), then mixes channels; added to what comes in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.narrow = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        mixed: Tensor = self.narrow(functional.relu(self.widen(self.norm(self.look(x)))))
        return x + mixed


def convolution(channels_in: int, channels_out: int, stride: int, size: int = 3) -> nn.Module:
    """A convolution, its normalization and activation."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )
