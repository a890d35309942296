"""Pictures in an .npy or .npz file of numpy."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from ml_integration.errors import RecordingError
from ml_integration.recordings import Recorded
from ml_integration.recordings.pictures import IMAGE, MOST_PIXELS, RATE_HZ, picture_message

SUFFIXES = ('.npy', '.npz')
MOST_BYTES = 2**32
"""Bytes of the largest array that is unpacked; one in an .npy file is read picture by picture."""
EXPECTED = 'pictures as uint8[N, H, W, 3] or uint8[H, W, 3], in the order red, green, blue'


@dataclass(slots=True)
class Arrays:
    """Pictures of one array, in the order red, green, blue.

    Raises:
        RecordingError: the file holds no such array, or several.
    """

    path: Path
    _pictures: npt.NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        try:
            packed = self.path.suffix.lower() == '.npz'
            pictures = _unpacked(self.path) if packed else _mapped(self.path)
        except RecordingError:
            raise
        except Exception as error:  # zipfile and numpy raise more kinds than they say
            what = f'its array cannot be read: {str(error) or type(error).__name__}'
            raise RecordingError(what, where=str(self.path), expected=EXPECTED) from error
        self._pictures = pictures if pictures.ndim == 4 else pictures[None]

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self._pictures)

    @staticmethod
    def recognize(path: Path) -> bool:
        """Tells whether it is an .npy or .npz file, by its name."""
        return path.is_file() and path.suffix.lower() in SUFFIXES

    def __iter__(self) -> Iterator[Recorded]:
        """Reads the pictures, at a steady rate."""
        for number, pixels in enumerate(self._pictures):
            stamp_ns = round(number * 1e9 / RATE_HZ)
            message = picture_message(pixels, stamp_ns, 'rgb8')
            name = f'{self.path.name}[{number}]'
            yield Recorded('', IMAGE, message, stamp_ns, name, stamp_ns)


def _mapped(path: Path) -> npt.NDArray[np.uint8]:
    """Returns the array of an .npy file, of which nothing is read before it is used."""
    with path.open('rb') as stream:
        shape = _checked(stream, str(path))
        offset = stream.tell()
    # Checks that the file is long enough.
    return np.memmap(path, np.uint8, 'r', offset, shape)


def _unpacked(path: Path) -> npt.NDArray[np.uint8]:
    """Returns the only array of an .npz file."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) != 1:
            names = ', '.join(member.filename for member in members[:5])
            got = f'{len(members)}: {names}'
            raise RecordingError('it holds several arrays or none', where=str(path), got=got)
        if members[0].file_size > MOST_BYTES:
            raise ValueError(f'{members[0].file_size} bytes unpacked, more than {MOST_BYTES}')
        with archive.open(members[0]) as stream:
            shape = _checked(stream, str(path))  # type: ignore[arg-type]
            size = int(np.prod(shape, dtype=object))
            if size > members[0].file_size:
                raise ValueError('it is cut off')
            data = stream.read(size)
    return np.frombuffer(data, np.uint8, size).reshape(shape)


def _checked(stream: BinaryIO, where: str) -> tuple[int, ...]:
    """Reads the header of an array; returns the shape.

    Raises:
        RecordingError: it is not one of pictures.
    """
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(stream)
    if version not in readers:
        raise ValueError(f'version {version} of an array')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of odd headers, which are read or refused all the same
        shape, by_columns, dtype = readers[version](stream)
    pictures = dtype == np.uint8 and len(shape) in (3, 4) and shape[-1] == 3 and min(shape) > 0
    if not pictures or by_columns:
        order = ' in the order of Fortran' if by_columns else ''
        got = f'{dtype}{list(shape)}{order}'
        raise RecordingError(
            'its array holds no pictures', where=where, got=got, expected=EXPECTED
        )
    if shape[-3] * shape[-2] > MOST_PIXELS:
        got, expected = f'{shape[-2]} x {shape[-3]}', f'at most {MOST_PIXELS} pixels'
        raise RecordingError('its pictures are too large', where=where, got=got, expected=expected)
    return tuple(shape)
