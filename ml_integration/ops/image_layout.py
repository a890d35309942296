"""Reads the bytes of an image message as an array of pixels, without a copy if possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.errors import MessageError
from ml_integration.ops.pixel_formats import PixelFormat


def image_view(
    data: Any, height: int, width: int, step: int, pixel: PixelFormat, is_bigendian: bool
) -> Array:
    """Reads a buffer as pixels.

    Args:
        data: bytes, array.array, memoryview or numpy array with `step` bytes for every row.
        height: rows of the picture.
        width: columns of the picture.
        step: distance from one row to the next [byte]; what exceeds the pixels is padding.
        pixel: what a pixel is.
        is_bigendian: byte order of elements that have several bytes.

    Returns:
        (H, W) or (H, W, C) in `pixel.dtype` and the machine's byte order, read-only; of nv12 and
        nv21 (H * 3 / 2, W), of nv24 (H * 3, W). It shares the memory of `data` unless the bytes
        have to be swapped or aligned.

    Raises:
        MessageError: size, step and amount of data contradict each other.
    """
    _check_size(height, width, step, pixel)
    rows = pixel.rows(height)
    dtype = np.dtype(pixel.dtype).newbyteorder('>' if is_bigendian else '<')
    pixel_bytes = dtype.itemsize * pixel.channels
    raw = _raw_bytes(data)
    if raw.size != rows * step:
        raise MessageError(
            'data', f'{raw.size} bytes', f'{rows * step}: {rows} rows of {step} bytes'
        )
    shape = (rows, width, pixel.channels)
    view: Array = np.ndarray(shape, dtype, raw, strides=(step, pixel_bytes, dtype.itemsize))
    if pixel.channels == 1:
        view = view[:, :, 0]
    if not dtype.isnative or not view.flags.aligned or step % dtype.itemsize:
        view = view.astype(pixel.dtype)  # OpenCV takes neither foreign nor unaligned numbers
    view.flags.writeable = False
    return view


def _check_size(height: int, width: int, step: int, pixel: PixelFormat) -> None:
    for field, size, even in (
        ('height', height, pixel.shares_rows),
        ('width', width, pixel.shares_columns),
    ):
        if size < 1:
            raise MessageError(field, size, 'at least 1', 'The publisher sends empty images.')
        if even and size % 2:
            raise MessageError(field, size, f"an even number, as '{pixel.color}' shares colors")
    if pixel.color == 'nv24' and step != width:
        raise MessageError('step', step, f'{width}: nobody says how nv24 is padded')
    pixel_bytes = np.dtype(pixel.dtype).itemsize * pixel.channels
    if step < width * pixel_bytes:
        raise MessageError(
            'step', step, f'at least {width * pixel_bytes}: {width} pixels of {pixel_bytes} bytes'
        )


def _raw_bytes(data: Any) -> npt.NDArray[np.uint8]:
    if isinstance(data, (np.ndarray, memoryview)):
        data = np.ascontiguousarray(data)
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise MessageError('data', type(data).__name__, 'a buffer of bytes') from error
