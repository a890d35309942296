"""Reads what JPEG and PNG say of themselves, before anything of them is decoded.

A few bytes can claim to be a picture that fills the memory, and OpenCV makes gray pixels of what
is cut off a JPEG, so that both have to be found here. By ITU-T T.81 annex B, and PNG (3rd ed.) 5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from ml_integration.errors import MessageError

MOST_BYTES = 2**28
"""Bytes of the largest compressed picture."""
MOST_PIXELS = 2**26
"""Pixels of the largest picture: twice those of an 8K camera."""
MOST_PARTS = 2**17
"""Most segments or chunks of a picture; an 8K PNG has some thousands."""
MOST_SCANS = 128
"""Most passes over a progressive JPEG, each of which takes as long as the picture is large."""

_KNOWN = {
    b'GIF8': 'a GIF',
    b'BM': 'a BMP',
    b'II*\0': 'a TIFF',
    b'MM\0*': 'a TIFF',
    b'\xff\x0a': 'a JPEG XL',
    b'\0\0\0\x0cJXL ': 'a JPEG XL',
    b'\0\0\0\x0cjP': 'a JPEG 2000',
    b'\xff\x4f\xff\x51': 'a JPEG 2000',
    b'\0\0\0\1': 'a frame of a video (H.264 or H.265)',
}
"""Begin of what others compress pictures to."""
_BRANDS = {b'WEBP': 'a WebP', b'avif': 'an AVIF', b'avis': 'an AVIF', b'heic': 'a HEIC'}
"""The same, behind eight bytes that differ."""
_JPEG, _PNG = b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n'
_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of the JPEG segment that tells the size."""
_SCAN, _END = 0xDA, b'\xff\xd9'
_CUT_OFF = 'The message may have been cut off on its way, or the camera stopped in the middle.'


@dataclass(frozen=True, slots=True)
class CompressedHeader:
    """What a compressed picture says of itself.

    Attributes:
        codec: 'jpeg' or 'png'.
        height: rows.
        width: columns.
        size: bytes that belong to it. What follows was not looked at, and may claim anything.
    """

    codec: str
    height: int
    width: int
    size: int


def read_header(data: memoryview) -> CompressedHeader:
    """Reads the size of a JPEG or PNG, and checks that it is whole and not too large.

    Args:
        data: all of its bytes.

    Raises:
        MessageError: it is neither, is cut off or animated, has no or too many pixels, or colors
            for printing.
    """
    if len(data) > MOST_BYTES:
        raise MessageError('data', f'{len(data)} bytes', f'at most {MOST_BYTES} bytes')
    for start, read in _READERS.items():
        if data[: len(start)] == start:
            try:
                return read(data)
            except struct.error:
                raise _cut_off('more', f'{len(data)} bytes') from None
    raise MessageError('data', _named(bytes(data[:16]), len(data)), 'a JPEG or PNG')


def _named(first: bytes, size: int) -> str:
    """Returns what data are that are neither, by their first 16 bytes."""
    known = (name for begin, name in _KNOWN.items() if first.startswith(begin))
    named = _BRANDS.get(first[8:12]) or next(known, '')
    return named or f'{size} bytes that begin with {first[:4].hex(" ") or "nothing"}'


def _jpeg(data: memoryview) -> CompressedHeader:
    at, header, repeats = 2, None, False
    for _ in range(MOST_PARTS):
        mark, kind, length = struct.unpack_from('>BBH', data, at)
        if (mark, kind) == (0xFF, 0xFF):  # a segment may have any number of them before it
            at += 1
            continue
        if mark != 0xFF or length < 2 or bytes((mark, kind)) == _END:
            break
        if kind in _SIZES:
            height, width, parts = struct.unpack_from('>HHB', data, at + 5)
            header = _sized('jpeg', height, width, len(data))
            repeats = kind not in (0xC0, 0xC1)
            _check_colors(parts)
        if kind == _SCAN:
            if header is None:
                break
            _check_scans(data[at:], repeats)
            return header
        at += 2 + length
    raise MessageError('data', f'no JPEG segment at byte {at}', 'a JPEG that can be read')


def _check_colors(parts: int) -> None:
    if parts not in (1, 3):
        got = 'a JPEG in CMYK' if parts == 4 else f'a JPEG of {parts} channels'
        hint = 'Nobody says how those inks look on a screen: publish colors of light.'
        raise MessageError('data', got, 'gray, or three channels of color', hint)


def _check_scans(data: memoryview, repeats: bool) -> None:
    """Checks what follows the header of a JPEG, where no other FF D9 can be than its end."""
    if data[-2:] != _END or repeats:
        content = bytes(data)
        if _END not in content:  # there may be more behind it: cameras fill their buffers up
            raise _cut_off('one with it', 'a JPEG without its end')
        if content.count(bytes((0xFF, _SCAN))) > MOST_SCANS:
            raise MessageError('data', 'a JPEG in too many passes', f'at most {MOST_SCANS}')


def _png(data: memoryview) -> CompressedHeader:
    length, kind, width, height = struct.unpack_from('>I4sII', data, len(_PNG))
    if (length, kind) != (13, b'IHDR'):
        raise MessageError('data', f'a PNG that begins with {kind!r}', 'one that begins with IHDR')
    header, at = _sized('png', height, width, len(data)), len(_PNG)
    for _ in range(MOST_PARTS):
        length, kind = struct.unpack_from('>I4s', data, at)
        if kind == b'acTL':
            hint = 'A message is one picture; publish one for each.'
            raise MessageError('data', 'an animated PNG', 'a single picture', hint)
        at += 12 + length
        if at > len(data):  # OpenCV would make room for all that is claimed
            raise _cut_off(f'{at} bytes', f'{len(data)} bytes')
        if kind == b'IEND':
            return replace(header, size=at)
    raise MessageError('data', f'a PNG of more than {MOST_PARTS} chunks', 'fewer of them')


def _sized(codec: str, height: int, width: int, size: int) -> CompressedHeader:
    if not height or not width:
        raise MessageError('data', f'a picture of {width} x {height} pixels', 'some pixels')
    if height * width > MOST_PIXELS:
        raise MessageError(
            'data',
            f'a picture of {width} x {height} pixels',
            f'at most {MOST_PIXELS} pixels',
            'It was not decoded. Publish smaller pictures, or raw ones.',
        )
    return CompressedHeader(codec, height, width, size)


def _cut_off(expected: str, got: str) -> MessageError:
    return MessageError('data', got, expected, _CUT_OFF)


_READERS: dict[bytes, Callable[[memoryview], CompressedHeader]] = {_JPEG: _jpeg, _PNG: _png}
