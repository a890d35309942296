"""Pixels as a message."""

from __future__ import annotations

import array
from typing import Any

from sensor_msgs.msg import Image

from ml_integration.core.datatypes import Array


def bgr8_message(header: Any, pixels: Array) -> Image:
    """Makes an image of (H, W, 3) uint8 BGR pixels, which are copied once."""
    # The only type that a message takes without touching every byte in Python.
    data = array.array('B')
    data.frombytes(pixels.data if pixels.flags.c_contiguous else pixels.tobytes())
    height, width = pixels.shape[:2]
    return Image(
        header=header,
        height=height,
        width=width,
        encoding='bgr8',
        step=3 * width,
        data=data,
    )
