"""Looks at the files of a package that was loaded: are they still the ones that were loaded?

Two things are kept apart. What cannot be read says nothing about its content: a folder may have
been renamed, a disk taken away, a process may be out of descriptors. Content that was read and
differs is that of another model.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from ml_integration.errors import IntegrityError
from ml_integration.store.files import open_file, read_file, why
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, FilePin, Manifest
from ml_integration.store.package.plain_yaml import LARGEST
from ml_integration.store.trust.policy import Trust
from ml_integration.store.trust.signature import LARGEST_SIGNATURE

T = TypeVar('T')

_CHUNK_BYTES = 1024 * 1024
_MOST_ENTRIES = 10_000
"""Entries of folders that are looked at; a package has some dozens."""


@dataclass(frozen=True, slots=True)
class Look:
    """Result of a look at a package's files; each file has a text that says what is wrong with it.

    Attributes:
        digest: that of the manifest that is there; empty if it could not be read.
        differing: files whose content is not what was loaded.
        unread: files and folders that could not be read, or are not there.
        extra: files that the manifest does not list.
        vouched: whether a trusted key has signed the manifest that is there.
    """

    digest: str = ''
    differing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    vouched: bool = False


def look_at(
    directory: Path, loaded: Manifest, trust: Trust, ended: Callable[[], bool] = lambda: False
) -> Look:
    """Compares the files of a package with those that were loaded, a piece at a time.

    Args:
        directory: the package's folder.
        loaded: its manifest, as it was loaded.
        trust: what it had to show; where that is nothing, only the manifest is compared.
        ended: tells whether to give up; what is left then counts as unread.
    """
    return _Looking(directory, loaded, trust, ended).result()


class _Looking:
    def __init__(
        self, directory: Path, loaded: Manifest, trust: Trust, ended: Callable[[], bool]
    ) -> None:
        self._directory = directory
        self._loaded = loaded
        self._trust = trust
        self._ended = ended
        self._differing: list[str] = []
        self._unread: list[str] = []

    def result(self) -> Look:
        digest, vouched = self._look(MANIFEST, self._manifest) or ('', False)
        extra: list[str] = []
        if self._trust.policy != 'off':
            for name, pin in sorted(self._loaded.files.items()):
                self._look(name, partial(self._file, name, pin))
            listed = {*self._loaded.files, MANIFEST, SIGNATURE}
            self._look('.', lambda: extra.extend(set(self._listed()) - listed))
        return Look(
            digest, tuple(self._differing), tuple(self._unread), tuple(sorted(extra)), vouched
        )

    def _look(self, name: str, look: Callable[[], T]) -> T | None:
        """Looks at a file; an OSError says that it was not read, a ValueError how it differs."""
        try:
            return look()
        except OSError as error:
            # A link took the place of what was a file, whatever it leads to.
            found = self._differing if error.errno == errno.ELOOP else self._unread
            found.append(f'{name} ({why(error)})')
        except ValueError as error:
            self._differing.append(f'{name} ({error})')
        return None

    def _manifest(self) -> tuple[str, bool]:
        data = read_file(self._directory / MANIFEST, LARGEST)
        digest = hashlib.sha256(data).hexdigest()
        vouched = self._look(SIGNATURE, lambda: self._signature(data)) or False
        if digest != self._loaded.digest:
            self._differing.append(f'{MANIFEST} ({_instead(digest, self._loaded.digest)})')
        return digest, vouched

    def _signature(self, manifest: bytes) -> bool:
        if self._trust.policy != 'signed':
            return False
        read_file(self._directory / SIGNATURE, LARGEST_SIGNATURE)
        try:
            self._trust.check_manifest(manifest, self._directory)
        except IntegrityError as error:
            raise ValueError(error.what) from error
        return True

    def _file(self, name: str, pin: FilePin) -> None:
        sha256 = hashlib.sha256()
        with open_file(self._directory / name) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size != pin.size:
                raise ValueError(f'{size} bytes instead of {pin.size}')
            while chunk := stream.read(_CHUNK_BYTES):
                sha256.update(chunk)
                self._go_on()
        if sha256.hexdigest() != pin.sha256:
            raise ValueError(_instead(sha256.hexdigest(), pin.sha256))

    def _listed(self) -> Iterator[str]:
        """Yields everything that is no folder, by POSIX path."""
        folders, seen = [self._directory], 0
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    self._go_on()
                    seen += 1
                    if seen > _MOST_ENTRIES:
                        raise OSError(errno.EFBIG, f'more than {_MOST_ENTRIES} entries')
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        yield Path(entry.path).relative_to(self._directory).as_posix()

    def _go_on(self) -> None:
        if self._ended():
            raise InterruptedError(errno.EINTR, 'it was given up')


def _instead(got: str, expected: str) -> str:
    return f'sha256 {got[:12]}... instead of {expected[:12]}...'
