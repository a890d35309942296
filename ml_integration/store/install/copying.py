"""Copies the files of a package so that they survive a power cut, and hashes them meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from ml_integration.errors import InstallError
from ml_integration.store.install.source_file import SourceFile
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, FilePin, parse_manifest
from ml_integration.store.state.durable import cannot, make_folder, write_all

_LARGEST_MANIFEST = 2**20

Progress = Callable[[int, int], None]
"""Takes the bytes copied so far, and the bytes in all, 0 if that is not known."""


def copy(files: Iterator[SourceFile], folder: Path, progress: Progress) -> None:
    """Copies files into a folder; what differs from its pin ends it at once.

    The pins are known as soon as the manifest has come; files that came before it are judged
    when the copy is verified.

    Raises:
        InstallError: a file is not what it should be, or cannot be read.
        ManifestError: the manifest is wrong.
        StateError: the folder cannot be written.
    """
    pins: Mapping[str, FilePin] = {}
    copied = 0
    for file in files:
        target = folder / file.name
        pin = pins.get(file.name)
        largest = pin.size if pin else file.size
        if target.name in (MANIFEST, SIGNATURE):
            largest = _LARGEST_MANIFEST
        digest = hashlib.sha256()
        for piece in _copied(file, target):
            digest.update(piece)
            copied += len(piece)
            largest -= len(piece)
            if largest < 0:
                raise InstallError(file.source, f'{file.name} is larger than it may be')
            progress(copied, file.total)
        if target.name == MANIFEST:
            pins = _pins_beside(target, file)
        elif pin is not None and digest.hexdigest() != pin.sha256:
            raise InstallError(file.source, f'{file.name} is not the file that {MANIFEST} pins')


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


def _pins_beside(manifest: Path, file: SourceFile) -> dict[str, FilePin]:
    """Reads what the files after the manifest have to be, by their names in the source."""
    pins = parse_manifest(manifest.read_bytes(), file.source / file.name).files
    return {str(PurePosixPath(file.name).parent / name): pin for name, pin in pins.items()}
