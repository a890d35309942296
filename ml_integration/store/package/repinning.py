"""Writes digests and sizes into a manifest that a person edits, and leaves the rest as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from ml_integration.errors import IntegrityError, ManifestError
from ml_integration.store.files import read_file, why
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE
from ml_integration.store.package.pinned_files import files_in
from ml_integration.store.package.plain_yaml import load_yaml
from ml_integration.store.package.proposal import pin

_NAME = re.compile(r'[A-Za-z0-9_./-]+')
_LARGEST = 2**34
"""Bytes of a file, as the schema of manifests has it."""


def contents_of(folder: Path) -> dict[str, bytes]:
    """Reads every file of a package folder except manifest and signature, by POSIX path.

    Raises:
        IntegrityError: one is a link, has an odd name, or cannot be read.
    """
    contents = {}
    if odd := [name for name in files_in(folder) if not _NAME.fullmatch(name)]:
        what = f'no manifest can name this file: {odd[0]!a}'
        raise IntegrityError(folder, what, hint='Rename it, or take it away.')
    for name in sorted(files_in(folder) - {MANIFEST, SIGNATURE}):
        try:
            contents[name] = read_file(folder / name, _LARGEST)
        except (OSError, ValueError) as error:
            what = f'it cannot be read: {why(error)}'
            raise IntegrityError(folder / name, what, hint='Nothing is changed.') from error
    return contents


def repinned(data: bytes, contents: Mapping[str, bytes], file: Path) -> bytes:
    """Returns a manifest that pins other contents; comments and all else stay.

    Args:
        data: the manifest.
        contents: every file of the package, by POSIX path.
        file: where the manifest comes from, for errors.

    Raises:
        ManifestError: it is no plain YAML, or no mapping.
    """
    document = load_yaml(data, file)
    if not isinstance(document, dict):
        raise ManifestError(file, 'manifest', None, '', what='it is no mapping of keys')
    lines = data.decode('utf-8-sig').splitlines(keepends=True)
    first, last = _block(data, len(lines))
    before, after = lines[:first], lines[last:]
    if before and not before[-1].endswith('\n'):
        before[-1] += '\n'
    block = ['files:\n', *(_entry(name, content) for name, content in contents.items())]
    return ''.join([*before, *block, *after]).encode()


def with_role(data: bytes, role: str, name: str, file: Path) -> bytes:
    """Returns a manifest in which a role is that of a file; the same if it is already.

    Args:
        data: the manifest.
        role: a key of it that names a file.
        name: of the file.
        file: where the manifest comes from, for errors.

    Raises:
        ManifestError: the role is that of another file.
    """
    document = load_yaml(data, file)
    there = document.get(role) if isinstance(document, dict) else None
    if there == name:
        return data
    if there is not None:
        raise ManifestError(file, role, there, name)
    end = b'' if data.endswith(b'\n') else b'\n'
    return data + end + f'{role}: {name}\n'.encode()


def _entry(name: str, content: bytes) -> str:
    pinned = pin(content)
    text: str = yaml.safe_dump({name: 0}, width=10_000)
    key = text.rpartition(':')[0]
    return f'  {key}: {{sha256: {pinned["sha256"]}, size: {pinned["size"]}}}\n'


def _block(data: bytes, count: int) -> tuple[int, int]:
    """Returns the lines that `files:` has now; an empty place at the end if it has none."""
    root = yaml.compose(data, yaml.SafeLoader)
    for key, value in root.value if root is not None else ():
        if key.value == 'files':
            end = value.end_mark
            # A block ends where the next key begins: comments before that are the next key's.
            last = end.line if end.column == 0 else end.line + 1
            return key.start_mark.line, _without_comments(data, value.start_mark.line, last)
    return count, count


def _without_comments(data: bytes, first: int, last: int) -> int:
    lines = data.decode('utf-8-sig').splitlines()
    while last - 1 > first and _says_nothing(lines[last - 1]):
        last -= 1
    return last


def _says_nothing(line: str) -> bool:
    return not line.strip() or line.startswith('#')
