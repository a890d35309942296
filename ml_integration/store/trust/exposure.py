"""Looks for folders that anybody may change, and for private keys that anybody may find here.

Digests and signatures say which bytes a manifest means. Whoever may write a folder of trusted
keys, a store without signatures or the state of a node decides what that is worth.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ml_integration.store.files import read_file

MOST_ENTRIES = 10_000
"""Files and folders of a place that are looked at."""
_LARGEST_KEY = 2**14


@dataclass(frozen=True, slots=True)
class Exposure:
    """Finding about a place on disk.

    Attributes:
        sentence: what is wrong, where, and what to do.
        is_secret: whether a secret lies there that belongs on no robot.
    """

    sentence: str
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """Folders that decide what a node runs.

    Attributes:
        stores: the model stores.
        state: the state folder.
        keys: the folder of trusted keys; None if there is none.
        model_key: the file with the key of encrypted models; None if there is none.
    """

    stores: Sequence[Path]
    state: Path
    keys: Path | None = None
    model_key: Path | None = None

    def exposures(self) -> tuple[Exposure, ...]:
        """Looks at all of them; takes a while where stores are large."""
        named = [
            *(('the model store', store) for store in self.stores),
            ('the state folder', self.state),
            *([('the folder of trusted keys', self.keys)] if self.keys else []),
        ]
        found = [one for name, place in named for one in _of_place(name, place)]
        if self.model_key is not None:
            found += _of_path('the key of encrypted models', self.model_key)
        return tuple(dict.fromkeys(found))


def _of_place(name: str, place: Path) -> Iterator[Exposure]:
    yield from _of_path(name, place)
    entries = list(islice(_entries(place), MOST_ENTRIES))
    open_ones = [path for path in entries if _anybody_may_write(path)]
    if open_ones:
        what = f'{len(open_ones)} entries' if len(open_ones) > 1 else 'an entry'
        yield _open_to_all(f'{what} of {name} {place}', open_ones[0])
    for path in entries:
        if _is_private_key(path):
            hint = 'Move it to where models are signed, and replace it: it may be known by now.'
            yield Exposure(f'{path}: a private key lies on this robot. {hint}', is_secret=True)


def _of_path(name: str, path: Path) -> Iterator[Exposure]:
    """Looks at a path and at the folders above it, where it could be replaced."""
    real = path.resolve()
    if _anybody_may_write(real):
        yield _open_to_all(f'{name} {path}', real)
    above = (parent for parent in real.parents if _anybody_may_write(parent, sticky=False))
    for parent in islice(above, 1):
        yield _open_to_all(f'a folder above {name} {path}', parent)


def _open_to_all(what: str, path: Path) -> Exposure:
    return Exposure(
        f'everybody on this machine may change {what}. Take the right away: chmod o-w {path}'
    )


def _anybody_may_write(path: Path, sticky: bool = True) -> bool:
    """Tells whether everybody may write.

    Args:
        path: a file or folder; a link has no rights of its own.
        sticky: whether a folder counts in which everybody may add but not replace.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode) or not mode & stat.S_IWOTH:
        return False
    return sticky or not mode & stat.S_ISVTX


def _entries(place: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(place):
        for name in (*folders, *files):
            yield Path(where, name)


def _is_private_key(path: Path) -> bool:
    try:
        if path.lstat().st_size > _LARGEST_KEY:
            return False
        data = read_file(path, _LARGEST_KEY)
    except (OSError, ValueError):
        return False
    return b'-----BEGIN ' in data and b'PRIVATE KEY-----' in data
