"""Cache of what engines made of models: bounded, verified, dispensable.

An entry is one file: the digest of its key and its content in hex, a line break, the content.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ml_integration.errors import StateError
from ml_integration.store.files import open_file, why
from ml_integration.store.state.durable import make_folder, write_durably

KEPT = 16
"""Number of optimized models that stay."""
_DIGEST_BYTES = 65  # in hex, with a line break
_LARGEST = 2**31 - 2**16
"""Bytes that one read gives at most."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class StoredArtifacts:
    """A cache of artifacts; see `ml_integration.core.contracts.ArtifactCache`. Thread-safe.

    What it returns is executed, so an entry, its folder and the state directory have to belong to
    this user and be writable by nobody else, and an entry has the content it was written with.
    Where a folder is not like that, or nothing can be written, nothing is kept.
    Nothing is written before `write` is called, by a thread that has the time.

    Args:
        path: the folder of the entries. It need not exist.
        tell: is called with a sentence when an entry cannot be used.
        kept: number of entries that stay: the ones that were used last.
    """

    def __init__(self, path: Path, tell: Callable[[str], None], kept: int = KEPT) -> None:
        self._path = path
        self._tell = tell
        self._kept = kept
        self._unwritten: dict[str, bytes] = {}
        self._told_off = ''

    def get(self, key: str) -> bytes | None:
        if self._is_off():
            return None
        try:
            data = self._read(key)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, MemoryError) as error:
            self.drop(key, why(error))
            return None
        with suppress(OSError):
            os.utime(self._path / key)  # was used now
        return data

    def put(self, key: str, data: bytes) -> None:
        if not self._is_off():
            self._unwritten[key] = data

    def write(self) -> None:
        """Writes the entries that were put; returns after they were written, or could not be."""
        while self._unwritten:
            with suppress(KeyError, OSError, StateError):  # KeyError: another thread was faster
                key, data = self._unwritten.popitem()
                self._make()
                write_durably(self._path / key, _digest(key, data) + data, mode=0o600)
                self._remove_oldest()

    def drop(self, key: str, reason: str) -> None:
        entry = self._path / key
        self._tell(f'{entry}: this entry of the cache is not used and made anew: {reason}')
        _remove(entry)

    def folder(self, key: str) -> Path | None:
        if self._is_off():
            return None
        folder = self._path / f'{key}.files'
        try:
            self._make()
            folder.mkdir(mode=0o700, exist_ok=True)
            if _foreign(folder.lstat()) or not os.access(folder, os.W_OK):
                return None
            os.utime(folder)
        except OSError:
            return None
        self._remove_oldest()
        return folder

    def _is_off(self) -> bool:
        """Tells whether others could change what is kept; says so once."""
        for folder in (self._path.parent, self._path):
            try:
                reason = _foreign(folder.stat())
            except OSError:  # it is not there yet, or will not be readable either
                continue
            if reason:
                off = f'{folder}: no optimized models are kept or used, as {reason}'
                if off != self._told_off:
                    self._told_off = off
                    self._tell(f'{off}. Correct it with: chmod go-w {folder}.')
                return True
        return False

    def _make(self) -> None:
        make_folder(self._path.parent)
        self._path.mkdir(mode=0o700, exist_ok=True)  # also where new files are the group's

    def _read(self, key: str) -> bytes:
        with open_file(self._path / key, _LARGEST) as stream:
            descriptor = stream.fileno()
            status = os.fstat(descriptor)
            reason = _foreign(status)
            if reason:
                raise ValueError(reason)
            digest = os.read(descriptor, _DIGEST_BYTES)
            # In one piece: a buffered file would copy all of it once more.
            data = os.read(descriptor, status.st_size)
        if digest != _digest(key, data):
            raise ValueError('its content is not the one that was written')
        return data

    def _remove_oldest(self) -> None:
        with suppress(OSError):  # somebody else tidies up as well
            entries = [item for item in self._path.iterdir() if not item.name.startswith('.')]
            for entry in sorted(entries, key=_used_ns)[: -self._kept]:
                _remove(entry)


def _digest(key: str, data: bytes) -> bytes:
    """Digest of content and key, so that no entry can take the place of another."""
    digest = hashlib.sha256(key.encode())
    digest.update(data)
    return digest.hexdigest().encode() + b'\n'


def _foreign(status: os.stat_result) -> str:
    """Returns why a file is not to be trusted; empty if it is."""
    if status.st_uid != os.geteuid():
        return f'it belongs to the user {status.st_uid}'
    return 'others may write to it' if status.st_mode & _OTHERS_WRITE else ''


def _used_ns(entry: Path) -> int:
    return entry.lstat().st_mtime_ns


def _remove(entry: Path) -> None:
    with suppress(OSError):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
