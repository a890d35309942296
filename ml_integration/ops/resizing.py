"""Resizing of pictures as OpenCV does it, and as Pillow does it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from PIL import Image

from ml_integration.core.datatypes import Array

OPENCV = {
    'linear': cv2.INTER_LINEAR,
    'area': cv2.INTER_AREA,
    'nearest': cv2.INTER_NEAREST,
    'cubic': cv2.INTER_CUBIC,
    'lanczos': cv2.INTER_LANCZOS4,
}
PILLOW = {
    'linear': Image.Resampling.BILINEAR,
    'area': Image.Resampling.BOX,
    'nearest': Image.Resampling.NEAREST,
    'cubic': Image.Resampling.BICUBIC,
    'lanczos': Image.Resampling.LANCZOS,
}
INTERPOLATIONS = tuple(OPENCV)

Resize = Callable[[Array, Array], Array]
"""Resizes a picture (H, W, 3) or (H, W), uint8, to the size of the second one, which it may fill,
and returns the result."""


def resizer(resampling: str, interpolation: str) -> Resize:
    """Returns the function that resizes.

    Pillow widens its filter when it makes a picture smaller, so that no pixel is left out; it is
    what torchvision, timm and transformers train with. OpenCV looks at the nearest pixels only,
    whatever the scale, except for 'area'; it is what the YOLO pipelines train with.

    Args:
        resampling: 'opencv' or 'pillow'. OpenCV writes into the picture that it is given. Pillow
            makes new ones, and a whole encoder takes 2 ms with it instead of 0.3 ms for 640x480
            into 224x224, and 11 ms instead of 0.8 ms for 1920x1080 into 640x640; cubic takes
            half as long again.
        interpolation: one of `INTERPOLATIONS`.
    """
    if resampling == 'opencv':
        flag = OPENCV[interpolation]
        return lambda picture, into: cv2.resize(
            picture, into.shape[1::-1], dst=into, interpolation=flag
        )
    return partial(_pillow, how=PILLOW[interpolation])


def _pillow(picture: Array, into: Array, how: Image.Resampling) -> Array:
    """Resizes rows first, then columns, rounding to 8 bits in between.

    That is the order of Pillow below 13. Later ones choose the faster order, and differ by one
    level where that is the other one, or by more where a cubic filter overshoots.
    """
    height, width = into.shape[:2]
    wide = Image.fromarray(picture).resize((width, picture.shape[0]), how)
    return np.asarray(wide.resize((width, height), how))
