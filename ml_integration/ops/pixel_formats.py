"""The image encodings of ROS: how their numbers are stored and what they mean.

Names and meanings are those of sensor_msgs/image_encodings.hpp. Encodings with the same pixels
compare equal: '8UC3' is 'bgr8', 'yuv422' (the old name) is 'uyvy'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ml_integration.errors import MessageError


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """Layout and meaning of one pixel of an encoding.

    Attributes:
        dtype: numpy's name of the element type, such as 'uint16'.
        channels: elements per pixel: 1 makes (H, W) arrays, more make (H, W, channels).
        color: the order or coding of its colors, such as 'bgr', 'mono', 'bayer_rggb', 'uyvy';
            empty for numbers without color, such as distances.
    """

    dtype: str
    channels: int
    color: str = ''

    @property
    def shares_rows(self) -> bool:
        """True if two neighboring rows share their color, so that the height is even."""
        return self.color in ('nv12', 'nv21')

    @property
    def shares_columns(self) -> bool:
        """True if two neighboring columns share their color, so that the width is even."""
        return self.shares_rows or self.color in ('uyvy', 'yuyv')

    def rows(self, height: int) -> int:
        """Returns how many rows of numbers a picture has: color may follow brightness."""
        if self.shares_rows:
            return height * 3 // 2
        return 3 * height if self.color == 'nv24' else height


@lru_cache(maxsize=256)
def pixel_format(encoding: str) -> PixelFormat:
    """Looks an encoding up.

    Args:
        encoding: a ROS image encoding such as 'rgb8', 'bayer_rggb16' or '32FC1'.

    Raises:
        MessageError: there is no such encoding, or it is not supported.
    """
    if encoding in _NAMED:
        return _NAMED[encoding]
    match = _TYPE_CODE.fullmatch(encoding)
    if match is None:
        raise MessageError(
            'encoding',
            encoding,
            'a supported image encoding',
            f'Supported are {", ".join(_NAMED)} and type codes such as 16UC1, 32FC1 or 64FC4.',
        )
    return PixelFormat(_DTYPES[match['type']], int(match['channels'] or 1))


_CHANNELS = {
    'mono': 1,
    'rgb': 3,
    'bgr': 3,
    'rgba': 4,
    'bgra': 4,
    'bayer_rggb': 1,
    'bayer_bggr': 1,
    'bayer_gbrg': 1,
    'bayer_grbg': 1,
}
_MONO8 = PixelFormat('uint8', 1, 'mono')
_UYVY = PixelFormat('uint8', 2, 'uyvy')
_YUYV = PixelFormat('uint8', 2, 'yuyv')
_NAMED = {
    f'{color}{bits}': PixelFormat(f'uint{bits}', channels, color)
    for bits in (8, 16)
    for color, channels in _CHANNELS.items()
} | {
    'uyvy': _UYVY,
    'yuv422': _UYVY,
    'yuyv': _YUYV,
    'yuv422_yuy2': _YUYV,
    'nv12': PixelFormat('uint8', 1, 'nv12'),
    'nv21': PixelFormat('uint8', 1, 'nv21'),
    'nv24': PixelFormat('uint8', 1, 'nv24'),
    # Drivers that hand on an OpenCV matrix say its type only; OpenCV's own order is BGR.
    '8UC': _MONO8,
    '8UC1': _MONO8,
    '8UC3': PixelFormat('uint8', 3, 'bgr'),
    '8UC4': PixelFormat('uint8', 4, 'bgra'),
}
_DTYPES = {
    '8U': 'uint8',
    '8S': 'int8',
    '16U': 'uint16',
    '16S': 'int16',
    '32S': 'int32',
    '32F': 'float32',
    '64F': 'float64',
}
_TYPE_CODE = re.compile(rf'(?P<type>{"|".join(_DTYPES)})C(?P<channels>[1-9][0-9]?)?')
