"""Settings for pictures that a model takes, and checks that its input can take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, TensorSpec
from ml_integration.core.declaration import declared
from ml_integration.errors import ModelMismatchError, SettingError
from ml_integration.ops.letterbox import RESIZES
from ml_integration.ops.resizing import INTERPOLATIONS

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of the colors of ImageNet's pictures, red first; what most classifiers are trained with."""
FORMATS = {'rgb': ('rgb8', 'bgr8'), 'bgr': ('bgr8', 'rgb8'), 'gray': ('mono8',)}
LONGEST = 2**14
"""Longest side of a picture in a tensor [px]."""
DTYPES = ('float32', 'float16', 'float64', 'uint8', 'int8')


@dataclass(frozen=True, slots=True)
class PreprocessSettings:
    """Settings that the model was trained with; tensor = (pixel / scale - mean) / std."""

    resize: str = declared(
        'letterbox',
        'How a picture is brought to the size of the input.',
        choices=(*RESIZES, 'shortest_edge', 'one_side', 'stretch_crop'),
    )
    crop_ratio: float = declared(
        0.875,
        'Part of the shorter side that resize: crop keeps, where shortest_edge does not say it; '
        'part of each side that stretch_crop keeps.',
        ge=0.1,
        le=1.0,
    )
    shortest_edge: int = declared(
        0,
        'Length of the shorter side after resize: shortest_edge, or before resize: crop cuts the '
        'center out [px]; 0: not given.',
        ge=0,
        le=LONGEST,
    )
    longest_edge: int = declared(
        0,
        'Longest side after resize: shortest_edge, or side of the square that a letterbox of free '
        'size fits into [px]; 0: no limit.',
        ge=0,
        le=LONGEST,
    )
    to_width: int = declared(
        0,
        'Width that resize: one_side aims at [px]; it scales as little as possible so that this '
        'or to_height is reached, and stretches into an input of fixed size.',
        ge=0,
        le=LONGEST,
    )
    to_height: int = declared(
        0, 'Height that resize: one_side aims at, likewise [px].', ge=0, le=LONGEST
    )
    resize_multiple: int = declared(
        1,
        'Sides that follow from the picture are resized to a multiple of this [px].',
        ge=1,
        le=LONGEST,
    )
    resize_up: bool = declared(
        False,
        'Those sides are rounded up to the multiple, and not down; one_side takes the nearest.',
    )
    pad_multiple: int = declared(
        1,
        'Sides of an input of free size are padded up to a multiple of this [px].',
        ge=1,
        le=LONGEST,
    )
    rounding: str = declared(
        'torchvision',
        'Whose rule rounds the place of a crop, the sides that longest_edge limits, and those of '
        'letterbox_topleft.',
        choices=('torchvision', 'transformers'),
    )
    resampling: str = declared(
        'opencv',
        'Whose interpolation resizes; that of pillow is antialiased.',
        choices=('opencv', 'pillow'),
    )
    interpolation: str = declared('linear', 'Interpolation when resizing.', choices=INTERPOLATIONS)
    color: str = declared('rgb', 'Order of the color channels.', choices=tuple(FORMATS))
    layout: str = declared('nchw', 'Order of the axes.', choices=('nchw', 'nhwc'))
    scale: float = declared(
        255.0,
        'Pixels are divided by this first; 255 is a rescale factor of 1/255, and 1 leaves mean '
        'and std in units of pixels.',
        ge=1e-6,
    )
    mean: tuple[float, ...] = declared(
        (0.0,), 'Subtracted after scaling: one value, or one per channel in the order of color.'
    )
    std: tuple[float, ...] = declared(
        (1.0,), 'Divided by last: one value, or one per channel in the order of color.', ge=1e-6
    )
    pad_value: float = declared(
        114.0, 'Gray value around the picture, normalized as pixels are.', ge=0.0, le=255.0
    )
    pad_normalized: bool = declared(
        False, 'pad_value is a value of the tensor, as where padding comes after normalizing.'
    )
    max_pixels: int = declared(
        8388608,
        'Most pixels of an input of free size, and of a picture before it is cropped; one that '
        'needs more is refused.',
        ge=1,
        le=LONGEST * LONGEST,
    )


def the_picture(model: ModelDescription) -> str:
    """Returns the only tensor of a model that takes a picture.

    Raises:
        ModelMismatchError: there is none, or there are more.
    """
    if len(model.pictures) == 1:
        return next(iter(model.pictures))
    raise ModelMismatchError(
        str(model.identity),
        'the task looks at a single picture',
        '; '.join(map(str, model.inputs)),
        'one input of kind image',
        "State under 'inputs' of the manifest which tensor takes the picture.",
    )


def picture_size(
    settings: PreprocessSettings, spec: TensorSpec, model: str
) -> tuple[int, int] | None:
    """Returns width and height of the pictures that an input takes [px]; None if both are free.

    Raises:
        ModelMismatchError: `spec` is no picture of the settings' layout and color.
    """
    channels = 1 if settings.color == 'gray' else 3
    layout = settings.layout
    axes = dict(zip(layout, spec.shape, strict=False))
    height, width = axes.get('h'), axes.get('w')
    pictures = len(spec.shape) == 4 and spec.dtype in DTYPES and axes['c'] == channels
    # A batch of another size cannot be filled.
    if pictures and axes['n'] in (1, None) and (height is None) == (width is None):
        return None if height is None or width is None else (width, height)
    sizes = (
        f'1, {channels}, height, width' if layout == 'nchw' else f'1, height, width, {channels}'
    )
    raise ModelMismatchError(
        model,
        f"input '{spec.name}' does not take a {settings.color} picture in {layout} order",
        str(spec),
        f'{", ".join(DTYPES)} [{sizes}] with height and width both fixed or both free',
        "Correct encode.layout and encode.color, or the sizes under 'inputs'.",
    )


def normalized_values(settings: PreprocessSettings, dtype: str, model: str) -> tuple[Array, Array]:
    """Returns the model's value of each 8-bit one (1, 256, C) and of the padding (C,).

    Values of type float16 are given as their bits, uint16.

    Raises:
        SettingError: mean and std do not fit the channels or the element type.
    """
    channels = 1 if settings.color == 'gray' else 3
    for key, values in (('mean', settings.mean), ('std', settings.std)):
        if len(values) not in (1, channels):
            expected = f'1 or {channels} values' if channels > 1 else '1 value'
            raise SettingError(f'encode.{key}', values, expected, where=model)
    mean = np.broadcast_to(np.array(settings.mean), channels)
    std = np.broadcast_to(np.array(settings.std), channels)
    pixels = np.append(np.arange(256.0), settings.pad_value)[:, None]
    values = (pixels / settings.scale - mean) / std
    whole = np.dtype(dtype).kind in 'iu'
    offset = 128 if dtype == 'int8' else 0
    if whole and not np.array_equal(values, np.broadcast_to(pixels - offset, values.shape)):
        raise SettingError(
            'encode.scale',
            settings.scale,
            f'1 with mean {offset} and std 1 for a model that takes {dtype}',
            where=model,
        )
    exact = values.round() if whole else values
    if settings.pad_normalized:
        exact[256] = settings.pad_value
    rounded = exact.astype(dtype)
    if dtype == 'float16':
        rounded = rounded.view(np.uint16)
    return np.ascontiguousarray(rounded[None, :256]), rounded[256]
