"""Compressed pictures and depth images: sensor_msgs/msg/CompressedImage."""

from __future__ import annotations

from typing import Any

from ml_integration.core.datatypes import Frame
from ml_integration.ops.compressed_pictures import COMPRESSED_IMAGE, raw_picture
from ml_integration.sensors.image import Image


class CompressedImage:
    """Turns sensor_msgs/msg/CompressedImage into frames of the encodings a task takes.

    It takes what image_transport's `compressed` (JPEG and PNG) and `compressedDepth` (PNG)
    publish; a frame is that of the picture before, apart from what JPEG loses.

    Args:
        formats: encodings the task takes, the preferred one first, such as ('rgb8', 'bgr8').

    Raises:
        SettingError: `formats` is empty or names an unknown encoding.
    """

    message_type = COMPRESSED_IMAGE
    kind = 'image'

    def __init__(self, formats: tuple[str, ...]) -> None:
        self._image = Image(formats)

    def decode(self, message: Any, stamp_ns: int) -> Frame:
        """Reads one picture, whose size is checked before it is decoded.

        Raises:
            MessageError: it is cut off, too large, of another kind than `format` says, or cannot
                be brought to one of `formats`.
        """
        return self._image.decode(raw_picture(message), stamp_ns)
