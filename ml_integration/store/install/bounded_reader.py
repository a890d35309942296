"""A file that refuses to be larger than it may be."""

from __future__ import annotations

import io

_LARGEST_READ = 2**24
"""No honest header of an archive is larger; contents are read in smaller pieces."""


class BoundedReader(io.RawIOBase):
    """Reads a stream for `tarfile` and stops at a limit, whatever the stream claims.

    Args:
        stream: may be a decompressor, which makes gigabytes out of nothing.
        limit: bytes that it may give.
    """

    def __init__(self, stream: io.BufferedIOBase, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Reads up to `size` bytes.

        Raises:
            ValueError: this is more than anybody should want.
        """
        if not 0 <= size <= _LARGEST_READ or self.tell() + size > self._limit:
            raise ValueError('it is larger than it may be')
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0, /) -> int:
        """Goes to a position from the start.

        Raises:
            ValueError: it is beyond the limit.
        """
        if whence or position > self._limit:
            raise ValueError('it is larger than it may be')
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()
