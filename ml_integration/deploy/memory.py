"""Keeps the memory of a process that loads one model after the other from growing."""

from __future__ import annotations

import ctypes

ARENAS = 2
_M_ARENA_MAX = -8
"""Source: mallopt(3)."""


def limit_arenas() -> None:
    """Makes threads to come share few heaps; does nothing without glibc.

    Each loader is a new thread, and each new thread gets one of up to 8 heaps per core, in which
    the engine leaves fragments that cannot be given back. Heaps that are there already stay, so
    this belongs to the start of a process.
    """
    set_option = getattr(ctypes.CDLL(None), 'mallopt', None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, ARENAS)
