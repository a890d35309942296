"""Finds out how much shared memory a publisher of this machine has for its messages."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ml_integration.ros.messages.fast_dds import LOCK, SHARED_MEMORY

LOCKS = Path('/proc/locks')
_PROCESS = slice(4, 6)
"""Bytes of an endpoint's identifier that are the low ones of its process's number."""
_PARTICIPANT = slice(0, 12)


def smallest_segment(endpoints: Iterable[Any]) -> int:
    """Returns the size of the smallest segment of publishers of this machine [bytes].

    Args:
        endpoints: as `get_publishers_info_by_topic` gives them.

    Returns:
        0 if it is not known of each of them, as of publishers in another container.
    """
    found = [_segment_of(bytes(item.endpoint_gid[_PARTICIPANT])) for item in endpoints]
    return min(found, default=0)


@lru_cache(maxsize=1024)
def _segment_of(participant: bytes) -> int:
    return segment_of(int.from_bytes(participant[_PROCESS], 'little'))


def segment_of(low_bits: int, locks: Path = LOCKS, folder: Path = SHARED_MEMORY) -> int:
    """Returns the size of the largest segment that a process keeps locked [bytes]; 0 if none.

    Args:
        low_bits: the low 16 bits of the process's number.
        locks: the kernel's list of locks.
        folder: where segments are, each beside a file that its process keeps locked.
    """
    with suppress(OSError, ValueError):
        owned = {
            inode
            for pid, inode in map(_holder, locks.read_text().splitlines())
            if pid > 0 and pid & 0xFFFF == low_bits
        }
        return max(_sizes(folder, owned), default=0)
    return 0


def _holder(line: str) -> tuple[int, int]:
    """Returns process and inode of a line such as `1: FLOCK ADVISORY WRITE 7 00:1b:42 0 EOF`."""
    words = line.split()
    if len(words) < 6 or words[1] != 'FLOCK':
        return -1, 0
    return int(words[4]), int(words[5].rpartition(':')[2])


def _sizes(folder: Path, owned: set[int]) -> Iterable[int]:
    for entry in os.scandir(folder):
        if LOCK.fullmatch(entry.name) and entry.inode() in owned:
            with suppress(OSError):
                yield (folder / entry.name.removesuffix('_el')).stat().st_size
