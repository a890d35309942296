"""From bytes to pixels: step, byte order, memory."""

import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ml_integration.errors import MessageError
from ml_integration.ops.image_layout import image_view
from ml_integration.ops.pixel_formats import PixelFormat, pixel_format

# fmt: off
ENCODINGS = (
    'mono8', 'rgb8', 'bgra8', 'mono16', 'rgb16', 'rgba16',
    'bayer_rggb8', 'bayer_grbg16', 'uyvy', 'nv12',
    '8SC1', '8SC3', '8UC2', '8UC5', '16UC1', '16SC1', '16UC3', '32SC1',
    '32FC1', '32FC3', '32FC4', '64FC1', '64FC2',
)
# fmt: on
CONTAINERS = {
    'array': lambda raw: array.array('B', raw),  # what rclpy hands out
    'bytes': bytes,
    'bytearray': bytearray,
    'memoryview': memoryview,
    'numpy': lambda raw: np.frombuffer(raw, np.uint8),
    'every second byte': lambda raw: np.repeat(np.frombuffer(raw, np.uint8), 2)[::2],
    'every second byte, as a memoryview': lambda raw: memoryview(
        np.repeat(np.frombuffer(raw, np.uint8), 2)
    )[::2],
    'unaligned': lambda raw: np.frombuffer(b'\0' + raw, np.uint8)[1:],
}


def row_bytes(pixels, padding, bigendian):
    """Writes pixels row by row with filler behind each; independent of the code under test."""
    order = '>' if bigendian else '<'
    filler = b'\xa5' * padding
    rows = (row.astype(row.dtype.newbyteorder(order)).tobytes() + filler for row in pixels)
    return b''.join(rows)


@st.composite
def stored_images(draw):
    """(encoding, height, width, pixels as they have to come out)."""
    encoding = draw(st.sampled_from(ENCODINGS))
    pixel = pixel_format(encoding)
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    if pixel.shares_columns:
        height, width = 2 * height, 2 * width
    rows = pixel.rows(height)
    shape = (rows, width) if pixel.channels == 1 else (rows, width, pixel.channels)
    return encoding, height, width, draw(hnp.arrays(pixel.dtype, shape))


@settings(deadline=None)
@given(
    stored_images(),
    st.integers(0, 9),
    st.booleans(),
    st.sampled_from(sorted(CONTAINERS)),
)
def test_what_was_stored_is_read_again(image, padding, bigendian, container):
    encoding, height, width, pixels = image
    raw = row_bytes(pixels, padding, bigendian)
    data, step = CONTAINERS[container](raw), len(raw) // len(pixels)
    view = image_view(data, height, width, step, pixel_format(encoding), bigendian)
    np.testing.assert_array_equal(view, pixels)
    assert view.dtype == pixels.dtype
    assert view.dtype.isnative
    assert not view.flags.writeable


@pytest.mark.parametrize(
    ('encoding', 'padding', 'bigendian', 'shared'),
    [
        ('rgb8', 0, False, True),
        ('rgb8', 5, False, True),  # padding is stepped over
        ('rgb8', 0, True, True),  # one byte has no order
        ('16UC1', 4, False, True),
        ('16UC1', 0, True, False),  # swapped
        ('16UC1', 3, False, False),  # every other row would be unaligned
        ('64FC1', 8, False, True),
    ],
)
def test_memory_is_shared_unless_bytes_have_to_move(encoding, padding, bigendian, shared):
    pixel = pixel_format(encoding)
    shape = (6, 4) if pixel.channels == 1 else (6, 4, pixel.channels)
    raw = row_bytes(np.ones(shape, pixel.dtype), padding, bigendian)
    data = np.zeros(len(raw) // 8 + 1, np.float64).view(np.uint8)[: len(raw)]  # aligned
    view = image_view(data, 6, 4, len(raw) // 6, pixel, bigendian)
    assert np.shares_memory(view, data) == shared


RGB8 = pixel_format('rgb8')
NV12 = pixel_format('nv12')
UYVY = pixel_format('uyvy')


@pytest.mark.parametrize(
    ('size', 'height', 'width', 'step', 'pixel', 'field', 'expected'),
    [
        (0, 0, 4, 12, RGB8, 'height', 'at least 1'),
        (0, 4, 0, 0, RGB8, 'width', 'at least 1'),
        (44, 4, 4, 11, RGB8, 'step', 'at least 12'),  # a row does not fit
        (0, 4, 4, 0, RGB8, 'step', 'at least 12'),  # a publisher that leaves step out
        (47, 4, 4, 12, RGB8, 'data', '48: 4 rows of 12 bytes'),
        (49, 4, 4, 12, RGB8, 'data', '48: 4 rows of 12 bytes'),
        (0, 4, 4, 12, RGB8, 'data', '48'),
        (0, 2**32 - 1, 2**32 - 1, 2**34, RGB8, 'data', 'rows'),  # no overflow, no allocation
        (24, 4, 4, 4, PixelFormat('uint16', 1), 'step', '4 pixels of 2 bytes'),
        (16, 4, 4, 4, NV12, 'data', '24: 6 rows'),  # the rows of color are missing
        (18, 3, 4, 4, NV12, 'height', 'even'),
        (18, 4, 3, 3, NV12, 'width', 'even'),
        (24, 4, 3, 6, UYVY, 'width', 'even'),
    ],
)
def test_fields_that_contradict_each_other_are_named(
    size, height, width, step, pixel, field, expected
):
    with pytest.raises(MessageError) as refused:
        image_view(bytes(size), height, width, step, pixel, False)
    assert refused.value.field == field
    assert expected in refused.value.expected


@pytest.mark.parametrize('data', [None, [0] * 12, 'twelve bytes'])
def test_data_that_is_no_buffer_is_refused(data):
    with pytest.raises(MessageError, match='buffer of bytes'):
        image_view(data, 1, 4, 12, RGB8, False)
