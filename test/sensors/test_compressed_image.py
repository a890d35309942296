"""The sensor of compressed pictures: what image_transport publishes, and what nobody should."""

from __future__ import annotations

import array
import io
import resource
import struct
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from ml_integration.errors import MessageError
from ml_integration.ops.compressed_headers import MOST_BYTES, MOST_SCANS
from ml_integration.sensors.compressed_image import CompressedImage

HEADER = SimpleNamespace(frame_id='camera')
COLORS = np.random.default_rng(3).integers(0, 256, (6, 9, 3)).astype(np.uint8)
DEPTH = np.arange(54, dtype=np.uint16).reshape(6, 9) * 100


def encoded(pixels: np.ndarray, suffix: str = '.png') -> bytes:
    """As OpenCV compresses pixels that it takes for gray or BGR."""
    return cv2.imencode(suffix, pixels)[1].tobytes()


def message(what: str, data: bytes) -> SimpleNamespace:
    return SimpleNamespace(header=HEADER, format=what, data=array.array('B', data))


def decoded(what: str, data: bytes, *formats: str) -> np.ndarray:
    frame = CompressedImage(formats).decode(message(what, data), 5)
    assert (frame.format in formats, frame.frame_id, frame.stamp_ns) == (True, 'camera', 5)
    assert not frame.data.flags.writeable
    return frame.data


def refusal(what: str, data: bytes, *formats: str) -> str:
    with pytest.raises(MessageError) as error:
        CompressedImage(formats or ('rgb8', 'bgr8')).decode(message(what, data), 0)
    return str(error.value)


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack('>I', zlib.crc32(kind + content))
    return struct.pack('>I', len(content)) + kind + content + checksum


def png(width: int, height: int, *between: bytes, depth: int = 8) -> bytes:
    """A PNG that claims a size, and holds a kilobyte of zeros."""
    size = struct.pack('>IIBBBBB', width, height, depth, 2, 0, 0, 0)
    parts = [chunk(b'IHDR', size), *between, chunk(b'IDAT', zlib.compress(bytes(1000)))]
    return b'\x89PNG\r\n\x1a\n' + b''.join([*parts, chunk(b'IEND', b'')])


def pillow(mode: str, suffix: str, size: tuple[int, int] = (8, 4), **options: object) -> bytes:
    stream = io.BytesIO()
    Pillow.new(mode, size).save(stream, suffix, **options)
    return stream.getvalue()


@pytest.mark.parametrize('what', ['png', 'rgb8; png compressed bgr8', 'bgr8; png compressed bgr8',
                                  'yuv422_yuy2; png compressed bgr8'])  # fmt: skip
def test_colors_are_those_that_opencv_reads(what: str) -> None:
    assert np.array_equal(decoded(what, encoded(COLORS), 'bgr8'), COLORS)
    assert np.array_equal(decoded(what, encoded(COLORS), 'rgb8'), COLORS[..., ::-1])


@pytest.mark.parametrize('what', ['rgb8; png compressed ', 'bgr8; png compressed '])
def test_colors_that_nobody_brought_into_opencv_s_order_are_as_they_were_given_to_it(
    what: str,
) -> None:
    assert np.array_equal(decoded(what, encoded(COLORS), 'rgb8'), COLORS)


def test_a_wanted_order_of_colors_is_not_changed() -> None:
    frame = CompressedImage(('rgb8', 'bgr8')).decode(message('png', encoded(COLORS)), 0)
    assert frame.format == 'bgr8'


def test_a_jpeg_is_what_opencv_makes_of_it_also_with_padding_behind_its_end() -> None:
    large = cv2.resize(COLORS, (64, 48))
    data = encoded(large, '.jpg')
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    for padding in (b'', bytes(500), b'\xff' * 3):
        assert np.array_equal(decoded('jpeg', data + padding, 'bgr8'), expected)


def test_gray_and_16_bits_are_kept_or_converted() -> None:
    gray = COLORS[..., 0]
    assert np.array_equal(decoded('mono8; png compressed ', encoded(gray), 'mono8'), gray)
    assert np.array_equal(decoded('png', encoded(gray), 'rgb8'), np.dstack([gray] * 3))
    assert np.array_equal(decoded('png', encoded(DEPTH), 'mono16'), DEPTH)
    wide = COLORS.astype(np.uint16) * 257
    assert np.array_equal(decoded('rgb16; png compressed bgr16', encoded(wide), 'bgr8'), COLORS)
    alpha = np.dstack([COLORS, COLORS[..., 0]])
    assert np.array_equal(decoded('png', encoded(alpha), 'bgr8'), COLORS)


