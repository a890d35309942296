"""Resizing of pictures as OpenCV does it, and as Pillow does it."""

from __future__ import annotations

from collections.abc import Callable

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
        resampling: 'opencv' or 'pillow'. OpenCV writes into the picture that it is given; Pillow
            makes new ones, and takes 2 to 5 times as long as a whole encoder with OpenCV.
        interpolation: one of `INTERPOLATIONS`.
    """
    if resampling == 'opencv':
        flag = OPENCV[interpolation]
        return lambda picture, into: cv2.resize(
            picture, into.shape[1::-1], dst=into, interpolation=flag
        )
    how = PILLOW[interpolation]
    return lambda picture, into: np.asarray(
        Image.fromarray(picture).resize(into.shape[1::-1], how)
    )
