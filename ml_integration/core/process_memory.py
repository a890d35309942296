"""Memory of this process: how much it has, how much it had at most, and what it can give back."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

import psutil

MB = 1e6
_CLEAR = Path('/proc/self/clear_refs')
_STATUS = Path('/proc/self/status')
_PEAK = 'VmHWM:'


def resident_mb() -> float:
    """Returns the memory of this process that is in RAM [MB]."""
    return float(psutil.Process().memory_info().rss) / MB


def forget_peak() -> None:
    """Makes `peak_mb` begin anew, where the system can do that. Source: proc_pid_clear_refs(5)."""
    with suppress(OSError):
        _CLEAR.write_text('5')


def peak_mb() -> float:
    """Returns the most memory since `forget_peak` [MB]; that of now where nobody tells."""
    now_mb = resident_mb()
    with suppress(OSError, ValueError, StopIteration):
        lines = _STATUS.read_text().splitlines()
        kilobytes = next(line for line in lines if line.startswith(_PEAK)).split()[1]
        return max(now_mb, int(kilobytes) * 1024 / MB)
    return now_mb


def return_freed_memory() -> None:
    """Gives back to the system what was freed: glibc keeps it, and each model adds to it.

    It takes some milliseconds, in which others who allocate may have to wait.
    """
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)
