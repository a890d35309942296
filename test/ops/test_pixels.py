"""Conversions of pixels, against references that use numpy only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ml_integration.errors import MessageError
from ml_integration.ops.pixel_formats import pixel_format
from ml_integration.ops.pixels import choose_format, convert, to_bgr8

PACKED = ('mono', 'rgb', 'bgr', 'rgba', 'bgra')
BAYER = ('rggb', 'bggr', 'gbrg', 'grbg')
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
DEPTHS = st.sampled_from((8, 16))


@st.composite
def packed_pictures(draw):
    """A picture as (color, bits, pixels)."""
    color, bits = draw(st.sampled_from(PACKED)), draw(DEPTHS)
    shape = draw(SIZES) + {'mono': ()}.get(color, (len(color),))
    return color, bits, draw(hnp.arrays(f'uint{bits}', shape))


def rgb_and_alpha(color, pixels):
    """Red, green and blue as (H, W, 3) float64 and alpha as (H, W) or None."""
    values = pixels.astype(np.float64)
    if color == 'mono':
        return np.stack([values] * 3, axis=-1), None
    alpha = values[..., 3] if color.endswith('a') else None
    return values[..., [color.index(name) for name in 'rgb']], alpha


def expected_pixels(source, source_bits, pixels, target, target_bits):
    """The same conversion in float64, not rounded."""
    rgb, alpha = rgb_and_alpha(source, pixels)
    factor = (2.0**target_bits - 1) / (2.0**source_bits - 1)
    if target == 'mono':
        gray = rgb[..., 0] if source == 'mono' else rgb @ [0.299, 0.587, 0.114]
        return gray * factor
    if alpha is None:
        alpha = np.full(rgb.shape[:2], 2.0**source_bits - 1)
    planes = {'r': rgb[..., 0], 'g': rgb[..., 1], 'b': rgb[..., 2], 'a': alpha}
    return np.stack([planes[name] for name in target], axis=-1) * factor


@settings(deadline=None)
@given(packed_pictures(), st.sampled_from(PACKED), DEPTHS)
def test_color_conversions_agree_with_arithmetic_to_within_rounding(picture, target, bits):
    color, source_bits, pixels = picture
    converted = convert(pixels, f'{color}{source_bits}', f'{target}{bits}')
    expected = expected_pixels(color, source_bits, pixels, target, bits)
    # A unit of the coarser depth; OpenCV's weights for gray have 14 bits only.
    tolerance = {(8, 8): 1, (16, 8): 1, (8, 16): 257, (16, 16): 3}[source_bits, bits]
    assert converted.dtype == f'uint{bits}'
    assert converted.shape == expected.shape
    assert np.abs(converted - expected).max() <= tolerance


def test_sixteen_bits_become_eight_over_the_full_range():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(convert(values, 'mono16', 'mono8'), np.rint(values / 257))


def test_eight_bits_survive_the_way_to_sixteen_and_back(picture_rgb):
    wide = convert(picture_rgb, 'rgb8', 'bgr16')
    assert wide.max() > 60_000
    assert np.array_equal(convert(wide, 'bgr16', 'rgb8'), picture_rgb)


@pytest.mark.parametrize('pattern', BAYER)
@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('target', ['rgb', 'bgr', 'rgba', 'bgra', 'mono'])
def test_a_bayer_mosaic_gives_the_colors_that_its_name_promises(pattern, bits, target):
    full = {8: 200, 16: 50_000}[bits]
    y, x = np.mgrid[0:12, 0:14]
    ramps = np.stack([full - 4 * x, full // 2 + 3 * y, 2 * x + y], axis=-1)  # linear: exact
    channel = np.array(['rgb'.index(name) for name in pattern]).reshape(2, 2)[y % 2, x % 2]
    mosaic = np.take_along_axis(ramps, channel[..., None], axis=2)[..., 0].astype(f'uint{bits}')
    converted = convert(mosaic, f'bayer_{pattern}{bits}', f'{target}{bits}')
    expected = expected_pixels('rgb', bits, ramps, target, bits)
    assert np.abs(converted - expected)[1:-1, 1:-1].max() <= 1


def test_a_bayer_mosaic_too_small_to_interpolate_is_refused():
    with pytest.raises(MessageError, match='3 x 3'):
        convert(np.zeros((2, 8), np.uint8), 'bayer_rggb8', 'rgb8')


def yuv_to_rgb(y, u, v):
    """BT.601 with Y from 16 to 235, as video has it; what is below black is black."""
    y, u, v = 1.164 * np.maximum(y - 16.0, 0), u - 128.0, v - 128.0
    rgb = np.stack([y + 1.596 * v, y - 0.813 * v - 0.391 * u, y + 2.018 * u], axis=-1)
    return np.clip(rgb, 0, 255)


@st.composite
def yuv_planes(draw):
    """Y (H, W) and, at half the size, U and V."""
    rows, columns = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    y = draw(hnp.arrays(np.uint8, (2 * rows, 2 * columns)))
    return y, *(draw(hnp.arrays(np.uint8, (rows, columns))) for _ in 'uv')


@settings(deadline=None)
@given(yuv_planes(), st.sampled_from(('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2', 'nv12', 'nv21')))
def test_yuv_agrees_with_bt_601_to_within_rounding(planes, encoding):
    y, u, v = planes
    wide_u, wide_v = (np.repeat(np.repeat(half, 2, 0), 2, 1) for half in (u, v))
    if encoding.startswith('nv'):
        pair = (u, v) if encoding == 'nv12' else (v, u)
        pixels = np.vstack([y, np.stack(pair, axis=-1).reshape(len(u), -1)])
    else:
        shared = np.where(np.arange(y.shape[1]) % 2, wide_v, wide_u)
        first, second = (shared, y) if encoding in ('uyvy', 'yuv422') else (y, shared)
        pixels = np.stack([first, second], axis=-1)
    expected = yuv_to_rgb(y, wide_u, wide_v)
    assert np.abs(convert(pixels, encoding, 'rgb8') - expected).max() <= 2
    assert np.abs(convert(pixels, encoding, 'bgr8')[..., ::-1] - expected).max() <= 2
    assert np.array_equal(convert(pixels, encoding, 'mono8'), y)


@settings(deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3))))
def test_nv24_agrees_with_bt_601_to_within_rounding(yuv):
    y, u, v = np.moveaxis(yuv, -1, 0)
    color = np.stack((u, v), axis=-1).reshape(2 * len(y), -1)
    pixels, expected = np.vstack([y, color]), yuv_to_rgb(y, u, v)
    assert np.abs(convert(pixels, 'nv24', 'rgb8') - expected).max() <= 2
    assert np.abs(convert(pixels, 'nv24', 'bgr8')[..., ::-1] - expected).max() <= 2
    assert np.array_equal(convert(pixels, 'nv24', 'mono8'), y)


def test_depth_in_millimeters_becomes_meters_and_zero_becomes_nan():
    depth = np.array([[0, 1, 1500, 65535]], np.uint16)
    meters = convert(depth, '16UC1', '32FC1')
    assert meters.dtype == np.float32
    np.testing.assert_allclose(meters, [[np.nan, 0.001, 1.5, 65.535]], rtol=1e-6)


def test_the_same_pixels_under_another_name_are_not_copied(picture_rgb):
    assert convert(picture_rgb, '8UC3', 'bgr8') is picture_rgb


@pytest.mark.parametrize(
    ('encoding', 'formats', 'chosen'),
    [
        ('rgb8', ('rgb8', 'bgr8'), 'rgb8'),
        ('bgr8', ('rgb8', 'bgr8'), 'bgr8'),  # taken as it is, though not preferred
        ('8UC3', ('rgb8', 'bgr8'), 'bgr8'),  # the same pixels under the name that is wanted
        ('8UC3', ('bgr8', '8UC3'), '8UC3'),  # its own name, where that is wanted
        ('bgra8', ('rgb8', 'bgr8'), 'rgb8'),  # all need work: the preferred one
        ('mono8', ('32FC1', 'rgb8'), 'rgb8'),  # the preferred one of those that can be made
        ('bgr8', ('nv12', 'mono8'), 'mono8'),  # nothing is turned into YUV
        ('16UC1', ('32FC1', '16UC1'), '16UC1'),
        ('16UC1', ('32FC1',), '32FC1'),
    ],
)
def test_the_format_that_costs_least_is_chosen(encoding, formats, chosen):
    assert choose_format(encoding, formats) == chosen


@pytest.mark.parametrize(
    ('encoding', 'formats', 'why'),
    [
        ('16UC1', ('rgb8', 'bgr8'), 'distances'),  # depth never becomes color
        ('32FC1', ('mono8',), 'distances'),
        ('8UC2', ('rgb8',), 'distances'),
        ('16UC3', ('bgr8',), 'distances'),
        ('32FC1', ('16UC1',), 'distances'),  # finer and longer than 16 bits can say
        ('mono16', ('16UC1',), 'picture'),  # nor color depth
        ('rgb8', ('32FC3',), 'picture'),
        ('rgb8', ('bayer_rggb8',), 'picture'),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(encoding, formats, why):
    with pytest.raises(MessageError, match=why) as refused:
        choose_format(encoding, formats)
    assert refused.value.field == 'encoding'
    with pytest.raises(MessageError, match=why):
        convert(np.zeros((4, 4), np.uint8), encoding, formats[0])


def test_every_color_converts_to_every_packed_color():
    sources = [f'{name}{bits}' for bits in (8, 16) for name in PACKED]
    sources += [f'bayer_{name}{bits}' for bits in (8, 16) for name in BAYER]
    sources += ['uyvy', 'yuyv', 'nv12', 'nv21', 'nv24']
    for source in sources:
        pixel = pixel_format(source)
        shape = (6, 4) if pixel.channels == 1 else (6, 4, pixel.channels)
        for target in sources[:10]:
            wanted = pixel_format(target)
            converted = convert(np.zeros(shape, pixel.dtype), source, target)
            assert converted.dtype == wanted.dtype
            (height,) = [rows for rows in (2, 4, 6) if pixel.rows(rows) == 6]
            assert converted.shape[:2] == (height, 4)
            assert converted.shape[2:] == ((wanted.channels,) if wanted.channels > 1 else ())


@pytest.mark.parametrize(
    'encoding',
    ['bgr8', '8UC3', 'rgb8', 'rgba16', 'mono8', 'bayer_rggb8', 'uyvy', '16UC1', '32FC3', '64FC1'],
)
def test_a_canvas_can_be_drawn_on_without_touching_the_frame(encoding):
    pixel = pixel_format(encoding)
    shape = (6, 8) if pixel.channels == 1 else (6, 8, pixel.channels)
    pixels = np.ones(shape, pixel.dtype)
    pixels.flags.writeable = False
    canvas = to_bgr8(pixels, encoding)
    assert canvas.shape == (6, 8, 3)
    assert canvas.dtype == np.uint8
    assert canvas.flags.c_contiguous
    assert not np.shares_memory(canvas, pixels)
    canvas[:] = 9


def test_a_canvas_shows_depth_from_black_to_white_and_holes_in_black():
    depth = np.array([[1.0, 2.0, 3.0], [np.nan, np.inf, -np.inf]], np.float32)
    canvas = to_bgr8(depth, '32FC1')
    assert canvas[..., 0].tolist() == [[0, 128, 255], [0, 0, 0]]
    assert (canvas == canvas[..., :1]).all()


@pytest.mark.parametrize('depth', [np.nan, np.inf, 3.0])
def test_a_canvas_of_depth_without_any_contrast_is_black(depth):
    assert not to_bgr8(np.full((4, 4), depth, np.float32), '32FC1').any()


@pytest.fixture
def picture_rgb():
    """A (48, 64, 3) uint8 picture with ramps and noise."""
    y, x = np.mgrid[0:48, 0:64]
    ramps = np.stack([4 * x, 5 * y, 255 - 2 * x - 2 * y], axis=-1)
    noise = np.random.default_rng(7).integers(-20, 20, ramps.shape)
    return np.clip(ramps + noise, 0, 255).astype(np.uint8)
