"""Resources that a process has used so far, as the kernel counts them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf('SC_PAGE_SIZE')


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of all threads of a process.

    Attributes:
        cpu_ms: user and system time since its start [ms].
        faults: minor page faults since its start.
        rss_mb: resident memory [MB = 2^20 bytes].
        threads: how many there are.
        descriptors: open files.
    """

    cpu_ms: float
    faults: int
    rss_mb: float
    threads: int
    descriptors: int


def usage(pid: int) -> Usage:
    """Reads it; the process has to be alive and the user's own."""
    folder = Path(f'/proc/{pid}')
    # The name, in parentheses, may hold anything; fields are counted after it. See proc(5).
    fields = (folder / 'stat').read_text().rpartition(')')[2].split()
    pages = int((folder / 'statm').read_text().split()[1])
    return Usage(
        # The process's own clock: utime + stime of `stat` come in steps of 10 ms.
        cpu_ms=time.clock_gettime((~pid << 3) | 2) * 1e3,
        faults=int(fields[7]),
        rss_mb=pages * PAGE_BYTES / 2**20,
        threads=int(fields[17]),
        descriptors=len(list((folder / 'fd').iterdir())),
    )
