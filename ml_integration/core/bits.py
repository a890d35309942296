"""Compares results bit for bit."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def digest_of(result: Any) -> str:
    """Returns the SHA-256 of all bits of a result: hex, the same for the same bits only.

    Raises:
        TypeError: a part of it has no bits that last, such as a function.
    """
    digest = hashlib.sha256()
    for part in _parts(result):
        digest.update(len(part).to_bytes(8, 'little'))
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    yield type(value).__name__.encode()
    if isinstance(value, np.ndarray | np.generic) and value.dtype != object:
        array = np.ascontiguousarray(value)
        yield f'{array.dtype.str}{array.shape}'.encode()
        yield array.tobytes()
    elif value is None or isinstance(value, bool | int | str | bytes):
        yield value if isinstance(value, bytes) else str(value).encode()
    elif isinstance(value, float):
        yield struct.pack('<d', value)
    else:
        for one in _items(value):
            yield from _parts(one)


def _items(value: Any) -> Iterator[Any]:
    """Yields what a value consists of, and how much of it there is."""
    if isinstance(value, Mapping):
        yield len(value)
        for pair in value.items():
            yield from pair
    elif isinstance(value, Sequence):
        yield len(value)
        yield from value
    elif is_dataclass(value):
        for one in fields(value):
            yield getattr(value, one.name)
    else:
        raise TypeError(f'a {type(value).__name__} cannot be compared bit for bit')
