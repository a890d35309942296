"""The one way to read a file: a regular file, never waited for, never larger than agreed.

A name in a store, in a state directory or on a command line may lead to anything: a FIFO waits
for a writer for ever, a device never ends, a sparse file of a terabyte fits on any disk.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_REASONS = {
    errno.ENOENT: 'there is no such file',
    errno.ENOTDIR: 'a part of its path is a file, not a folder',
    errno.EACCES: 'you may not read it',
    errno.EPERM: 'you may not read it',
    errno.ELOOP: 'it is a link',
}
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def read_file(path: Path, limit: int) -> bytes:
    """Reads the whole of a regular file that no link leads to.

    Args:
        path: of the file; its last part may not be a symbolic link.
        limit: bytes that it may have at most; a larger one is refused unread.

    Raises:
        OSError: it is missing, may not be read or is a link (`ELOOP`).
        ValueError: it is not a regular file, or is larger than `limit`.
    """
    with open_file(path, limit) as stream:
        return _content(stream, limit)


def read_named_file(path: Path, limit: int) -> bytes:
    """Reads the whole of a regular file that a person named, where a link is as good.

    Keys and settings are mounted and installed as links; what they lead to is held to the
    same rules as in `read_file`.

    Raises:
        OSError: it is missing or may not be read.
        ValueError: it is not a regular file, or is larger than `limit`.
    """
    with open_named_file(path, limit) as stream:
        return _content(stream, limit)


def open_file(path: Path, limit: int | None = None) -> BinaryIO:
    """Opens a regular file that no link leads to, for whoever reads it in pieces.

    Raises:
        OSError, ValueError: as in `read_file`; without a `limit` every size is welcome.
    """
    return _opened(path, _FLAGS | os.O_NOFOLLOW, limit)


def open_named_file(path: Path, limit: int | None = None) -> BinaryIO:
    """Opens a regular file that a person named, where a link is as good.

    Raises:
        OSError, ValueError: as in `read_named_file`; without a `limit` every size is welcome.
    """
    return _opened(path, _FLAGS, limit)


def why(error: Exception) -> str:
    """Returns the reason alone why a file cannot be read, which stands in what names the file."""
    return getattr(error, 'strerror', None) or str(error)


def in_words(error: Exception) -> str:
    """Returns the same reason as a clause of a sentence, where the system's own is none."""
    return _REASONS.get(getattr(error, 'errno', None) or 0) or why(error)


def is_regular(path: Path) -> bool:
    """Tells whether a regular file is there, itself and not by a link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _opened(path: Path, flags: int, limit: int | None) -> BinaryIO:
    # Looked at before as well: already opening a device can do something.
    status = path.stat(follow_symlinks=not flags & os.O_NOFOLLOW)
    if not stat.S_ISLNK(status.st_mode):  # what opening says of a link is good enough
        _require(status, limit)
    descriptor = os.open(path, flags)
    try:
        _require(os.fstat(descriptor), limit)
        return os.fdopen(descriptor, 'rb')
    except BaseException:
        os.close(descriptor)
        raise


def _require(status: os.stat_result, limit: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError('not a regular file')
    if limit is not None and status.st_size > limit:
        raise ValueError(f'{status.st_size} bytes instead of at most {limit}')


def _content(stream: BinaryIO, limit: int) -> bytes:
    size = os.fstat(stream.fileno()).st_size
    data = stream.read(min(size, limit) + 1)
    if len(data) > size:  # somebody appends to it, or the kernel makes it up as it is read
        data += stream.read(limit + 1 - len(data))
    if len(data) > limit:
        raise ValueError(f'more than {limit} bytes')
    return data
