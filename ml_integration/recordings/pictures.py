"""A picture, or the pictures of a folder in the order of their names."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from ml_integration.errors import RecordingError
from ml_integration.recordings import Attempts, Recorded

IMAGE = 'sensor_msgs/msg/Image'
RATE_HZ = 30.0
"""Rate at which pictures without times are taken to follow one another [Hz]."""
MOST_PIXELS = 2**27
"""Pixels of the largest picture: three times those of the largest cameras."""
MOST_BYTES = 2**29
"""Bytes of the largest file of a picture."""
PNG = b'\x89PNG\r\n\x1a\n'
"""First bytes of a PNG."""
CHUNK = 12
"""Bytes of a part of a PNG besides its content: length, kind and checksum."""
SUFFIXES = frozenset(
    ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.pnm', '.ppm', '.tif', '.tiff', '.webp')
)
"""Names' ends of files that are meant to be pictures, also if nobody can read them."""

Bgr = npt.NDArray[np.uint8]
"""(H, W, 3) in the order blue, green, red."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """As builtin_interfaces/msg/Time."""

    sec: int
    nanosec: int


@dataclass(frozen=True, slots=True)
class Header:
    """As std_msgs/msg/Header."""

    stamp: Stamp
    frame_id: str = ''


@dataclass(frozen=True, slots=True)
class PictureMessage:
    """As sensor_msgs/msg/Image."""

    header: Header
    height: int
    width: int
    encoding: str
    step: int
    data: npt.NDArray[np.uint8]
    is_bigendian: int = 0


def picture_message(
    pixels: npt.NDArray[np.uint8], stamp_ns: int = 0, encoding: str = 'bgr8'
) -> PictureMessage:
    """Makes a message with the fields of sensor_msgs/msg/Image.

    Args:
        pixels: (H, W, 3) uint8.
        stamp_ns: its stamp [ns].
        encoding: the order of the colors, 'bgr8' or 'rgb8'.
    """
    height, width, channels = pixels.shape
    flat = np.ascontiguousarray(pixels).reshape(-1)
    header = Header(Stamp(*divmod(stamp_ns, 1_000_000_000)))
    return PictureMessage(header, height, width, encoding, width * channels, flat)


@dataclass(slots=True)
class Pictures:
    """A picture, or those of a folder; numbers in names by value: 'frame9.png', 'frame10.png'.

    Args:
        path: file or folder.

    Raises:
        RecordingError: the folder cannot be listed.
    """

    path: Path
    files: list[Path] = field(init=False)
    rate_hz: float = field(init=False, default=RATE_HZ)

    def __post_init__(self) -> None:
        files = [self.path] if not self.path.is_dir() else _pictures_in(self.path)
        self.files = sorted(files, key=_natural)

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self.files)

    @staticmethod
    def recognize(path: Path) -> bool:
        """Tells whether it is a picture, or a folder with at least one."""
        return bool(_pictures_in(path)) if path.is_dir() else is_picture(path)

    def __iter__(self) -> Iterator[Recorded]:
        """Reads the pictures, at a steady rate."""
        return Attempts(partial(_recorded, *one) for one in enumerate(self.files))

    def frames(self) -> Iterator[Bgr]:
        """Reads the pixels of those pictures that can be decoded."""
        for file in self.files:
            with suppress(RecordingError):
                yield read_picture(file)


def is_picture(file: Path) -> bool:
    """Tells whether a file is a picture, or is meant to be one by its name."""
    meant = file.suffix.lower() in SUFFIXES
    return file.is_file() and (meant or bool(cv2.haveImageReader(str(file))))


def read_picture(file: Path) -> Bgr:
    """Reads a picture, turned as its camera says.

    Raises:
        RecordingError: it cannot be read or decoded, or is too large to be.
    """
    where = str(file)
    try:
        size = file.stat().st_size
        if not file.is_file() or size > MOST_BYTES:
            expected = f'a regular file of at most {MOST_BYTES} bytes'
            raise RecordingError('it is no picture', where=where, expected=expected)
        data = file.read_bytes()
    except OSError as error:
        raise RecordingError(str(error.strerror or error), where=where) from error
    return decode_picture(data, where)


def decode_picture(data: bytes, where: str) -> Bgr:
    """Decodes a picture whose size is looked at before.

    Args:
        data: the file's content.
        where: its name, for errors.

    Raises:
        RecordingError: it cannot be decoded, or is too large to be.
    """
    _check_size(data, where)
    if data.startswith(PNG) and not _has_whole_chunks(data):
        raise _undecodable(where)
    try:
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _undecodable(where)
    return np.asarray(pixels, np.uint8)


def _check_size(data: bytes, where: str) -> None:
    """Raises RecordingError if the header tells no size, or one that is too large."""
    got = 'far more'
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Pillow.open(io.BytesIO(data)) as picture:
                width, height = picture.size
        if width * height <= MOST_PIXELS:
            return
        got = f'{width} x {height}'
    except Pillow.DecompressionBombError:
        pass
    except Exception as error:  # readers of formats raise more kinds than they say
        raise _undecodable(where) from error
    expected = f'at most {MOST_PIXELS} pixels'
    raise RecordingError('the picture is too large', where=where, got=got, expected=expected)


def _has_whole_chunks(data: bytes) -> bool:
    """Tells whether no part of a PNG claims to be longer than what is left of the file.

    OpenCV makes room for what a part claims: 2 GB at most.
    """
    at = len(PNG)
    while at + CHUNK <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], 'big'), data[at + 4 : at + 8]
        at += CHUNK + length
        if kind == b'IEND':
            return True
        if at > len(data):
            return False
    return True


def _undecodable(where: str) -> RecordingError:
    what = f'it is no picture that OpenCV {cv2.__version__} can decode'
    return RecordingError(what, where=where, hint='Is the file cut off?')


def _recorded(number: int, file: Path) -> Recorded:
    stamp_ns = round(number * 1e9 / RATE_HZ)
    message = picture_message(read_picture(file), stamp_ns)
    return Recorded('', IMAGE, message, stamp_ns, file.name, stamp_ns)


def _pictures_in(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if is_picture(file)]
    except OSError as error:
        raise RecordingError(str(error.strerror or error), where=str(folder)) from error


def _natural(file: Path) -> list[tuple[int, str]]:
    parts = re.findall(r'\d+|\D+', file.name)
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in parts]
