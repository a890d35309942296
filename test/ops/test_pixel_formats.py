"""Names of image encodings and what they mean."""

import pytest

from ml_integration.errors import MessageError
from ml_integration.ops.pixel_formats import PixelFormat, pixel_format


@pytest.mark.parametrize(
    ('encoding', 'dtype', 'channels', 'color'),
    [
        ('rgb8', 'uint8', 3, 'rgb'),
        ('bgra16', 'uint16', 4, 'bgra'),
        ('mono16', 'uint16', 1, 'mono'),
        ('bayer_gbrg16', 'uint16', 1, 'bayer_gbrg'),
        ('nv21', 'uint8', 1, 'nv21'),
        ('8SC2', 'int8', 2, ''),
        ('16SC1', 'int16', 1, ''),
        ('32SC1', 'int32', 1, ''),
        ('32FC', 'float32', 1, ''),  # no number of channels means one
        ('64FC12', 'float64', 12, ''),
        ('16UC3', 'uint16', 3, ''),  # three numbers of 16 bits need not be colors
    ],
)
def test_an_encoding_says_type_channels_and_color(encoding, dtype, channels, color):
    assert pixel_format(encoding) == PixelFormat(dtype, channels, color)


@pytest.mark.parametrize(
    ('other', 'name'),
    [
        ('yuv422', 'uyvy'),  # the deprecated names of sensor_msgs
        ('yuv422_yuy2', 'yuyv'),
        ('8UC1', 'mono8'),  # OpenCV's types, with OpenCV's order of colors
        ('8UC', 'mono8'),
        ('8UC3', 'bgr8'),
        ('8UC4', 'bgra8'),
    ],
)
def test_two_names_of_the_same_pixels_are_equal(other, name):
    assert pixel_format(other) == pixel_format(name)


@pytest.mark.parametrize(
    'encoding',
    [
        '',
        'RGB8',  # names are lower case
        'rgb8; jpeg compressed',  # the format of a CompressedImage
        '32UC1',  # OpenCV has no such type
        '8UC0',
        '8UC3 ',
    ],
)
def test_an_unknown_encoding_is_refused_with_the_list_of_supported_ones(encoding):
    with pytest.raises(MessageError) as refused:
        pixel_format(encoding)
    assert refused.value.field == 'encoding'
    assert repr(encoding) in str(refused.value)
    assert 'bayer_rggb8' in refused.value.hint
