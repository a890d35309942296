"""Watches what the process of a node takes of its machine."""

from __future__ import annotations

from collections.abc import Callable

from ml_integration.core.memory_growth import MemoryGrowth
from ml_integration.core.resources import CONCERN, Usage, judge_usage
from ml_integration.core.usage_reading import USAGE
from ml_integration.core.watches import Look, Seen, Value


class ResourceWatch:
    """Watches memory, CPU, files, heat and GPUs; see `ml_integration.core.watches.Watch`.

    Nodes that share a process tell the same: it is the process that takes and is limited.

    Args:
        budget_mb: gives the memory that the process may take [MB]; 0: no limit.
        newest: gives the newest facts, and has them read anew.
    """

    concern = CONCERN
    of_frames = False

    def __init__(
        self,
        budget_mb: Callable[[], float],
        newest: Callable[[], Usage | None] = USAGE.newest,
    ) -> None:
        self._budget_mb = budget_mb
        self._newest = newest
        self._growth = MemoryGrowth()

    def begin(self, now_ns: int) -> None:
        """Forgets how the memory has grown: what a start takes is no leak."""
        self._growth.begin()

    def take(self, seen: Seen) -> None:
        """Takes nothing: frames do not tell."""

    def look(self, now_ns: int) -> Look:
        """Judges what was read a second ago."""
        usage, budget_mb = self._newest(), self._budget_mb()
        if usage is not None:
            self._growth.take(usage.rss_mb, now_ns)
        growth = self._growth.growth()
        values = (*_values(usage, budget_mb), ('rss growth [MB/h]', growth.mb_per_h))
        return Look(judge_usage(usage, budget_mb, growth), values)


def _values(usage: Usage | None, budget_mb: float) -> tuple[tuple[str, Value], ...]:
    known = usage or Usage(0, 0.0, 0.0, 0, 0)
    throttled = None if known.throttled is None else ', '.join(known.throttled) or 'no'
    values: tuple[tuple[str, Value], ...] = (
        ('cpu [%]', known.cpu_percent),
        ('rss [MB]', known.rss_mb),
        ('threads', known.threads),
        ('open files', known.open_files),
        ('cpus', known.cpus),
        ('cpu wait [%]', known.cpu_wait_percent),
        ('machine cpu [%]', known.machine_cpu_percent),
        ('machine memory free [MB]', known.machine_free_mb),
        ('gpu [%]', known.gpu_percent),
        ('gpu memory [MB]', known.gpu_mb),
        ('temperature [C]', known.temperature_c),
        ('throttled', throttled),
        ('uptime [s]', known.uptime_s),
        ('pid', known.pid),
        ('host', known.host),
    )
    if usage is None:
        values = tuple((key, None) for key, _ in values)
    return (*values[:2], ('memory budget [MB]', float(budget_mb)), *values[2:])
