"""Number and kind of the CPUs that this process has."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def usable_cpus(root: Path = Path('/')) -> int:
    """Returns the number of CPUs this process may keep busy: its affinity and its cgroup's quota.

    A quota counts in whole CPUs, rounded down: a thread too many is throttled, and all wait.

    Args:
        root: the root of the file system to look at.
    """
    allowed = float(len(os.sched_getaffinity(0)))
    try:
        lines = (root / 'proc/self/cgroup').read_text().splitlines()
    except OSError:
        return int(allowed)
    for line in lines:
        _, controllers, path = line.split(':', 2)
        if controllers and 'cpu' not in controllers.split(','):
            continue
        mount = root / 'sys/fs/cgroup' / controllers  # v2 has no controllers in its line
        group = mount / path.lstrip('/')
        for folder in (group, *(p for p in group.parents if p.is_relative_to(mount))):
            allowed = min(allowed, _quota(folder))
    return max(1, int(allowed))


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
