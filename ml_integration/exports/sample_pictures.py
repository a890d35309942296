"""Pictures to try a model on: those of a person, or a few that come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import cv2
import numpy as np
import numpy.typing as npt

OWN = ('astronaut.jpg', 'cat.jpg', 'coffee.jpg')
"""Photographs that come with the package."""
GRAY = 114
"""Brightness of the empty picture [0-255]."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Picture to try a model on.

    Attributes:
        name: where it comes from, for sentences, such as 'street.jpg'.
        pixels: (H, W, 3) uint8, BGR.
    """

    name: str
    pixels: npt.NDArray[np.uint8]


def own_pictures() -> tuple[Picture, ...]:
    """Reads the photographs that come with the package: a person, a cat, a cup."""
    folder = resources.files('ml_integration.exports') / 'pictures'
    return tuple(Picture(name, _read((folder / name).read_bytes())) for name in OWN)


def empty_picture(like: Picture) -> Picture:
    """Makes a gray picture of the same size, in which there is nothing to see."""
    return Picture('an empty gray picture', np.full_like(like.pixels, GRAY))


def _read(data: bytes) -> npt.NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(pixels, np.uint8)
