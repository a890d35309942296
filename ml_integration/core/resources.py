"""Judges what the process of a node takes of its machine: facts in, a finding out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ml_integration.core.findings import Finding, Level
from ml_integration.core.memory_growth import Growth

CONCERN = 'resources'
NEAR_BUDGET = 0.9
"""Share of the memory budget from which there is a warning."""
MANY_FILES, TOO_MANY_FILES = 0.8, 0.95
"""Shares of the files that a process may open: for a warning, and for an error."""
NEAR_CRITICAL_C = 3.0
"""Distance to the temperature at which the machine protects itself, for a warning [C]."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Facts about a process and its machine at one moment. None: this system does not tell.

    Attributes:
        pid: of the process.
        uptime_s: time since the process began [s].
        rss_mb: memory of the process that is in RAM [MB].
        threads: of the process.
        cpus: CPUs that it may keep busy.
        cpu_percent: that it took since the last look [%]; 100 is one CPU.
        cpu_wait_percent: time that its threads were ready to run and had no CPU [%], added up.
        machine_cpu_percent: that everybody took [%]; 100 is all CPUs.
        machine_free_mb: memory that programs can still have [MB].
        open_files: files and sockets that it has open.
        most_files: as many as it may open.
        temperature_c: of the hottest part of the CPU [C].
        critical_c: at which the machine protects itself [C].
        throttled: why its CPUs or GPU are held back, each in a word; empty if they are not.
        gpu_percent: load of the busiest GPU [%].
        gpu_mb: memory of the GPUs that is taken, by this process where they tell [MB].
        host: name of the machine.
    """

    pid: int
    uptime_s: float
    rss_mb: float
    threads: int
    cpus: int
    cpu_percent: float | None = None
    cpu_wait_percent: float | None = None
    machine_cpu_percent: float | None = None
    machine_free_mb: float | None = None
    open_files: int | None = None
    most_files: int | None = None
    temperature_c: float | None = None
    critical_c: float | None = None
    throttled: tuple[str, ...] | None = None
    gpu_percent: float | None = None
    gpu_mb: float | None = None
    host: str = ''


def judge_usage(usage: Usage | None, budget_mb: float, growth: Growth) -> Finding:
    """Judges what is known.

    Args:
        usage: the newest facts; None if there are none yet.
        budget_mb: memory that the process may take [MB]; 0: no limit.
        growth: how its memory has grown.
    """
    if usage is None:
        return Finding(CONCERN, Level.OK, 'not measured yet')
    wrong = sorted(_faults(usage, budget_mb, growth), key=lambda one: -one[0])
    if not wrong:
        return Finding(CONCERN, Level.OK, _summary(usage, budget_mb))
    level, kind, _ = wrong[0]
    return Finding(CONCERN, level, ' | '.join(text for _, _, text in wrong), kind=kind)


def _faults(usage: Usage, budget_mb: float, growth: Growth) -> Iterator[tuple[Level, str, str]]:
    """Yields level, kind and sentence of each thing that is wrong."""
    yield from _memory_faults(usage.rss_mb, budget_mb, growth)
    if usage.open_files is not None and usage.most_files:
        share = usage.open_files / usage.most_files
        if share >= MANY_FILES:
            level = Level.ERROR if share >= TOO_MANY_FILES else Level.WARN
            few = f'{usage.open_files} of {usage.most_files} files that it may open are open'
            yield level, 'files', f'{few}: raise the limit (ulimit -n), or look for a leak'
    if usage.throttled:
        yield Level.WARN, 'throttled', f'held back by {" and ".join(usage.throttled)}'
    hot, critical = usage.temperature_c, usage.critical_c
    if hot is not None and critical and hot >= critical - NEAR_CRITICAL_C:
        yield Level.WARN, 'hot', f'the CPU has {hot:.0f} C, and {critical:.0f} C is critical'


def _memory_faults(
    rss_mb: float, budget_mb: float, growth: Growth
) -> Iterator[tuple[Level, str, str]]:
    if budget_mb and rss_mb >= NEAR_BUDGET * budget_mb:
        level = Level.ERROR if rss_mb > budget_mb else Level.WARN
        text = f'{rss_mb:.0f} MB of memory, memory_budget_mb is {budget_mb:.0f}'
        yield level, 'memory', text
    if growth.steady and growth.mb_per_h:
        text = f'its memory grows by {growth.mb_per_h:.0f} MB/h without an end'
        if budget_mb > rss_mb:
            hours = (budget_mb - rss_mb) / growth.mb_per_h
            text = f'{text}: memory_budget_mb is reached in {hours:.1f} h'
        yield Level.WARN, 'growth', text


def _summary(usage: Usage, budget_mb: float) -> str:
    of = f' of {budget_mb:.0f}' if budget_mb else ''
    cpu = '' if usage.cpu_percent is None else f'{usage.cpu_percent:.0f} % of a CPU, '
    return f'{cpu}{usage.rss_mb:.0f}{of} MB, {usage.threads} threads'
