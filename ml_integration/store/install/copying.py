"""Copies the files of a package so that they survive a power cut, and hashes them meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ml_integration.errors import InstallError
from ml_integration.store.install.source_file import SourceFile
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, FilePin, parse_manifest
from ml_integration.store.package.plain_yaml import LARGEST
from ml_integration.store.state.durable import cannot, make_folder, write_all
from ml_integration.store.trust.signature import LARGEST_SIGNATURE

Progress = Callable[[int, int], None]
"""Takes the bytes copied so far, and the bytes in all, 0 if that is not known."""


def copy(files: Iterator[SourceFile], folder: Path, progress: Progress) -> None:
    """Copies files into a folder; what the manifest does not pin like that ends it at once.

    Args:
        files: the manifest first, if there is one.
        folder: where to copy them.
        progress: is called as the copy goes on.

    Raises:
        InstallError: a file is not what it should be, not listed, or cannot be read.
        ManifestError: the manifest is wrong.
        StateError: the folder cannot be written.
    """
    listed: Listed | None = None
    copied = 0
    for file in files:
        target = folder / file.name
        if listed is None and target.name != MANIFEST:
            raise InstallError(file.source, f'there is no {MANIFEST} in it')
        pin = listed.pin_of(file) if listed else None
        left = _largest(target.name, pin)
        digest = hashlib.sha256()
        for piece in _copied(file, target):
            digest.update(piece)
            copied += len(piece)
            left -= len(piece)
            if left < 0:
                raise InstallError(file.source, f'{file.name} is larger than it may be')
            progress(copied, file.total)
        if listed is None:
            listed = Listed.of(target, file)
        elif pin is not None and digest.hexdigest() != pin.sha256:
            raise InstallError(file.source, f'{file.name} is not the file that {MANIFEST} pins')


@dataclass(frozen=True, slots=True)
class Listed:
    """Files that may follow a manifest.

    Attributes:
        root: the folder of the manifest in the source.
        pins: what each file has to be, by its name in the source.
    """

    root: PurePosixPath
    pins: Mapping[str, FilePin]

    @staticmethod
    def of(manifest: Path, file: SourceFile) -> Listed:
        """Reads a copied manifest.

        Raises:
            ManifestError: it is wrong.
        """
        files = parse_manifest(manifest.read_bytes(), file.source / file.name).files
        root = PurePosixPath(file.name).parent
        return Listed(root, {str(root / name): pin for name, pin in files.items()})

    def pin_of(self, file: SourceFile) -> FilePin | None:
        """Returns the pin of a file; None for the signature, which has none.

        Raises:
            InstallError: the manifest does not list it.
        """
        name = PurePosixPath(file.name)
        if name == self.root / SIGNATURE:
            return None
        pin = self.pins.get(str(name))
        if pin is None:
            raise InstallError(file.source, self._not_listed(name))
        return pin

    def _not_listed(self, name: PurePosixPath) -> str:
        if name.name == MANIFEST:
            return f'it holds 2 files {MANIFEST} or more; expected 1'
        if self.root not in name.parents:
            return f'it holds files beside the package: {name}'
        inside = name.relative_to(self.root)
        return f'its files are not the ones that {MANIFEST} pins: not listed: {inside}'


def _largest(name: str, pin: FilePin | None) -> int:
    """Returns how many bytes a file may have at most."""
    if pin is not None:
        return pin.size
    return LARGEST if name == MANIFEST else LARGEST_SIGNATURE


def _copied(file: SourceFile, target: Path) -> Iterator[bytes]:
    """Yields each piece, then writes it; at the end the file survives a power cut."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        make_folder(target.parent)
        descriptor = os.open(target, flags, 0o644)
        try:
            for piece in file.pieces():
                yield piece
                write_all(descriptor, piece)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise cannot('be written', target, error) from error
