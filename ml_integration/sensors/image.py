"""Pictures and depth images: sensor_msgs/msg/Image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_integration.core.datatypes import Array, Frame
from ml_integration.errors import MessageError, SettingError
from ml_integration.ops.image_layout import image_view
from ml_integration.ops.pixel_formats import pixel_format
from ml_integration.ops.pixels import choose_format, convert

Converter = Callable[[Array, str, str], Array]
"""Converts (pixels, encoding, wanted encoding) into a new array."""


class Image:
    """Turns sensor_msgs/msg/Image into frames of the encodings a task takes.

    A frame's `data` is read-only: the message's own memory where its pixels already are what is
    wanted, a new array otherwise, so that no later message changes it. Colors are converted by
    cv_bridge where it is installed and knows how; all else, and all depth, by OpenCV.

    Args:
        formats: encodings the task takes, the preferred one first, such as ('rgb8', 'bgr8').

    Raises:
        SettingError: `formats` is empty or names an unknown encoding.
    """

    message_type = 'sensor_msgs/msg/Image'

    def __init__(self, formats: tuple[str, ...]) -> None:
        self._formats = tuple(formats)
        where = 'sensors.image'
        if not self._formats:
            raise SettingError('formats', formats, 'at least one encoding', where=where)
        try:
            for name in self._formats:
                pixel_format(name)
        except MessageError as error:
            raise SettingError(
                'formats', name, error.expected, where=where, hint=error.hint
            ) from error
        self._cv_bridge = _cv_bridge()

    def decode(self, message: Any, sequence: int) -> Frame:
        """Reads one image.

        Args:
            message: a sensor_msgs/msg/Image, or anything with the same fields.
            sequence: counts the messages of the subscription from 0.

        Returns:
            A frame in one of `formats`: (H, W) or (H, W, C), in the machine's byte order.

        Raises:
            MessageError: the fields contradict each other, the encoding is unknown, or it cannot
                be brought to one of `formats`.
        """
        encoding = message.encoding
        target = choose_format(encoding, self._formats)
        pixels = image_view(
            message.data,
            message.height,
            message.width,
            message.step,
            pixel_format(encoding),
            bool(message.is_bigendian),
        )
        if pixel_format(encoding) != pixel_format(target):
            pixels = self._converted(pixels, encoding, target)
            pixels.flags.writeable = False
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        return Frame(pixels, target, stamp_ns, message.header.frame_id, sequence)

    def _converted(self, pixels: Array, encoding: str, target: str) -> Array:
        # cv_bridge makes as many meters of millimeters, and copies any order of colors unchanged
        # into a type code such as 8UC3.
        known = pixel_format(encoding).color and not target[0].isdigit()
        if self._cv_bridge is not None and known:
            try:
                return self._cv_bridge(pixels, encoding, target)
            except RuntimeError:  # it does not know the pair
                pass
        return convert(pixels, encoding, target)


def _cv_bridge() -> Converter | None:
    """Looks for cv_bridge's conversions; one built for another numpy does not import either."""
    try:
        from cv_bridge.boost.cv_bridge_boost import cvtColor2
    except ImportError:
        return None
    converter: Converter = cvtColor2
    return converter
