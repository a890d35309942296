"""Unpacks .xz in bounds: the standard reader takes as much memory as the file asks for."""

from __future__ import annotations

import io
import lzma

_MOST_MEMORY = 2**27
"""Memory of the decompressor [bytes]; the largest usual setting of xz needs half of it."""
_PIECE = 2**16


class XzReader(io.RawIOBase):
    """Stream of what an .xz file holds; seeking back unpacks from its start again.

    Args:
        packed: the .xz file, at its start.
    """

    def __init__(self, packed: io.BufferedIOBase) -> None:
        self._packed = packed
        self._rewind()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: object, /) -> int:
        """Unpacks into a buffer.

        Raises:
            LZMAError: it is damaged, cut off or needs too much memory.
        """
        view = memoryview(buffer).cast('B')  # type: ignore[arg-type]
        data = self._unpack(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, position: int, whence: int = 0, /) -> int:
        """Goes to a position from the start."""
        if whence or position < 0:
            raise ValueError('positions count from the start')
        if position < self._position:
            self._rewind()
        while self._position < position:
            if not self._unpack(min(_PIECE, position - self._position)):
                break
        return self._position

    def _rewind(self) -> None:
        self._packed.seek(0)
        self._unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)
        self._position = 0

    def _unpack(self, size: int) -> bytes:
        while not self._unpacker.eof:
            piece = self._packed.read(_PIECE) if self._unpacker.needs_input else b''
            if not piece and self._unpacker.needs_input:
                raise lzma.LZMAError('it ends too early')
            data = self._unpacker.decompress(piece, size)
            if data:
                self._position += len(data)
                return data
        return b''
