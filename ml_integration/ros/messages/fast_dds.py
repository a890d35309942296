"""Settings of Fast DDS for images, and removal of shared memory that killed processes left."""

from __future__ import annotations

import fcntl
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ml_integration.store.files import open_file

VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
PROFILE = 'config/fastdds_large_messages.xml'
SHARED_MEMORY = Path('/dev/shm')
LOCK = re.compile(r'(fastrtps|fastdds)_[0-9a-f]{16}_el')
# A segment is made a moment before it is locked.
MIN_AGE_S = 10.0

_PACKAGE = Path(__file__).parents[2]


def environment(
    variables: Mapping[str, str] = os.environ, package: Path = _PACKAGE
) -> dict[str, str]:
    """The variables that make a process's Fast DDS use this package's profile.

    Args:
        variables: the environment so far; a profile that it names already is left alone.
        package: the folder of the package `ml_integration`.

    Returns:
        What to add to the environment; nothing where the profile is not installed.
    """
    file = _profile(package)
    if file is None or any(variables.get(name) for name in VARIABLES):
        return {}
    return {name: str(file) for name in _known_variables(variables)}


def remove_stale_segments(folder: Path = SHARED_MEMORY) -> int:
    """Removes shared memory that killed processes have left; returns how many segments.

    Every segment has a file that its process keeps locked as long as it lives.
    """
    return sum(
        _remove_if_stale(lock) for lock in folder.glob('fast*_el') if LOCK.fullmatch(lock.name)
    )


def _profile(package: Path) -> Path | None:
    for prefix in package.absolute().parents:
        for place in (prefix, prefix / 'share/ml_integration'):
            if (place / PROFILE).is_file():
                return place / PROFILE
    return None


def _known_variables(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Names the variables: version 2 reads the first; version 3, which warns of it, the second."""
    prefixes = [*variables.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    for prefix in filter(None, prefixes):
        if Path(prefix, 'share/fastdds').is_dir():
            return VARIABLES[1:]
        if Path(prefix, 'share/fastrtps').is_dir():
            return VARIABLES[:1]
    return VARIABLES


def _remove_if_stale(lock: Path) -> bool:
    try:
        if time.time() - lock.lstat().st_mtime < MIN_AGE_S:
            return False
        with open_file(lock) as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.with_name(lock.name.removesuffix('_el')).unlink(missing_ok=True)
            lock.unlink()
    except (OSError, ValueError):  # locked, of another user, gone in the meantime, or no lock
        return False
    return True
