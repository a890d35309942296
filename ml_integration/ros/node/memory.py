"""Tunes glibc's allocator for a process that serves: it keeps big buffers and does not grow."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

OFF = 'ML_INTEGRATION_KEEP_BUFFERS'
ARENAS = 2
# Source: mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
# Larger than any image; glibc takes no larger mmap threshold than this.
_BYTES = 32 * 1024 * 1024


def keep_buffers(environment: Mapping[str, str] = os.environ) -> bool:
    """Tells glibc's allocator to reuse freed buffers of up to 32 MB.

    By default it maps and unmaps every image: 640 page faults for a VGA frame. Other C
    libraries are left as they are.

    Args:
        environment: ML_INTEGRATION_KEEP_BUFFERS=0 leaves the allocator alone.

    Returns:
        True if the allocator was told.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if environment.get(OFF) == '0' or mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _BYTES)) and bool(
        mallopt(_M_TRIM_THRESHOLD, 2 * _BYTES)
    )


def limit_arenas() -> None:
    """Makes threads that start later share few heaps; does nothing without glibc.

    Each loader is a new thread, and each new thread gets one of up to 8 heaps per core, in which
    the engine leaves fragments that cannot be given back. Heaps that are there already stay, so
    this belongs to the start of a process.
    """
    set_option = getattr(ctypes.CDLL(None), 'mallopt', None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, ARENAS)
