"""Reads the files of a package, each once, and checks the very bytes that are used."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ml_integration.errors import IntegrityError
from ml_integration.store.files import open_file, read_file, why
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, FilePin
from ml_integration.store.state.places import is_installed, ships_with_package

T = TypeVar('T')

_MOST_ENTRIES = 10_000
_MOST_NAMED = 10
_LARGEST_UNPINNED = 2**31
"""Bytes of a file that nothing pins, such as a model under development."""


def read_pinned(directory: Path, pins: Mapping[str, FilePin]) -> dict[str, bytes]:
    """Reads the files that a manifest pins.

    Args:
        directory: the package's folder.
        pins: what each file has to be, by POSIX path.

    Raises:
        IntegrityError: a file is missing, a link, not listed, or has another content.
    """
    return _looked_at(directory, pins, _read_pinned)


def check_sizes(directory: Path, pins: Mapping[str, FilePin]) -> None:
    """Looks at the files that a manifest pins without reading them.

    Raises:
        IntegrityError: a file is missing, a link, not listed, or has another size.
    """
    _looked_at(directory, pins, _check_size)


def _looked_at(
    directory: Path, pins: Mapping[str, FilePin], look: Callable[[Path, FilePin], T]
) -> dict[str, T]:
    """Returns the result of `look` for each file; its ValueError says how a file differs."""
    contents: dict[str, T] = {}
    missing: list[str] = []
    differing: list[str] = []
    try:
        links, files = _listed(directory)
    except OSError as error:
        what = f'its folders cannot be listed: {why(error)}'
        raise IntegrityError(directory, what, hint='Nobody knows what else is in it.') from error
    for name, pin in sorted(pins.items()):
        if _has_link(name, links):
            continue
        try:
            contents[name] = look(directory / name, pin)
        except (FileNotFoundError, NotADirectoryError):
            missing.append(name)
        except OSError as error:
            differing.append(f'{name} ({why(error)})')
        except ValueError as error:
            differing.append(f'{name} ({error})')
    extra = sorted(files - {*pins, MANIFEST, SIGNATURE})
    problems = {
        'missing': missing, 'not listed': extra, 'differing': differing, 'links': sorted(links)
    }  # fmt: skip
    if any(problems.values()):
        raise _refusal(directory, problems)
    return contents


def read_unchecked(directory: Path, pins: Mapping[str, FilePin]) -> dict[str, bytes]:
    """Reads the files that a manifest names, without checking their content.

    Raises:
        IntegrityError: a file cannot be read.
    """
    contents = {}
    for name in sorted(pins):
        try:
            contents[name] = read_file(directory / name, _LARGEST_UNPINNED)
        except (OSError, ValueError) as error:
            what = f'it cannot be read: {why(error)}'
            raise IntegrityError(directory / name, what) from error
    return contents


def _check_size(path: Path, pin: FilePin) -> None:
    _require_size(path.lstat(), pin)


def _require_size(status: os.stat_result, pin: FilePin) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError('not a regular file')
    if status.st_size != pin.size:
        raise ValueError(f'{status.st_size} bytes instead of {pin.size}')


def _read_pinned(path: Path, pin: FilePin) -> bytes:
    with open_file(path) as stream:
        _require_size(os.fstat(stream.fileno()), pin)  # first: a wrong file may be of any size
        try:
            content = stream.read(pin.size)
        except MemoryError:
            raise ValueError(f'{pin.size} bytes do not fit into the memory') from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != pin.sha256:
        raise ValueError(f'sha256 {digest[:12]}... instead of {pin.sha256[:12]}...')
    return content


def _listed(directory: Path) -> tuple[set[str], set[str]]:
    """Returns the links, and everything else that is no folder, by POSIX path."""
    links: set[str] = set()
    files: set[str] = set()
    for entry in _walk(directory):
        name = Path(entry.path).relative_to(directory).as_posix()
        (links if entry.is_symlink() else files).add(name)
    return links, files


def _walk(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Yields what is no folder, until it is more than a package can have."""
    folders, count = [directory], 0
    while folders and count <= _MOST_ENTRIES:
        with os.scandir(folders.pop()) as entries:
            for entry in islice(entries, _MOST_ENTRIES):
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    yield entry


def files_in(directory: Path) -> set[str]:
    """Returns the files in a package folder, by POSIX path.

    Raises:
        IntegrityError: one is a link, or the folders cannot be listed.
    """
    try:
        links, files = _listed(directory)
    except OSError as error:
        what = f'its folders cannot be listed: {why(error)}'
        raise IntegrityError(directory, what, hint='Nobody knows what else is in it.') from error
    if links:
        raise _refusal(directory, {'links': sorted(links)})
    return files


def _has_link(name: str, links: set[str]) -> bool:
    parts = Path(name).parts
    return any('/'.join(parts[:count]) in links for count in range(1, len(parts) + 1))


def link_refused(directory: Path, name: str) -> IntegrityError:
    """Makes the error for a file of a package that is a link."""
    return _refusal(directory, {'links': [name]})


def _refusal(directory: Path, problems: Mapping[str, list[str]]) -> IntegrityError:
    what = '; '.join(f'{word}: {some_of(names)}' for word, names in problems.items() if names)
    found = [word for word, names in problems.items() if names]
    fetch = "Fetch it with the project's set-up (make setup)."
    hints = {
        'missing': fetch if ships_with_package(directory) else '',
        'links': 'Put the files themselves there: where a link leads can change at any time.',
    }
    hint = hints.get(found[0], '') if len(found) == 1 else ''
    if not hint and not is_installed(directory):
        hint = _for_its_author(directory)
    return IntegrityError(
        directory, f'its files are not the ones that {MANIFEST} pins: {what}', hint=hint
    )


def _for_its_author(directory: Path) -> str:
    signed = (directory / SIGNATURE).exists()
    more = ', and sign it anew: its signature is of the manifest as it was' if signed else ''
    return (
        f'If you changed them yourself, pin them with: ml_model pin {directory}{more}. '
        'If not, get the model again from a source you trust.'
    )


def some_of(names: Sequence[str], most: int = _MOST_NAMED) -> str:
    """Names the first ones, and says how many more there are."""
    more = len(names) - most
    return ', '.join(names[:most]) + (f' and {more} more' if more > 0 else '')
