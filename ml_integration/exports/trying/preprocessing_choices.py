"""Ways to prepare pictures that models are trained with, to be compared with the declared one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_integration.core.declaration import build
from ml_integration.core.inputs import SensorInput
from ml_integration.ops.picture_input import IMAGENET_MEAN, IMAGENET_STD, PreprocessSettings
from ml_integration.store.package.package import ModelPackage


@dataclass(frozen=True, slots=True)
class Normalization:
    """Scaling of pixels: (pixel / scale - mean) / std, the colors in the order red, green, blue.

    Attributes:
        words: for people.
    """

    words: str
    scale: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def like(self, other: Normalization) -> bool:
        """Tells whether another one gives nearly the same values."""
        pixels = np.array([[0.0], [255.0]])
        mine, others = (
            (pixels / one.scale - np.array(one.mean)) / np.array(one.std) for one in (self, other)
        )
        size = max(1e-9, float(np.abs(mine).max()))
        return float(np.abs(mine - others).max()) <= 0.02 * size


NORMALIZATIONS = (
    Normalization('pixels / 255'),
    Normalization('mean and std of ImageNet', 255.0, IMAGENET_MEAN, IMAGENET_STD),
    Normalization('pixels from -1 to 1', 255.0, (0.5,), (0.5,)),
    Normalization('pixels from 0 to 255', 1.0),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Way to prepare pictures.

    Attributes:
        color: order of the channels: 'rgb', 'bgr' or 'gray'.
        normalization: scaling of pixels.
        resize: how a picture is brought to the size of the input.
    """

    color: str
    normalization: Normalization
    resize: str

    def __str__(self) -> str:
        return f'{self.color}, {self.normalization.words}, {self.resize}'

    def differences(self, other: Choice) -> int:
        """Returns in how many ways it differs from another one."""
        scaled = not self.normalization.like(other.normalization)
        return scaled + (self.color != other.color) + (self.resize != other.resize)

    def encode(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns an input's `encode:` with this choice in it, all else as it is."""
        order = -1 if self.color == 'bgr' else 1
        return {
            **settings,
            'color': self.color,
            'resize': self.resize,
            'scale': self.normalization.scale,
            'mean': self.normalization.mean[::order],
            'std': self.normalization.std[::order],
        }


def declared_choice(source: SensorInput, where: str) -> Choice:
    """Returns what an input's `encode:` says.

    Raises:
        SettingError: it says something wrong.
    """
    settings: PreprocessSettings = build(PreprocessSettings, source.encode, where)
    order = -1 if settings.color == 'bgr' else 1
    means, stds = tuple(settings.mean[::order]), tuple(settings.std[::order])
    own = Normalization('as declared', settings.scale, means, stds)
    known = next((one for one in NORMALIZATIONS if one.like(own)), None)
    words = own.words if known is None else known.words
    return Choice(settings.color, replace(own, words=words), settings.resize)


def other_pixels(declared: Choice, dtype: str) -> Iterator[Choice]:
    """Makes the choices with other colors or scaling that an input of this dtype permits."""
    colors = ('gray',) if declared.color == 'gray' else ('rgb', 'bgr')
    scalings = [declared.normalization]
    if dtype != 'uint8':
        scalings += [one for one in NORMALIZATIONS if not one.like(declared.normalization)]
    for scaling in scalings:
        for color in colors:
            choice = Choice(color, scaling, declared.resize)
            if len(scaling.mean) == 1 or color != 'gray':
                yield choice


def other_places(choice: Choice, resizes: tuple[str, ...]) -> Iterator[Choice]:
    """Makes the choices that bring the picture to the input's size in another way."""
    for resize in resizes:
        if resize != choice.resize:
            yield replace(choice, resize=resize)


def with_choice(package: ModelPackage, tensor: str, choice: Choice) -> ModelPackage:
    """Returns a package whose input prepares pictures like this."""
    inputs = tuple(
        replace(item, encode=choice.encode(item.encode))
        if isinstance(item, SensorInput) and item.tensor == tensor
        else item
        for item in package.manifest.inputs
    )
    return replace(package, manifest=replace(package.manifest, inputs=inputs))