def test_a_bayer_picture_is_developed() -> None:
    mosaic = np.full((6, 8), 77, np.uint8)
    colors = decoded('bayer_rggb8; png compressed ', encoded(mosaic), 'rgb8')
    assert colors.shape == (6, 8, 3) and (colors == 77).all()


@pytest.mark.parametrize('what', ['16UC1; png compressed ', '16UC1; compressedDepth png',
                                  '16UC1; compressedDepth'])  # fmt: skip
def test_depth_in_millimeters_becomes_meters_and_nothing_seen_is_nan(what: str) -> None:
    start = bytes(12) if 'Depth' in what else b''
    meters = decoded(what, start + encoded(DEPTH), '32FC1')
    assert np.isnan(meters[0, 0])
    np.testing.assert_allclose(meters.ravel()[1:], DEPTH.ravel()[1:] / 1000, rtol=1e-6)


def test_quantized_depth_is_what_the_plug_in_makes_of_it() -> None:
    scale, offset = 100 * 101.0, 1 - 100 * 101 / 10  # of its defaults: quantization 100, 10 m
    meters = np.linspace(0.5, 9.5, 54).reshape(6, 9)
    inverse = (scale / meters + offset).astype(np.uint16)
    inverse[2, 3] = 0
    data = struct.pack('<iff', 0, scale, offset) + encoded(inverse)
    found = decoded('32FC1; compressedDepth png', data, '32FC1')
    assert found.dtype == np.float32 and np.isnan(found[2, 3])
    found = np.where(np.isnan(found), meters, found)
    # A step of the quantization is meters ** 2 / scale.
    assert (np.abs(found - meters) <= meters**2 / scale * 1.01).all()


def test_a_turn_in_the_exif_data_is_not_made() -> None:
    exif = Pillow.Exif()
    exif[0x112] = 6  # a quarter turn
    assert decoded('jpeg', pillow('RGB', 'jpeg', exif=exif), 'rgb8').shape == (4, 8, 3)


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview, np.frombuffer])
def test_data_may_be_any_buffer_and_are_left_alone(kind: type) -> None:
    data = encoded(COLORS)
    kinds = {np.frombuffer: lambda content: np.frombuffer(content, np.uint8)}
    given = kinds.get(kind, kind)(data)
    one = SimpleNamespace(header=HEADER, format='png', data=given)
    assert np.array_equal(CompressedImage(('bgr8',)).decode(one, 0).data, COLORS)
    assert bytes(given) == data


@pytest.mark.parametrize('progressive', [False, True])
@pytest.mark.parametrize('share', [0.1, 0.5, 0.9, 0.99])
def test_a_jpeg_that_is_cut_off_is_refused(share: float, progressive: bool) -> None:
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    data = cv2.imencode('.jpg', cv2.resize(COLORS, (320, 240)), options)[1].tobytes()
    said = refusal('jpeg', data[: int(len(data) * share)])
    assert 'may have been cut off' in said
    assert refusal('jpeg', data[: int(len(data) * share)] + bytes(64)) == said or share == 0.1


