"""Writes that survive a power cut: a reader sees the old content or the new, never half.

A writer holds a lock on its temporary file. The kernel drops the lock with the process, so a
temporary file that nobody holds belongs to a writer that was killed. Unlike a process id this
is also right between containers that share a folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ml_integration.errors import StateError

LOCK_TIMEOUT_S = 10.0
_NEVER_WAIT = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_HINTS = {
    errno.ENOSPC: 'Free some space on that disk.',
    errno.EDQUOT: 'Free some space: the quota is used up.',
    errno.EFBIG: 'Raise the limit on the size of a file.',
    errno.EROFS: 'That file system is mounted read-only.',
}


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replaces a file's content at once; after the return it survives a power cut.

    Args:
        path: the file; its folder is made if it is missing.
        data: the whole new content.
        mode: permissions of the file.

    Raises:
        StateError: it cannot be written; the old content is still there.
    """
    try:
        make_folder(path.parent)
        _remove_abandoned(path)
        temporary, descriptor = _open_temporary(path, mode)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot('be written', path, error) from error


def open_to_write(path: Path, flags: int, mode: int = 0o600) -> int:
    """Opens a regular file that no link leads to, without waiting; returns the descriptor.

    Args:
        path: of the file.
        flags: of `os.open`: how it is written, and whether it is made.
        mode: permissions of a file that is made.

    Raises:
        OSError: it cannot be opened, is a link or not a regular file.
    """
    descriptor = os.open(path, flags | _NEVER_WAIT, mode)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, 'not a regular file')


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of it: the kernel may take a part at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, so that they survive a power cut.

    Nobody but this user may write to them, also where new files are the group's.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o755, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot(do: str, path: Path, error: OSError) -> StateError:
    """Makes the error that says what cannot be done, why, and what helps."""
    hint = _HINTS.get(error.errno or 0, '')
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = f'Give the user {os.getuid()} the right to it, or use another folder.'
    return StateError(path, f'it cannot {do}: {error.strerror or error}', hint)


def hold(descriptor: int) -> bool:
    """Takes the lock of an open file or folder; False when somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Holds a lock file, so that other processes and threads wait.

    Whoever can open the file can hold the lock, for ever: only this user can.

    Args:
        path: the lock file, made if missing; it is never removed. Its folder becomes private.
        timeout_s: longest wait [s].

    Raises:
        StateError: it cannot be made, or somebody else held it all the time.
    """
    try:
        make_folder(path.parent)
        _make_private(path.parent)
        descriptor = open_to_write(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise cannot('be locked', path, error) from error
    try:
        _wait_for(descriptor, path, timeout_s)
        with suppress(OSError):  # says who it is; the lock also holds on a full disk
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f'{os.getpid()}\n'.encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _make_private(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)


def _wait_for(descriptor: int, path: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not _try(descriptor, path):
        if time.monotonic() >= deadline:
            holder = os.pread(descriptor, 32, 0).decode('ascii', 'replace').strip()
            who = f'process {holder}' if holder else 'another process'
            raise StateError(path, f'{who} holds the lock for more than {timeout_s:g} s')
        time.sleep(0.01)


def _try(descriptor: int, path: Path) -> bool:
    try:
        return hold(descriptor)
    except OSError as error:  # some network file systems have no locks
        raise cannot('be locked', path, error) from error


def _open_temporary(path: Path, mode: int) -> tuple[Path, int]:
    while True:
        temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}.tmp')
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        # Somebody who tidies up may have been faster than this lock.
        if hold(descriptor) and os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    for temporary in path.parent.glob(f'.{path.name}.*.tmp'):
        with suppress(OSError):
            descriptor = open_to_write(temporary, os.O_WRONLY)
            try:
                if hold(descriptor):
                    temporary.unlink()
            finally:
                os.close(descriptor)
