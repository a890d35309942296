"""Settings of Fast DDS for images, and removal of shared memory that killed processes left."""

from __future__ import annotations

import fcntl
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ml_integration.core.endpoints import SEGMENT_BYTES
from ml_integration.errors import SettingError
from ml_integration.ops.dds_profile import message_bytes
from ml_integration.store.files import open_file, read_named_file

VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
PROFILES = {
    'config/fastdds_large_messages.xml': message_bytes('1920x1080'),
    'config/fastdds_4k.xml': message_bytes('3840x2160'),
    'config/fastdds_8k.xml': message_bytes('7680x4320'),
}
"""Profiles that come with the package, and the largest messages that each is made for [bytes]."""
PROFILE = next(iter(PROFILES))
LARGEST = 'ML_INTEGRATION_LARGEST_IMAGE'
"""Variable with the size of the largest picture that a program will publish, as 3840x2160."""
PROFILE_LIMIT = 2**20
SHARED_MEMORY = Path('/dev/shm')
LOCK = re.compile(r'(fastrtps|fastdds)_[0-9a-f]{16}_el')
# A segment is made a moment before it is locked.
MIN_AGE_S = 10.0

_PACKAGE = Path(__file__).parents[2]
_SEGMENT = re.compile(r'<segment_size>\s*(\d+)\s*</segment_size>')


def environment(
    variables: Mapping[str, str] = os.environ,
    package: Path = _PACKAGE,
    largest_bytes: int = 0,
) -> dict[str, str]:
    """Returns the variables that make a process's Fast DDS use a profile of this package.

    Args:
        variables: the environment so far; a profile that it names already is left alone, unless
            it is a smaller one of this package.
        package: the folder of the package `ml_integration`.
        largest_bytes: size of the largest message that the process will publish, as far as it is
            known [bytes]; the variable `LARGEST` may ask for more.

    Returns:
        What to add to the environment; nothing where the profiles are not installed.

    Raises:
        SettingError: `LARGEST` is no size, or a profile is named that is no file.
    """
    for name in VARIABLES:
        _refuse_odd(name, variables.get(name, ''))
    shipped = _profiles(package)
    if not shipped:
        return {}
    wanted = max(largest_bytes, message_bytes(variables.get(LARGEST) or '0'))
    files = [file for file, holds in shipped.items() if holds >= wanted] or [*shipped][-1:]
    named = [name for name in VARIABLES if variables.get(name)]
    present = [Path(variables[name]) for name in named]
    if any(file not in shipped or shipped[file] >= shipped[files[0]] for file in present):
        return {}
    return {name: str(files[0]) for name in named or _known_variables(variables)}


def _refuse_odd(name: str, profile: str) -> None:
    """Refuses what Fast DDS would wait for, such as a FIFO; what is gone it tells itself."""
    path = Path(profile)
    if profile and profile != os.devnull and path.exists() and not path.is_file():
        raise SettingError(name, profile, 'a regular file', where='the environment')


def segment_of_process(variables: Mapping[str, str] = os.environ) -> int:
    """Returns the size of the shared memory that the profile in use asks for [bytes]."""
    for name in VARIABLES:
        with suppress(KeyError, OSError, ValueError):
            text = read_named_file(Path(variables[name]), PROFILE_LIMIT).decode()
            if match := _SEGMENT.search(text):
                return int(match[1])
    return SEGMENT_BYTES


def shortage(size_bytes: int, variables: Mapping[str, str] = os.environ) -> str:
    """Returns a sentence that messages of a size do not fit into this process's shared memory.

    Args:
        size_bytes: of the messages that it publishes [bytes].
        variables: the environment, which says what profile is in use.

    Returns:
        Empty if they fit. A process that runs cannot get more.
    """
    segment = segment_of_process(variables)
    if size_bytes <= segment:
        return ''
    return (
        f'one message of {size_bytes / 1e6:.1f} MB is larger than the shared memory of this '
        f'process, {segment / 1e6:.1f} MB: start it with {LARGEST} set to its width and height, '
        'such as 3840x2160, or with a profile of ml_model dds-profile'
    )


def remove_stale_segments(folder: Path = SHARED_MEMORY) -> int:
    """Removes shared memory that killed processes have left; returns how many segments.

    Every segment has a file that its process keeps locked as long as it lives.
    """
    return sum(
        _remove_if_stale(lock) for lock in folder.glob('fast*_el') if LOCK.fullmatch(lock.name)
    )


def _profiles(package: Path) -> dict[Path, int]:
    """Returns the installed profiles and what they hold [bytes], the smallest one first."""
    for prefix in package.absolute().parents:
        for place in (prefix, prefix / 'share/ml_integration'):
            if (place / PROFILE).is_file():
                found = {place / name: holds for name, holds in PROFILES.items()}
                return {file: holds for file, holds in found.items() if file.is_file()}
    return {}


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
