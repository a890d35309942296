"""OpenCV's conversions and cv_bridge's are the same, where cv_bridge imports."""

import importlib

import numpy as np
import pytest

from ml_integration.ops.pixel_formats import pixel_format
from ml_integration.ops.pixels import convert

try:  # importorskip lets a cv_bridge that was built for another numpy fail the whole run
    bridge = importlib.import_module('cv_bridge.boost.cv_bridge_boost')
except ImportError as error:
    pytest.skip(f"conversions are not compared with cv_bridge's: {error}", allow_module_level=True)

PACKED = [f'{name}{bits}' for bits in (8, 16) for name in ('mono', 'rgb', 'bgr', 'rgba', 'bgra')]
BAYER = [f'bayer_{name}{bits}' for bits in (8, 16) for name in ('rggb', 'bggr', 'gbrg', 'grbg')]
CASES = [
    *((source, target) for source in PACKED for target in PACKED if source != target),
    # cv_bridge demosaics to what has no alpha, and older ones know no 'yuv422_yuy2'.
    *((source, target) for source in BAYER for target in PACKED if 'a' not in target),
    *(('yuv422', target) for target in PACKED[:5]),
]


@pytest.mark.parametrize(('source', 'target'), CASES)
def test_a_conversion_gives_what_cv_bridge_gives(source, target):
    pixel = pixel_format(source)
    shape = (48, 64) if pixel.channels == 1 else (48, 64, pixel.channels)
    top = np.iinfo(pixel.dtype).max
    pixels = np.random.default_rng(3).integers(0, top, shape, pixel.dtype, endpoint=True)
    expected = bridge.cvtColor2(pixels, source, target)
    converted = convert(pixels, source, target)
    assert converted.dtype == expected.dtype
    # cv_bridge may be linked to another OpenCV than cv2 is: a unit of eight bits is rounding.
    unit = 1 if converted.dtype == np.uint8 else 257
    np.testing.assert_allclose(converted, expected, rtol=0, atol=unit)
