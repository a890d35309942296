"""Brings pixels from one encoding to another, as cv_bridge does, and to what can be drawn on.

Depth follows REP 118: '16UC1' is in millimeters with 0 for 'nothing seen', '32FC1' in meters
with NaN for it. Depth and color never turn into each other.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.errors import MessageError
from ml_integration.ops.pixel_formats import pixel_format

_TO_COLOR = {'mono': 'GRAY', 'rgb': 'RGB', 'bgr': 'BGR', 'rgba': 'RGBA', 'bgra': 'BGRA'}
_FROM_COLOR = {color: f'{name}2{{}}' for color, name in _TO_COLOR.items()} | {
    # ROS names a Bayer pattern by its first four pixels, OpenCV by the four around (1, 1).
    'bayer_rggb': 'BayerBG2{}',
    'bayer_bggr': 'BayerRG2{}',
    'bayer_gbrg': 'BayerGR2{}',
    'bayer_grbg': 'BayerGB2{}',
    'uyvy': 'YUV2{}_UYVY',
    'yuyv': 'YUV2{}_YUYV',
    'nv12': 'YUV2{}_NV12',
    'nv21': 'YUV2{}_NV21',
}
# OpenCV knows no nv24. These are the numbers by which it reads its siblings (BT.601, 16 to 235).
_NV24_TO_BGR = np.array(
    [[1.164, 2.018, 0.0], [1.164, -0.391, -0.813], [1.164, 0.0, 1.596]], np.float32
)
_NV24_ZERO = np.array([16.0, 128.0, 128.0], np.float32)
_MILLIMETERS = pixel_format('16UC1')
_METERS = pixel_format('32FC1')


@lru_cache(maxsize=256)
def choose_format(encoding: str, formats: tuple[str, ...]) -> str:
    """Returns which of `formats` an image should get: unchanged pixels win, then the order.

    Args:
        encoding: the image's encoding.
        formats: the encodings that are wanted, the preferred one first.

    Raises:
        MessageError: the encoding is unknown, or none of `formats` can be made from it.
    """
    source = pixel_format(encoding)
    if encoding in formats:
        return encoding
    for target in formats:
        if pixel_format(target) == source:
            return target
    for target in formats:
        if _converts(encoding, target):
            return target
    raise _no_conversion(encoding, formats)


def convert(pixels: Array, source: str, target: str) -> Array:
    """Brings pixels to another encoding.

    Colors are converted first, then 8 and 16 bit scaled into each other over the full range.

    Args:
        pixels: (H, W) or (H, W, C) in the encoding `source`; (H * 3 / 2, W) for nv12 and nv21,
            (H * 3, W) for nv24.
        source: the encoding of `pixels`.
        target: the encoding wanted; any mono, rgb, bgr, rgba or bgra for a source with colors,
            '32FC1' for '16UC1'.

    Returns:
        (H, W) or (H, W, C): a new array, or `pixels` itself when both encodings have the same
        pixels.

    Raises:
        MessageError: there is no such conversion.
    """
    old, new = pixel_format(source), pixel_format(target)
    if old == new:
        return pixels
    if not _converts(source, target):
        raise _no_conversion(source, (target,))
    if old == _MILLIMETERS:
        return _in_meters(pixels)
    if old.color.startswith('bayer') and min(pixels.shape) < 3:
        raise MessageError('encoding', source, 'an image of at least 3 x 3 pixels for it')
    if old.color == 'nv24':
        if new.color == 'mono':
            pixels, old = pixels[: len(pixels) // 3].copy(), pixel_format('mono8')
        else:
            pixels, old = _nv24_in_bgr8(pixels), pixel_format('bgr8')
    if old.color != new.color:
        code = _FROM_COLOR[old.color].format(_TO_COLOR[new.color])
        pixels = cv2.cvtColor(pixels, getattr(cv2, f'COLOR_{code}'))
    if old.dtype == new.dtype:
        return pixels
    if new.dtype == 'uint8':
        return cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    return np.multiply(pixels, 257, dtype=np.uint16)


def to_bgr8(pixels: Array, encoding: str) -> Array:
    """Makes a canvas that shows an image of any encoding.

    Args:
        pixels: (H, W) or (H, W, C) in `encoding`, as for `convert`.
        encoding: the encoding of `pixels`.

    Returns:
        (H, W, 3) uint8 BGR, writable, never shared with `pixels`. Where there is no color the
        first channel is shown, from its lowest value in black to its highest in white; NaN and
        infinity are black.
    """
    if pixel_format(encoding) == pixel_format('bgr8'):
        return np.array(pixels, order='C')
    if pixel_format(encoding).color:
        return convert(pixels, encoding, 'bgr8')
    plane = np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., 0])
    finite = np.isfinite(plane).astype(np.uint8)
    gray = np.zeros(plane.shape, np.uint8)
    cv2.normalize(plane, gray, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U, finite)
    return cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)


def _converts(source: str, target: str) -> bool:
    old, new = pixel_format(source), pixel_format(target)
    if old.color and new.color:
        return new.color in _TO_COLOR
    return old == _MILLIMETERS and new == _METERS


def _nv24_in_bgr8(planes: Array) -> Array:
    height, width = planes.shape[0] // 3, planes.shape[1]
    brightness = np.maximum(planes[:height], 16).reshape(height, width, 1)
    color = planes[height:].reshape(height, width, 2)
    offset = -_NV24_TO_BGR @ _NV24_ZERO
    matrix = np.hstack((_NV24_TO_BGR, offset[:, None]))
    return cv2.transform(np.concatenate((brightness, color), axis=2), matrix)


def _in_meters(millimeters: Array) -> Array:
    meters = np.multiply(millimeters, np.float32(0.001), dtype=np.float32)
    meters[millimeters == 0] = np.nan
    return meters


def _no_conversion(encoding: str, formats: tuple[str, ...]) -> MessageError:
    if pixel_format(encoding).color:
        why = f"'{encoding}' holds a picture; that cannot become {' or '.join(formats)}."
    else:
        why = (
            f"'{encoding}' holds measurements such as distances, not colors; showing them as a "
            'picture would mislead a model. Subscribe to another topic.'
        )
    return MessageError('encoding', encoding, ' or '.join(formats), why)
