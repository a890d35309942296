"""Files of a package to be installed, and limits on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ml_integration.errors import InstallError, MlIntegrationError
from ml_integration.store.files import why

_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """Limits on the files of a package.

    Attributes:
        files: number of entries, folders included.
        size: bytes of all files together, unpacked.
    """

    files: int = 1000
    size: int = 16 * 2**30

    def check(self, source: Path, files: int, size: int) -> None:
        """Refuses too many entries or too many bytes.

        Raises:
            InstallError: it is more than these limits allow.
        """
        if files > self.files:
            raise InstallError(source, f'it holds more than {self.files} entries')
        if size > self.size:
            raise InstallError(source, f'it is {size} bytes unpacked, more than {self.size}')


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a package to be installed.

    Attributes:
        source: what it comes from.
        name: POSIX path inside the source, already checked.
        size: bytes, as the source says.
        stream: the content, to be read before the next file is asked for.
        total: bytes of all files of the source; 0 when that is not known.
    """

    source: Path
    name: str
    size: int
    stream: IO[bytes]
    total: int = 0

    def pieces(self) -> Iterator[bytes]:
        """Yields the content, piece by piece.

        Raises:
            InstallError: it cannot be read or unpacked.
        """
        with explained(self.source):
            while piece := self.stream.read(_PIECE):
                yield piece


@contextmanager
def explained(source: Path) -> Iterator[None]:
    """Turns errors of reading or unpacking into an InstallError.

    A damaged archive makes the readers of the standard library fail in ways that they do not
    list: by an error of a decompressor, of text, of numbers, or of memory.
    """
    try:
        yield
    except MlIntegrationError:
        raise
    except OSError as error:
        raise InstallError(source, f'it cannot be read: {why(error)}') from error
    except Exception as error:
        what = f'it is damaged or not what its name says: {error or type(error).__name__}'
        raise InstallError(source, what) from error
