"""Files that are either whole and right or not there at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.models.errors import FetchError

PART_SUFFIX = '.part'
STALE_AFTER_S = 3600.0


def sha256_of(path: Path) -> str:
    """Digest of a file's content, hexadecimal."""
    digest = hashlib.sha256()
    with path.open('rb') as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def is_right(path: Path, sha256: str, size: int) -> bool:
    """Tells whether the file has exactly this content; the cheap question comes first."""
    return path.is_file() and path.stat().st_size == size and sha256_of(path) == sha256


def require_right(content: bytes, sha256: str, place: str, advice: str) -> None:
    """Raise unless `content` has this digest; `place` says what it is, `advice` what to do."""
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise FetchError(f'{place}: wrong content: got sha256 {got}, expected {sha256}; {advice}')


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a kill at any moment, never meets half of it."""
    with clear_disk_errors(path, len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_parts(path.parent)
        handle, name = tempfile.mkstemp(PART_SUFFIX, f'.{path.name}.', path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, 'wb') as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            part.chmod(0o644)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Temporary folder below `parent`; one left by a killed process goes within the hour."""
    with clear_disk_errors(parent, 0):
        parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_parts(parent)
        folder = Path(tempfile.mkdtemp(PART_SUFFIX, '.', parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def clear_disk_errors(path: Path, needed_bytes: int) -> Iterator[None]:
    """Turn what the disk refuses into a FetchError that says where and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(path, needed_bytes) from error
        raise FetchError(f'{path}: cannot be written: {error.strerror or error}') from error


def disk_full(path: Path, needed_bytes: int) -> FetchError:
    """The error for a full disk, with the room there is and the room that is wanted."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free_mb = shutil.disk_usage(existing).free / 1e6
    return FetchError(
        f'{path}: the disk is full: {free_mb:.1f} MB free, {needed_bytes / 1e6:.1f} MB needed; '
        'make room and run it again'
    )


def _remove_stale_parts(folder: Path) -> None:
    oldest = time.time() - STALE_AFTER_S
    for part in folder.glob(f'.*{PART_SUFFIX}'):
        try:
            if part.stat().st_mtime > oldest:
                continue
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink()
        except FileNotFoundError:
            continue