@pytest.mark.parametrize('share', [0.02, 0.5, 0.99])
def test_a_png_that_is_cut_off_is_refused(share: float) -> None:
    data = encoded(cv2.resize(COLORS, (320, 240)))
    assert 'may have been cut off' in refusal('png', data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ('what', 'data', 'part'),
    [
        ('png', png(100_000, 100_000), 'a picture of 100000 x 100000 pixels'),
        ('png', png(2**31 - 1, 1), 'at most 67108864 pixels'),
        ('png', png(0, 5), 'a picture of 0 x 5 pixels'),
        ('png', png(500, 500), 'OpenCV'),  # the pixels are not there
        ('png', png(9, 9, chunk(b'acTL', bytes(8))), 'an animated PNG'),
        ('png', png(9, 9, struct.pack('>I4s', 2**31 - 1, b'zTXt')), 'cut off'),
        ('png', png(9, 9)[:8] + chunk(b'IDAT', bytes(40)), 'begins with'),
        ('png', png(9, 9)[:8] + chunk(b'tEXt', b'')*3, 'begins with'),
        ('jpeg', pillow('CMYK', 'jpeg'), 'a JPEG in CMYK'),
        ('jpeg', b'\xff\xd8\xff\xc0\0\x0b\x08\0\0\0\x09\1\1\1\0', 'a picture of 9 x 0 pixels'),
        ('jpeg', b'\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\1\1\1\0', '65535 x 65535'),
        ('jpeg', b'\xff\xd8\xff\xda' + bytes(40), 'a JPEG that can be read'),
        ('jpeg', b'\xff\xd8\xff\xd9' + bytes(40), 'a JPEG that can be read'),
        ('jpeg', b'\xff\xd8\xff\xc0\0\x0b\x08\0\1\0\1\1\1\1\0\xff\xda\0\2\xff\xd9', 'OpenCV'),
        ('jpeg', b'', '0 bytes that begin with nothing'),
        ('jpeg', b'riff' + bytes(40), 'begin with 72 69 66 66'),
        ('jpeg', pillow('P', 'gif'), "got 'a GIF'; expected a JPEG or PNG"),
        ('jpeg', pillow('RGB', 'webp'), "got 'a WebP'"),
        ('jpeg', pillow('RGB', 'tiff'), "got 'a TIFF'"),
        ('jpeg', pillow('RGB', 'bmp'), "got 'a BMP'"),
        ('jpeg', b'\0\0\0\x20ftypavif' + bytes(40), "got 'an AVIF'"),
        ('jpeg', b'\0\0\0\1\x67' + bytes(40), 'a frame of a video'),
        ('16UC1; png compressed ', png(100_000, 100_000, depth=16), 'of 100000 x 100000 pixels'),
        ('16UC1; compressedDepth png', bytes(12) + png(9999, 9999, depth=16), '9999 x 9999'),
        ('png', encoded(COLORS, '.jpg'), "got 'png'; expected jpeg, as the data are"),
        ('h264', encoded(COLORS), "got 'h264'; expected 'jpeg' or 'png'"),
        ('', encoded(COLORS), "got ''"),
        ('no_such8; png compressed ', encoded(COLORS), 'no_such8'),
        ('16UC1; png compressed ', encoded(COLORS), "as '16UC1' was compressed"),
        ('16UC1; compressedDepth rvl', bytes(40), 'compressedDepth png'),
        ('rgb8; compressedDepth png', bytes(40), '16UC1 or 32FC1'),
        ('16UC1; compressedDepth png', bytes(11), 'at least 12'),
        ('32FC1; compressedDepth png', bytes(12) + encoded(DEPTH), 'a quantization of 0 and 0'),
        ('32FC1; compressedDepth png', bytes(12) + encoded(COLORS), "as '32FC1' was compressed"),
        ('mono16; png compressed ', encoded(DEPTH), 'cannot become 32FC1'),
    ],
)  # fmt: skip
def test_a_picture_that_cannot_be_used_is_refused_in_a_sentence(
    what: str, data: bytes, part: str
) -> None:
    formats = ('32FC1',) if 'Depth' in what or 'mono16' in what else ()
    assert part in refusal(what, data, *formats)


def test_a_message_beyond_all_measure_is_not_looked_at() -> None:
    data = np.zeros(MOST_BYTES + 1, np.uint8)  # which takes no memory until somebody looks
    huge = SimpleNamespace(header=HEADER, format='png', data=data)
    with pytest.raises(MessageError, match='at most'):
        CompressedImage(('rgb8',)).decode(huge, 0)


def test_a_jpeg_in_endless_passes_is_refused_before_the_first() -> None:
    data = pillow('RGB', 'jpeg', progressive=True)
    start = data.index(b'\xff\xda')
    passes = data[start:-2] * (MOST_SCANS + 1)
    assert 'a JPEG in too many passes' in refusal('jpeg', data[:start] + passes + b'\xff\xd9')


def test_what_follows_a_png_is_not_read() -> None:
    behind = struct.pack('>I4s', 2**32 - 1, b'IDAT')  # OpenCV would make room for all of it
    assert np.array_equal(decoded('png', encoded(COLORS) + behind, 'bgr8'), COLORS)
    without = b'\x89PNG\r\n\x1a\n' + b''.join(
        [chunk(b'IHDR', struct.pack('>IIBBBBB', 7, 5, 8, 2, 0, 0, 0)), chunk(b'IEND', b'')]
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert 'OpenCV' in refusal('png', without + behind)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # KiB
