"""Reads the files of an export, wherever they lie: beside a model, in a folder or an archive.

Nothing is unpacked to disk, no link is followed, and only what is asked for is read.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ml_integration.errors import ExportError, InstallError
from ml_integration.store.files import read_file, read_named_file, why
from ml_integration.store.install.archives import files_of_archive
from ml_integration.store.install.source_file import SourceLimits, explained

LIMITS = SourceLimits(files=10_000, size=16 * 2**30)
DEEPEST = 8
"""Folders in folders that are looked into."""
LARGEST_FILE = 2**33
"""Largest model or file of weights [bytes]."""
MOST_UNPACKED, MOST_TIMES = 2**28, 100
"""Bytes that an archive may become in memory, or times its size: weights hardly shrink."""


class SourceFiles(Protocol):
    """Files of one export."""

    label: str
    """The file, folder or archive, for sentences."""

    def names(self) -> Mapping[str, int]:
        """Returns the size of each file [bytes] by its name, with '/' between folders."""

    def read(self, wanted: Collection[str], limit: int = LARGEST_FILE) -> dict[str, bytes]:
        """Returns the content of those wanted files that are there.

        Raises:
            ExportError: one cannot be read, is a link or has more than `limit` bytes.
        """


class Folder:
    """Files of a folder.

    Args:
        folder: where they lie, an absolute path.
        named: a file of it that a person named, which may be a link; then only what lies beside
            it and in `folder` itself counts.
        label: what the person wrote.
    """

    def __init__(self, folder: Path, named: Path | None, label: str) -> None:
        self.label = label
        self._folder = folder
        self._named = named

    def names(self) -> dict[str, int]:
        """Returns the sizes of the files; links count as well, and are refused when read."""
        if self._named is not None:
            return dict(self._beside(self._named.parent), **{self._name_of(self._named): 0})
        found: dict[str, int] = {}
        with _reading(self.label, self._folder):
            for where, folders, files in os.walk(self._folder, onerror=_raise):
                place = Path(where)
                if len(place.relative_to(self._folder).parts) >= DEEPEST:
                    folders.clear()
                folders[:] = sorted(name for name in folders if not name.startswith('.'))
                LIMITS.check(self._folder, len(found) + len(folders) + len(files), 0)
                found |= self._sizes(place / name for name in sorted(files))
        return found

    def read(self, wanted: Collection[str], limit: int = LARGEST_FILE) -> dict[str, bytes]:
        """Returns the content of the wanted files that are there."""
        return {
            name: self._read(name, limit)
            for name in wanted
            if (self._folder / name).is_symlink() or (self._folder / name).exists()
        }

    def _read(self, name: str, limit: int) -> bytes:
        path = self._folder / name
        try:
            if self._named is not None and name == self._name_of(self._named):
                return read_named_file(self._named, limit)
            below = [path, *path.parents][: len(path.relative_to(self._folder).parts)]
            if any(part.is_symlink() for part in below):
                raise ExportError(
                    f'{name} is a link, and links are not followed',
                    where=self.label,
                    hint='Copy the files themselves: cp -rL FOLDER COPY (the cache of Hugging '
                    'Face is made of links).',
                )
            return read_file(path, limit)
        except (OSError, ValueError) as error:
            raise ExportError(f'{name} cannot be read: {why(error)}', where=self.label) from error

    def _beside(self, folder: Path) -> dict[str, int]:
        """Returns what lies beside a file that was named, and in the root of its export."""
        with _reading(self.label, folder):
            places = {folder, self._folder}
            return self._sizes(path for place in sorted(places) for path in self._listed(place))

    def _listed(self, folder: Path) -> list[Path]:
        with os.scandir(folder) as entries:
            paths = [
                Path(entry.path)
                for _, entry in zip(range(LIMITS.files), entries, strict=False)
                if not entry.is_dir(follow_symlinks=False)
            ]
        return sorted(paths)

    def _sizes(self, paths: Iterable[Path]) -> dict[str, int]:
        return {self._name_of(path): path.lstat().st_size for path in paths}

    def _name_of(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()


class Archive:
    """Files of a .zip, .tar, .tar.gz, .tgz or .tar.xz, which is read once for each question."""

    def __init__(self, archive: Path) -> None:
        self.label = str(archive)
        self._archive = archive

    def names(self) -> dict[str, int]:
        """Returns the sizes of the files."""
        with _reading(self.label, self._archive):
            return {file.name: file.size for file in files_of_archive(self._archive, LIMITS)}

    def read(self, wanted: Collection[str], limit: int = LARGEST_FILE) -> dict[str, bytes]:
        """Returns the content of the wanted files that are there."""
        found: dict[str, bytes] = {}
        with _reading(self.label, self._archive):
            left = max(MOST_UNPACKED, MOST_TIMES * self._archive.stat().st_size)
            for file in files_of_archive(self._archive, LIMITS):
                if file.name not in wanted:
                    continue
                content = bytearray()
                for piece in file.pieces():
                    content += piece
                    left -= len(piece)
                    if left < 0:
                        what = f'it unpacks to more than {MOST_TIMES} times its size'
                        raise InstallError(self._archive, what, 'Give the unpacked folder.')
                    if len(content) > limit:
                        raise InstallError(
                            self._archive, f'{file.name} has more than {limit} bytes'
                        )
                found[file.name] = bytes(content)
        return found


@contextmanager
def _reading(label: str, source: Path) -> Iterator[None]:
    """Turns whatever reading a source ends in into an error about an export."""
    try:
        with explained(source):
            yield
    except InstallError as error:
        raise ExportError(error.what, where=label, hint=error.hint) from error


def _raise(error: OSError) -> None:
    raise error
