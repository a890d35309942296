"""Whatever bytes claim to be a compressed picture, they are decoded or refused."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from fuzzing import fuzz
from PIL import Image as Pillow

from ml_integration.errors import MessageError
from ml_integration.ops.compressed_headers import MOST_PIXELS
from ml_integration.ops.compressed_pictures import raw_picture

PIXELS = cv2.resize(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8), (80, 60))
DEPTH = np.arange(35, dtype=np.uint16).reshape(5, 7)
START = struct.pack('<iff', 0, 10100, -1009)
SIZES = (0, 1, 2, 255, 8192, 32767, 65535, 100_000, 2**31 - 1, 2**32 - 1)
KINDS = {
    'jpeg': 'rgb8; jpeg compressed bgr8',
    'png': 'png',
    'depth': '16UC1; png compressed ',
    'compressedDepth': '32FC1; compressedDepth png',
}


def encoded(end: str, pixels: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(end, pixels, list(options))[1].tobytes()


def saved(form: str, mode: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Pillow.new(mode, (9, 5)).save(stream, form, **options)
    return stream.getvalue()


def seeds_of(kind: str) -> list[bytes]:
    if kind == 'jpeg':
        progressive = encoded('.jpg', PIXELS, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
        gray, restarts = PIXELS[..., 0], (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
        exif = Pillow.Exif()
        exif[0x112] = 6
        return [encoded('.jpg', PIXELS), progressive, encoded('.jpg', gray),
                encoded('.jpg', PIXELS, *restarts), saved('jpeg', 'CMYK'),
                saved('jpeg', 'RGB', exif=exif), saved('webp', 'RGB')]  # fmt: skip
    if kind == 'png':
        more = [saved('png', mode) for mode in ('1', 'P', 'LA', 'RGBA', 'I;16')]
        return [encoded('.png', PIXELS), encoded('.png', PIXELS.astype(np.uint16) * 257), *more]
    start = START if kind == 'compressedDepth' else b''
    return [start + encoded('.png', DEPTH)]


def resized(data: bytes, dice: random.Random) -> bytes:
    """The data with another width or height in its header, of which the checksum is right."""
    changed, size = bytearray(data), dice.choice(SIZES)
    at = data.find(b'IHDR')
    if at >= 0 and at + 21 <= len(data):
        begin = at + dice.choice((4, 8))
        changed[begin : begin + 4] = struct.pack('>I', size)
        changed[at + 17 : at + 21] = struct.pack('>I', zlib.crc32(changed[at : at + 17]))
        return bytes(changed)
    for marker in (b'\xff\xc0', b'\xff\xc2'):
        at = data.find(marker)
        if at >= 0:
            begin = at + dice.choice((5, 7))
            changed[begin : begin + 2] = struct.pack('>H', size % 2**16)
    return bytes(changed)


@pytest.mark.parametrize('kind', KINDS)
def test_compressed_pictures(kind: str, tmp_path: Path) -> None:
    def read(data: bytes) -> None:
        message = SimpleNamespace(header=None, format=KINDS[kind], data=data)
        picture = raw_picture(message)
        assert 0 < picture.height * picture.width <= MOST_PIXELS
        assert picture.data.nbytes == picture.height * picture.step
        assert picture.data.shape[:2] == (picture.height, picture.width)

    seeds = seeds_of(kind)
    words = [b'\xff\xd8\xff', b'\xff\xda', b'\xff\xd9', b'\xff\xc2', b'\xff\xdd', b'IHDR', b'IDAT',
             b'IEND', b'acTL', b'tRNS', b'PLTE', b'eXIf', b'\xff' * 8, b'\0' * 8]  # fmt: skip
    fuzz(read, seeds, MessageError, words=words, damage=resized, keep=tmp_path)
