"""Reads the arrays of an `.npz` file, whose sizes are looked at before anything is unpacked.

Such a file is a zip archive: a few bytes may unpack to gigabytes, and a header of an array may
claim to be larger than any memory. What both of them declare has to agree, and to fit the model.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ml_integration.core.datatypes import Array
from ml_integration.errors import ManifestError

LARGEST = 2**29
"""Bytes of all arrays together, unpacked."""
MOST_ARRAYS = 1000
_HEADER = 2**14
"""Bytes of the largest header of an array."""
_ITEM = 16
"""Bytes of the largest element."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PLAIN = 'biufcSU'
_SUFFIX = '.npy'


def read_arrays(
    data: bytes, file: Path, known: Mapping[str, int], key: str = 'golden'
) -> dict[str, Array]:
    """Reads the arrays by name.

    Args:
        data: the file's content.
        file: where it comes from, for errors.
        known: the most elements that an array may have, by its name, where that is known.
        key: of the manifest that names the file.

    Raises:
        ManifestError: it is no such file, or an array is larger than it may be.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check(members, known)
            return {_name(member): _array(archive.read(member)) for member in members}
    except Exception as error:  # zipfile and numpy raise more kinds than they say
        reason = str(error) or type(error).__name__
        what = f'it is no .npz file of plain arrays: {reason}'
        raise ManifestError(file, key, '', '', what=what) from error


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(_SUFFIX)


def _check(members: list[zipfile.ZipInfo], known: Mapping[str, int]) -> None:
    """Raises ValueError if what is declared is too much."""
    names = {_name(member) for member in members}
    if len(members) > MOST_ARRAYS or len(names) < len(members):
        raise ValueError(f'{len(members)} arrays, {len(names)} names')
    total = sum(member.file_size for member in members)
    if total > LARGEST:
        raise ValueError(f'{total} bytes unpacked, more than {LARGEST}')
    for member in members:
        name = _name(member)
        if member.compress_type not in _METHODS:
            raise ValueError(f'{name} is packed by method {member.compress_type}')
        most = known.get(name)
        if most is not None and member.file_size > most * _ITEM + _HEADER:
            raise ValueError(f'{name} has {member.file_size} bytes for {most} elements')


def _array(content: bytes) -> Array:
    stream = io.BytesIO(content)
    shape, dtype = _header(stream)
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if dtype.kind not in _PLAIN or count * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(f'{dtype}{list(shape)} in {len(content) - stream.tell()} bytes')
    stream.seek(0)
    array: Array = npy.read_array(stream, allow_pickle=False)
    return array


def _header(stream: io.BytesIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(stream)
    if version not in readers:
        raise ValueError(f'version {version} of an array')
    shape, _, dtype = readers[version](stream)
    return shape, dtype
