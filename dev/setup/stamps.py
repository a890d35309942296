"""Remembers what each step was made from, so that only what changed is made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(*facts: str, files: Iterable[Path] = ()) -> str:
    """SHA-256 over strings and the names and contents of files."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(fact.encode() + b'\0')
    for file in sorted(files):
        digest.update(file.name.encode() + b'\0' + file.read_bytes() + b'\0')
    return digest.hexdigest()


class Stamps:
    """Fingerprints of finished steps, one file each.

    Args:
        folder: Where the files lie; made on the first write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_current(self, step: str, value: str) -> bool:
        """Tells whether the step was finished from exactly this."""
        file = self._folder / step
        return file.is_file() and file.read_text() == value

    def begin(self, step: str) -> None:
        """Forgets the step, so that one cut short is done again."""
        (self._folder / step).unlink(missing_ok=True)

    def finish(self, step: str, value: str) -> None:
        """Records what the step was made from."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / step).write_text(value)
