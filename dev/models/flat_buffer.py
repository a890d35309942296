"""Read tables, lists and texts out of a FlatBuffer; nothing outside its bytes is believed."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dev.models.errors import TfliteError


@dataclass(frozen=True)
class Table:
    """One table: where it lies in `content` [bytes from its start].

    A table begins with how far before it the list of its fields lies. The list begins with its own
    length and then says for each field how far behind the table's start it is; 0 means absent
    (https://flatbuffers.dev/internals). Fields are named by their place in the schema, from 0.
    """

    content: bytes
    start: int

    @classmethod
    def root(cls, content: bytes, identifier: bytes) -> Table:
        """Return the outermost table of a file that must carry `identifier`."""
        if content[4:8] != identifier:
            raise TfliteError(
                f'bytes 4 to 8 are {content[4:8]!r}, expected {identifier!r}: '
                'this is not a TensorFlow Lite model'
            )
        return cls(content, _unpack(content, 'I', 0))

    def integer(self, field: int, kind: str, default: int = 0) -> int:
        """Return a number of the struct `kind` ('b', 'B', 'i', 'I'), `default` where absent."""
        place = self._place(field)
        return default if place is None else _unpack(self.content, kind, place)

    def table(self, field: int) -> Table | None:
        """Return the table that a field points at, None where absent."""
        place = self._place(field)
        return None if place is None else Table(self.content, _pointed(self.content, place))

    def text(self, field: int) -> str:
        """Return a text, empty where absent."""
        return self.bytes(field).decode('utf-8', 'replace')

    def bytes(self, field: int) -> bytes:
        """Return a list of bytes, empty where absent."""
        begin, count = self._list(field, 1)
        return self.content[begin : begin + count]

    def integers(self, field: int) -> tuple[int, ...]:
        """Return a list of int32, empty where absent."""
        begin, count = self._list(field, 4)
        values: NDArray[np.int32] = np.frombuffer(self.content, '<i4', count, begin)
        return tuple(int(value) for value in values)

    def tables(self, field: int) -> tuple[Table, ...]:
        """Return a list of tables, empty where absent."""
        begin, count = self._list(field, 4)
        places = range(begin, begin + 4 * count, 4)
        return tuple(Table(self.content, _pointed(self.content, place)) for place in places)

    def place_of_list(self, field: int) -> int:
        """Return where a list begins with its length [bytes from the content's start].

        Raises:
            TfliteError: The list is absent.
        """
        place = self._place(field)
        if place is None:
            raise TfliteError(f'the table at byte {self.start} has no field {field}')
        return _pointed(self.content, place)

    def _place(self, field: int) -> int | None:
        fields = self.start - _unpack(self.content, 'i', self.start)
        entry = 4 + 2 * field
        if entry + 2 > _unpack(self.content, 'H', fields):
            return None
        offset = _unpack(self.content, 'H', fields + entry)
        return self.start + offset if offset else None

    def _list(self, field: int, item_size: int) -> tuple[int, int]:
        place = self._place(field)
        if place is None:
            return 0, 0
        begin = _pointed(self.content, place)
        count = _unpack(self.content, 'I', begin)
        if begin + 4 + count * item_size > len(self.content):
            raise TfliteError(
                f'a list at byte {begin} has {count} items of {item_size} bytes, but the file '
                f'ends at byte {len(self.content)}; it is cut or damaged'
            )
        return begin + 4, count


def _pointed(content: bytes, place: int) -> int:
    return place + _unpack(content, 'I', place)


def _unpack(content: bytes, kind: str, place: int) -> int:
    size = struct.calcsize(f'<{kind}')
    if not 0 <= place <= len(content) - size:
        raise TfliteError(
            f'something points at byte {place} of {len(content)}; the file is cut or damaged'
        )
    return int(struct.unpack_from(f'<{kind}', content, place)[0])
