"""Measures what a picture looks like from a grid of its pixels, without copying it."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array, Frame
from ml_integration.ops.pixel_formats import pixel_format

PICTURE_MEASURES = (
    'brightness',
    'contrast',
    'sharpness',
    'black_share',
    'saturated_share',
    'red_minus_blue',
    'content_hash',
)
"""What `measure_picture` tells, whatever the picture."""
DEPTH_MEASURES = ('valid_share', 'median_depth_m', 'content_hash')
"""What `measure_depth` tells; a sensor of points can tell the same of its ranges."""
GRID = (60, 160)
"""Most points of the grid, down and across."""
HASHED_BYTES = 65536
"""Bytes of whole rows that the hash of the content is made of."""
BLACK, SATURATED = 8, 250
"""Luma up to which a point is black, and from which it is saturated, of 255."""
FINEST = 320
"""Sharpness looks at steps of this part of a picture's width."""
FLAT = 4.0
"""Variance of brightness below which a picture has nothing to be sharp."""
_RGB, _BGR = (0, 1, 2), (2, 1, 0)
_CHANNELS = {'mono': (0,), 'rgb': _RGB, 'rgba': _RGB, 'bgr': _BGR, 'bgra': _BGR}
"""Where red, green and blue are, or brightness."""
_NAN = float('nan')


def measure_picture(frame: Frame) -> dict[str, float]:
    """Measures a picture.

    `brightness` and `contrast` are mean and standard deviation of the luma, 0 to 255.
    `sharpness` is the root mean square of second differences across 1/320 of the width, as a
    percentage of the contrast: exposure and resolution change it little, and a blur of half that
    width divides it by 2 to 3. `red_minus_blue` is the difference of these channels' means, -255
    to 255. `content_hash` is a number of 32 bits that is the same for identical pictures.

    Args:
        frame: (H, W) or (H, W, C), of any encoding; gray, RGB and BGR ones tell all, others only
            their hash.

    Returns:
        PICTURE_MEASURES; NaN where there is nothing to be told, such as the sharpness of a flat
        picture or the colors of a gray one.
    """
    layout, data = pixel_format(frame.format), frame.data
    measures = dict.fromkeys(PICTURE_MEASURES, _NAN)
    measures['content_hash'] = content_hash(data)
    if data.shape[1] < 3 or not len(data) or layout.color not in _CHANNELS:
        return measures
    grid = _Grid(data, layout.dtype)
    planes = [grid.points(channel) for channel in _CHANNELS[layout.color]]
    luma = planes[0]
    if len(planes) == 3:
        luma = np.float32(0.299) * planes[0] + np.float32(0.587) * planes[1]
        luma += np.float32(0.114) * planes[2]
        measures['red_minus_blue'] = float(planes[0].mean() - planes[2].mean())
    flat = luma.ravel()
    mean = float(flat.mean())
    measures['brightness'] = mean
    measures['contrast'] = max(float(flat @ flat) / flat.size - mean**2, 0.0) ** 0.5
    measures['sharpness'] = grid.sharpness()
    measures['black_share'] = int(np.count_nonzero(flat <= BLACK)) / flat.size
    measures['saturated_share'] = int(np.count_nonzero(flat >= SATURATED)) / flat.size
    return measures


def measure_depth(frame: Frame) -> dict[str, float]:
    """Measures a picture of distances: how many of them are known, and how far they are.

    Args:
        frame: (H, W) in meters, or in millimeters where they are integers (REP 118).

    Returns:
        DEPTH_MEASURES. `valid_share` is that of points that are finite and above 0.
    """
    if not frame.data.size or frame.data.ndim != 2:
        return dict.fromkeys(DEPTH_MEASURES, _NAN)
    rows, columns = (-(-size // most) for size, most in zip(frame.data.shape, GRID, strict=True))
    points = frame.data[rows // 2 :: rows, columns // 2 :: columns]
    known = points[np.isfinite(points) & (points > 0)]
    unit = 1e-3 if frame.data.dtype.kind in 'iu' else 1.0
    return {
        'valid_share': known.size / points.size,
        'median_depth_m': float(np.median(known)) * unit if known.size else _NAN,
        'content_hash': content_hash(frame.data),
    }


def content_hash(data: Array) -> float:
    """Returns a number of 32 bits that is the same for identical content; NaN for none.

    It is made of whole rows, evenly spread, since a camera's noise changes each of them.
    """
    if not data.size:
        return _NAN
    step = -(-data.nbytes // HASHED_BYTES)
    return float(zlib.crc32(data[step // 2 % len(data) :: step].tobytes()))


class _Grid:
    """Points of a picture (H, W) or (H, W, C), evenly spread.

    Each has two neighbors to its right, one step of the picture's width each, for the sharpness.
    """

    def __init__(self, data: Array, dtype: str) -> None:
        height, width = data.shape[:2]
        self._step = max(1, width // FINEST)
        self._last = width - 2 * self._step
        rows, columns = -(-height // GRID[0]), -(-self._last // GRID[1])
        self._first = columns // 2
        self._rows, self._columns = slice(rows // 2, None, rows), columns
        self._data = data[..., None] if data.ndim == 2 else data
        self._scale = None if dtype == 'uint8' else np.float32(1 / 257)

    def points(self, channel: int, steps: int = 0) -> npt.NDArray[np.float32]:
        """Returns the values (N, M) of a channel, 0 to 255, so many steps to the right."""
        first = self._first + steps * self._step
        columns = slice(first, self._last + steps * self._step, self._columns)
        points: npt.NDArray[np.float32] = self._data[self._rows, columns, channel].astype(
            np.float32
        )
        return points if self._scale is None else points * self._scale

    def sharpness(self) -> float:
        """Compares how brightness bends with how it varies; NaN where it does not vary."""
        channel = min(1, self._data.shape[2] - 1)
        first, second, third = (self.points(channel, steps).ravel() for steps in range(3))
        bend = first - 2 * second + third
        spread = first - first.mean()
        variance = float(spread @ spread) / spread.size
        if variance < FLAT:
            return _NAN
        return 100 * float(np.sqrt(float(bend @ bend) / bend.size / variance))
