"""Gets package files out of archives, which come from anywhere and are not trusted.

Only plain files with harmless names get out, each name once, and never more than the limits.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from ml_integration.errors import InstallError
from ml_integration.store.files import open_named_file
from ml_integration.store.install.source_file import SourceFile, SourceLimits
from ml_integration.store.install.xz import XzReader
from ml_integration.store.package.manifest import MANIFEST

_HEADERS = 16_384
"""Bytes that a file of a .tar may take beside its content, and the end of the archive."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods that unpack piece by piece, in bounds; the others make gigabytes of a piece."""
_LARGEST_READ = 2**24
"""Largest single read; no honest header is larger, and contents are read in smaller pieces."""


_ENDINGS = ('.tar', '.tar.gz', '.tgz', '.tar.xz', '.txz', '.zip')


def is_archive(name: str) -> bool:
    """Tells whether a file of this name is an archive that can be read."""
    return name.lower().endswith(_ENDINGS)


def files_of_archive(archive: Path, limits: SourceLimits) -> Iterator[SourceFile]:
    """Yields the files of an archive of any kind that can be read, a manifest first.

    Raises:
        InstallError: an entry is not safe, or it is too much.
    """
    if archive.name.lower().endswith('.zip'):
        return files_of_zip(archive, limits)
    return files_of_tar(archive, limits, packed=not archive.name.lower().endswith('.tar'))


def files_of_zip(archive: Path, limits: SourceLimits) -> Iterator[SourceFile]:
    """Yields the files of a .zip, the manifest first.

    Raises:
        InstallError: an entry is not safe, or it is too much.
    """
    with open_named_file(archive) as raw, zipfile.ZipFile(raw) as opened:
        members = opened.infolist()
        total = sum(member.file_size for member in members)
        limits.check(archive, len(members), total)
        # With the manifest known, a wrong file ends the copy at once.
        members.sort(key=lambda member: not _is_manifest(member.filename))
        seen: set[str] = set()
        for member in members:
            name = _safe_name(archive, member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InstallError(archive, f'{name} is a link or no regular file')
            if member.compress_type not in _METHODS:
                hint = 'Pack it again with the usual method, deflate.'
                what = f'{name} is packed by method {member.compress_type}'
                raise InstallError(archive, what, hint)
            if not member.is_dir():
                _only_once(archive, name, seen)
                with opened.open(member) as stream:
                    yield SourceFile(archive, name, member.file_size, stream, total)


def files_of_tar(archive: Path, limits: SourceLimits, packed: bool) -> Iterator[SourceFile]:
    """Yields the files of a .tar, the manifest first, which is looked for, and then in its order.

    Raises:
        InstallError: an entry is not safe, or it is too much.
    """
    with ExitStack() as stack:
        raw: io.BufferedIOBase = stack.enter_context(open_named_file(archive))  # type: ignore
        if packed:
            raw = stack.enter_context(_unpacked(archive, raw))
        first = ''
        for file in _files_of_tar(archive, limits, raw):
            if _is_manifest(file.name):
                first = file.name
                yield file
                break
        raw.seek(0)
        for file in _files_of_tar(archive, limits, raw):
            if file.name != first:
                yield file


def _unpacked(archive: Path, raw: io.BufferedIOBase) -> io.BufferedIOBase:
    if archive.name.lower().endswith(('.tar.xz', '.txz')):
        return io.BufferedReader(XzReader(raw))
    return gzip.GzipFile(fileobj=raw)


def _files_of_tar(
    archive: Path, limits: SourceLimits, raw: io.BufferedIOBase
) -> Iterator[SourceFile]:
    # A header can claim to be as large as a disk, too.
    reader = BoundedReader(raw, limits.size + _HEADERS * limits.files)
    with tarfile.open(fileobj=reader, mode='r:') as opened:
        seen: set[str] = set()
        size = 0
        for count, member in enumerate(opened, 1):
            if member.size < 0:
                raise InstallError(archive, f'{member.name!a} has {member.size} bytes')
            size += member.size
            limits.check(archive, count, size)
            name = _safe_name(archive, member.name)
            if member.isdir():
                continue
            _only_once(archive, name, seen)
            stream = opened.extractfile(member) if member.isreg() else None
            if stream is None or member.issparse():
                raise InstallError(archive, f'{name} is a link or no regular file')
            yield SourceFile(archive, name, member.size, stream)
        _check_end(archive, reader, opened.offset)


def _check_end(archive: Path, reader: BoundedReader, offset: int) -> None:
    # For tarfile an archive also ends, without a word, at a header that makes no sense.
    reader.seek(offset)
    if reader.read(tarfile.BLOCKSIZE).strip(b'\0'):
        raise InstallError(archive, f'the entry at byte {offset} of it cannot be read')


def _is_manifest(name: str) -> bool:
    return PurePosixPath(name).name == MANIFEST


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


def _safe_name(archive: Path, name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or '..' in path.parts or '\\' in name or not name.isprintable():
        raise InstallError(archive, f'{name!a} would leave the folder it is unpacked to')
    return str(path)


def _only_once(archive: Path, name: str, seen: set[str]) -> None:
    if name in seen:
        raise InstallError(archive, f'it holds {name} twice')
    seen.add(name)
