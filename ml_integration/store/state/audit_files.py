"""Files of an audit log: the newest entries in `<log>`, older ones in `<log>.1`, `<log>.2`, ..."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ml_integration.errors import StateError
from ml_integration.store.files import open_file, read_file
from ml_integration.store.state.durable import (
    cannot,
    make_folder,
    open_to_write,
    sync_folder,
    write_all,
)

LARGEST_FILE = 2**26
"""Bytes of a file that is read as a whole; logs from before there was a limit may be long."""
_LONGEST_LINE = 2**17


@dataclass(frozen=True, slots=True)
class End:
    """End of a log.

    Attributes:
        line: the last finished line; empty if there is none.
        size: bytes of the newest file up to there.
        torn: bytes after it, as a power cut leaves them.
    """

    line: bytes = b''
    size: int = 0
    torn: int = 0


class AuditFiles:
    """Reads and writes the files of a log; whoever writes holds the lock.

    Args:
        path: the newest file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def older(self) -> dict[int, Path]:
        """Returns the older files by number, the oldest first."""
        pattern = re.compile(re.escape(self.path.name) + r'\.([1-9][0-9]{0,17})')
        try:
            names = [entry.name for entry in self.path.parent.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise cannot('be read', self.path, error) from error
        found = (pattern.fullmatch(name) for name in names)
        numbers = sorted(int(match[1]) for match in found if match)
        return {number: self.path.with_name(f'{self.path.name}.{number}') for number in numbers}

    def lines(self, oldest: int) -> tuple[list[bytes], int]:
        """Returns the finished lines from file `oldest` on, and the number of bytes after them.

        Raises:
            StateError: a file may not be read, or is no regular file.
        """
        lines: list[bytes] = []
        torn = 0
        files = [file for number, file in self.older().items() if number >= oldest]
        for file in (*files, self.path):
            found = _read(file).splitlines(keepends=True)
            torn = 0 if not found or found[-1].endswith(b'\n') else len(found.pop())
            lines += found
        return lines, torn

    def end(self) -> End:
        """Returns the end of the log; reads no more than that.

        Raises:
            StateError: a file may not be read, or is no regular file.
        """
        newest = _end(self.path)
        if newest.line:
            return newest
        older = list(self.older().values())
        return End(_end(older[-1]).line if older else b'', newest.size, newest.torn)

    def add(self, line: bytes) -> None:
        """Adds a line; after the return it survives a power cut.

        Raises:
            OSError: it cannot be written; the file is as it was.
        """
        make_folder(self.path.parent)
        is_new = not self.path.exists()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = open_to_write(self.path, flags, 0o644)
        size = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, line)
            os.fsync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, size)
            raise
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(self.path.parent)

    def cut(self, size: int) -> None:
        """Removes what is after `size` bytes of the newest file."""
        try:
            os.truncate(self.path, size)
        except OSError as error:
            raise cannot('be repaired', self.path, error) from error

    def set_aside(self, oldest: int) -> None:
        """Makes the newest file an older one, with a number from `oldest` up."""
        number = max((oldest, *(known + 1 for known in self.older())))
        try:
            self.path.rename(self.path.with_name(f'{self.path.name}.{number}'))
            sync_folder(self.path.parent)
        except OSError as error:
            raise cannot('be set aside', self.path, error) from error


def count_lines(file: Path) -> tuple[int, bytes]:
    """Returns the number of lines of a file, and the last one."""
    count, last = 0, b''
    try:
        with open_file(file) as stream:
            while piece := stream.readline(_LONGEST_LINE):
                last = piece
                count += piece.endswith(b'\n')
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from error
    return count, last


def _read(file: Path) -> bytes:
    try:
        return read_file(file, LARGEST_FILE)
    except FileNotFoundError:
        return b''
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from error


def _end(file: Path) -> End:
    try:
        with open_file(file) as stream:
            size = stream.seek(0, os.SEEK_END)
            for window in (2 * _LONGEST_LINE, LARGEST_FILE):
                start = stream.seek(max(0, size - window))
                data = stream.read(size - start)
                finished = data[: data.rfind(b'\n') + 1]
                before = finished[:-1].rfind(b'\n') + 1
                if before or not start:
                    break
    except FileNotFoundError:
        return End()
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from error
    torn = len(data) - len(finished)
    return End(finished[before:], size - torn, torn)


def _unreadable(file: Path, error: OSError | ValueError) -> StateError:
    wrong = error if isinstance(error, OSError) else OSError(str(error))
    return cannot('be read', file, wrong)
