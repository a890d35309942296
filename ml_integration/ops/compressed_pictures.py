"""Makes raw pictures of compressed ones: sensor_msgs/msg/CompressedImage becomes an Image.

What `format` says is what image_transport's plug-ins write: 'jpeg', 'rgb8; jpeg compressed bgr8',
'16UC1; png compressed ', '32FC1; compressedDepth png'.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.errors import MessageError
from ml_integration.ops.compressed_headers import CompressedHeader, read_header
from ml_integration.ops.pixel_formats import PixelFormat, pixel_format

COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
_DEPTH_HEADER = struct.Struct('<iff')
"""Start of the data of 'compressedDepth': kind of coding, and the two numbers of `_in_meters`."""
_CODECS = {'jpeg': 'jpeg', 'jpg': 'jpeg', 'png': 'png'}
_ALPHA = {3: '', 4: 'a'}
_OF_LIGHT = ('rgb', 'bgr', 'rgba', 'bgra')


@dataclass(frozen=True, slots=True)
class RawPicture:
    """As sensor_msgs/msg/Image.

    Attributes:
        header: of the compressed message.
        height: rows.
        width: columns.
        encoding: a ROS image encoding.
        is_bigendian: the machine's byte order.
        step: bytes of a row.
        data: (H, W) or (H, W, C), contiguous.
    """

    header: Any
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Array


@dataclass(frozen=True, slots=True)
class _Said:
    """What `format` says.

    Attributes:
        encoding: of the picture that was given to OpenCV; empty if it is OpenCV's own.
        codec: 'jpeg' or 'png'.
        is_depth: whether the data begin with a header of compressedDepth.
    """

    encoding: str
    codec: str
    is_depth: bool


def raw_picture(message: Any) -> RawPicture:
    """Decodes a picture. A turn that its EXIF data ask for is not made.

    Results are about the pixels as they are in the stream, and so are the camera's calibration
    and a depth picture beside it.

    Args:
        message: a sensor_msgs/msg/CompressedImage, or anything with the same fields.

    Raises:
        MessageError: `format` says nothing that is known, or something else than the data are;
            they cannot be decoded, or are too large to be.
    """
    said, data = _said(message.format), _octets(message.data)
    scale = offset = 0.0
    if said.is_depth:
        if len(data) < _DEPTH_HEADER.size:
            raise MessageError('data', f'{len(data)} bytes', f'at least {_DEPTH_HEADER.size}')
        _, scale, offset = _DEPTH_HEADER.unpack_from(data.data)
        data = data[_DEPTH_HEADER.size :]
    header = read_header(data.data)
    if header.codec != said.codec:
        raise MessageError('format', message.format, f'{header.codec}, as the data are')
    pixels = _decoded(data, header)
    if said.is_depth and said.encoding == '32FC1':
        _check(pixels, pixel_format('16UC1'), said)
        pixels, encoding = _in_meters(pixels, scale, offset), said.encoding
    else:
        encoding = _encoding(pixels, said)
    height, width = pixels.shape[:2]
    big, step = int(sys.byteorder == 'big'), pixels.nbytes // height
    return RawPicture(message.header, height, width, encoding, big, step, pixels)


@lru_cache(maxsize=64)
def _said(text: str) -> _Said:
    encoding, sign, coding = text.partition(';')
    if not sign:
        encoding, coding = '', text
    encoding, coding = encoding.strip(), coding.strip()
    words = coding.lower().split()
    is_depth = coding.startswith('compressedDepth')
    codecs = [_CODECS[word] for word in words if word in _CODECS]
    if is_depth and len(words) == 1:  # as it was before there was a choice
        codecs = ['png']
    if len(codecs) != 1 or (is_depth and codecs != ['png']):
        expected = "'jpeg' or 'png', as in 'rgb8; jpeg compressed bgr8'"
        hint = 'Let its publisher compress to PNG.' if is_depth else ''
        raise MessageError('format', text, 'compressedDepth png' if is_depth else expected, hint)
    if is_depth and encoding not in ('16UC1', '32FC1'):
        raise MessageError('format', text, '16UC1 or 32FC1 before compressedDepth')
    if 'compressed bgr' in coding:  # whatever it was before
        return _Said('', codecs[0], is_depth)
    if encoding:
        pixel_format(encoding)  # says so if there is none
    return _Said(encoding, codecs[0], is_depth)


def _octets(data: Any) -> npt.NDArray[np.uint8]:
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise MessageError('data', type(data).__name__, 'a buffer of bytes') from error


def _decoded(data: npt.NDArray[np.uint8], header: CompressedHeader) -> Array:
    pixels: Array | None
    try:
        pixels = cv2.imdecode(data[: header.size], cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        expected = f'a picture that OpenCV {cv2.__version__} can decode'
        raise MessageError('data', f'a {header.codec} of {len(data)} bytes', expected)
    return pixels


def _encoding(pixels: Array, said: _Said) -> str:
    """Returns the encoding of decoded pixels, whose colors OpenCV has in the order BGR."""
    bits, channels = 8 * pixels.itemsize, pixels.size // (pixels.shape[0] * pixels.shape[1])
    source = pixel_format(said.encoding) if said.encoding else None
    if source is not None and not source.color:
        _check(pixels, source, said)
        return said.encoding
    if channels in _ALPHA:
        # Whoever names one and does not say 'compressed bgr' let OpenCV take RGB for BGR.
        was_rgb = source is not None and source.color in _OF_LIGHT
        return f'{"rgb" if was_rgb else "bgr"}{_ALPHA[channels]}{bits}'
    if source is not None and source == PixelFormat(pixels.dtype.name, channels, source.color):
        return said.encoding  # such as an undeveloped Bayer picture
    return f'mono{bits}'


def _check(pixels: Array, source: PixelFormat, said: _Said) -> None:
    shape = (*pixels.shape[:2], *((source.channels,) if source.channels > 1 else ()))
    if pixels.shape != shape or pixels.dtype != source.dtype:
        got = f'pixels of {pixels.dtype.name}{list(pixels.shape[2:] or [1])}'
        expected = f"{source.dtype}[{source.channels}], as '{said.encoding}' was compressed"
        raise MessageError('data', got, expected)


def _in_meters(inverse: Array, scale: float, offset: float) -> Array:
    """Returns depth [m] of inverse depth as compressed_depth_image_transport quantizes it.

    Args:
        inverse: (H, W) uint16, 0 where nothing was seen.
        scale: the first number of the header.
        offset: the second one.
    """
    if not (np.isfinite(scale) and np.isfinite(offset) and scale > 0):
        got = f'a quantization of {scale:g} and {offset:g}'
        raise MessageError('data', got, 'two numbers, the first one above 0')
    meters: Array = _meters(scale, offset)[inverse]
    return meters


@lru_cache(maxsize=4)
def _meters(scale: float, offset: float) -> Array:
    """Returns the depth [m] of each of the 65536 numbers that there are."""
    numbers = np.arange(2**16, dtype=np.float64)
    seen = (numbers > 0) & (numbers > offset)
    return np.where(seen, scale / np.where(seen, numbers - offset, 1), np.nan).astype(np.float32)
