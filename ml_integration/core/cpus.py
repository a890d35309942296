"""CPUs that this process has: how many, of which kind, and which thread gets which."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FEW = 4
"""Most CPUs of which each thread gets some for itself alone."""


@dataclass(frozen=True, slots=True)
class Division:
    """CPUs for threads that work together: for the one that asks, and for each that helps it."""

    caller: frozenset[int]
    helpers: tuple[frozenset[int], ...]


def divide(cpus: Collection[int], threads: int, turn: int) -> Division | None:
    """Divides CPUs so that a thread that is woken up never lands on the CPU of who waits for it.

    A thread that sleeps between two frames is often woken on the CPU of the thread that wakes it,
    and stays there while another CPU is idle. With few CPUs each thread gets some of its own;
    with many, those who help share all but the caller's, so that the system can go around one
    that is busy.

    Args:
        cpus: the numbers of the CPUs.
        threads: how many threads work together, the calling one included.
        turn: number of this division; callers take turns to have the first CPU, the next, ...

    Returns:
        The division; None where there is nothing to divide or there are too few CPUs.
    """
    if not 2 <= threads <= len(cpus):
        return None
    size = len(cpus) // threads
    begin = turn * size % len(cpus)
    ring = sorted(cpus)[begin:] + sorted(cpus)[:begin]
    rest = ring[size:]
    if len(cpus) > FEW:
        return Division(frozenset(ring[:size]), (frozenset(rest),) * (threads - 1))
    helpers = tuple(frozenset(rest[i * size : (i + 1) * size]) for i in range(threads - 1))
    return Division(frozenset(ring[:size]), helpers)


def doubling(most: int) -> Iterator[int]:
    """Yields numbers worth trying, of threads or of frames at once: 1, 2, 4 ... and the most."""
    count = 1
    while count < most:
        yield count
        count *= 2
    yield most


def keep_thread_on(cpus: Collection[int]) -> None:
    """Keeps the calling thread on some CPUs, where the system can do that.

    Args:
        cpus: their numbers; empty for all of the process.
    """
    # There is no such call on other systems, and a CPU may have been taken away meanwhile.
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(0, cpus or process_cpus())


def thread_cpus() -> frozenset[int]:
    """Returns the CPUs that the calling thread keeps to; none where the system does not tell."""
    if hasattr(os, 'sched_getaffinity'):
        return frozenset(os.sched_getaffinity(0))
    return frozenset()


def process_cpus() -> frozenset[int]:
    """Returns the numbers of the CPUs that the process may use, whatever its threads keep to."""
    if hasattr(os, 'sched_getaffinity'):
        return frozenset(os.sched_getaffinity(os.getpid()))  # that of the main thread
    return frozenset(range(os.cpu_count() or 1))


def usable_cpus(root: Path = Path('/')) -> int:
    """Returns the number of CPUs this process may keep busy: its affinity and its cgroup's quota.

    A quota counts in whole CPUs, rounded down: a thread too many is throttled, and all wait.

    Args:
        root: the root of the file system to look at.
    """
    allowed = float(len(process_cpus()))
    return max(1, int(min([allowed, *map(_quota, cpu_groups(root))])))


def cpu_groups(root: Path = Path('/')) -> Iterator[Path]:
    """Yields the folders of the cgroups that may limit this process's CPUs, the own one first.

    Args:
        root: the root of the file system to look at.
    """
    try:
        lines = (root / 'proc/self/cgroup').read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(':', 2)
        if controllers and 'cpu' not in controllers.split(','):
            continue
        mount = root / 'sys/fs/cgroup' / controllers  # v2 has no controllers in its line
        group = mount / path.lstrip('/')
        yield from (one for one in (group, *group.parents) if one.is_relative_to(mount))


def cpu_kind(root: Path = Path('/')) -> str:
    """Returns the CPU's architecture and features; code made for one kind may not run on another.

    Args:
        root: the root of the file system to look at.
    """
    try:
        lines = (root / 'proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    abilities = {
        word
        for line in lines
        if line.lower().startswith(('flags', 'features'))  # x86, ARM
        for word in line.partition(':')[2].split()
    }
    return ' '.join((platform.machine(), *sorted(abilities)))


def cpu_model(root: Path = Path('/')) -> str:
    """Returns the CPU's name, or its architecture where it has none, as on most ARM boards.

    Args:
        root: the root of the file system to look at.
    """
    with suppress(OSError):
        for line in (root / 'proc/cpuinfo').read_text().splitlines():
            name, _, value = line.partition(':')
            if name.strip() in ('model name', 'Model'):  # x86; Raspberry Pi
                return value.strip()
    return platform.machine()


def _quota(folder: Path) -> float:
    """Returns the CPUs a cgroup may use; infinite if it has no limit. Source: cgroups(7)."""
    try:
        if (folder / 'cpu.max').exists():
            quota, period = (folder / 'cpu.max').read_text().split()
        else:
            quota = (folder / 'cpu.cfs_quota_us').read_text().strip()
            period = (folder / 'cpu.cfs_period_us').read_text().strip()
        return int(quota) / int(period) if quota not in ('max', '-1') else float('inf')
    except (OSError, ValueError):
        return float('inf')
