"""What a process takes is judged by its limits, and read by a thread that nobody waits for."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import psutil
import pytest

from ml_integration.core.findings import Level
from ml_integration.core.gpus import Gpus, GpuUsage
from ml_integration.core.memory_growth import BLOCK_S, BLOCKS, Growth, MemoryGrowth
from ml_integration.core.resource_watch import ResourceWatch
from ml_integration.core.resources import Usage, judge_usage
from ml_integration.core.throttling import Throttling
from ml_integration.core.usage_reading import UsageReader
from ml_integration.ros.client.waiting import wait_until

FINE = Usage(pid=1, uptime_s=9.0, rss_mb=200.0, threads=20, cpus=2)
LEAK = Growth(100.0, steady=True)


@pytest.mark.parametrize(
    ('usage', 'budget_mb', 'growth', 'level', 'words'),
    [
        (None, 1.0, Growth(), Level.OK, 'not measured yet'),
        (FINE, 0.0, Growth(), Level.OK, '200 MB, 20 threads'),
        (FINE, 300.0, Growth(50.0), Level.OK, '200 of 300 MB'),
        (FINE, 220.0, Growth(), Level.WARN, 'memory_budget_mb is 220'),
        (FINE, 199.0, Growth(), Level.ERROR, '200 MB of memory, memory_budget_mb is 199'),
        (FINE, 0.0, LEAK, Level.WARN, 'grows by 100 MB/h without an end'),
        (FINE, 400.0, LEAK, Level.WARN, 'memory_budget_mb is reached in 2.0 h'),
        (replace(FINE, open_files=79, most_files=100), 0.0, Growth(), Level.OK, '200 MB'),
        (replace(FINE, open_files=80, most_files=100), 0.0, Growth(), Level.WARN, '80 of 100'),
        (replace(FINE, open_files=95, most_files=100), 0.0, Growth(), Level.ERROR, 'ulimit'),
        (replace(FINE, throttled=()), 0.0, Growth(), Level.OK, '200 MB'),
        (replace(FINE, throttled=('heat',)), 0.0, Growth(), Level.WARN, 'held back by heat'),
        (replace(FINE, temperature_c=99.0), 0.0, Growth(), Level.OK, '200 MB'),
        (replace(FINE, temperature_c=99.0, critical_c=100.0), 0.0, LEAK, Level.WARN, '100 C is'),
    ],
)
def test_each_limit_has_a_level_and_a_sentence(
    usage: Usage | None, budget_mb: float, growth: Growth, level: Level, words: str
) -> None:
    finding = judge_usage(usage, budget_mb, growth)
    assert (finding.level, finding.concern) == (level, 'resources')
    assert words in finding.sentence


def test_the_worst_fault_comes_first() -> None:
    finding = judge_usage(replace(FINE, throttled=('heat',)), 150.0, LEAK)
    assert finding.level is Level.ERROR
    assert finding.kind == 'memory'
    first, *others = finding.sentence.split(' | ')
    assert 'memory_budget_mb' in first
    assert len(others) == 2


def grown(per_minute: list[float]) -> Growth:
    growth, rss_mb = MemoryGrowth(), 100.0
    for minute, more in enumerate([*per_minute, 0.0]):
        rss_mb += more
        for second in range(0, 60, 20):  # what comes and goes within a minute does not count
            growth.take(rss_mb + second, int((minute * BLOCK_S + second) * 1e9))
    return growth.growth()


@pytest.mark.parametrize(
    ('per_minute', 'steady'),
    [
        ([1.0] * BLOCKS, True),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -0.5, 1.0, 1.0] * 3, True),
        ([0.1] * BLOCKS, False),  # too little to be told
        ([0.0] * BLOCKS, False),
        ([0.0] * 10 + [200.0] + [0.0] * 19, False),  # another model
        ([5.0, -4.0] * 15, False),
        ([1.0] * 20, False),  # too early
    ],
)
def test_only_memory_that_grows_all_the_time_is_a_leak(
    per_minute: list[float], steady: bool
) -> None:
    growth = grown(per_minute)
    assert growth.steady is steady
    assert (growth.mb_per_h is None) is (len(per_minute) < BLOCKS - 1)


def test_growth_is_told_per_hour_and_forgotten_with_the_activation() -> None:
    assert grown([2.0] * BLOCKS).mb_per_h == pytest.approx(120.0)
    watch = ResourceWatch(lambda: 500.0, lambda: FINE)
    for minute in range(BLOCKS + 1):
        look = watch.look(int(minute * BLOCK_S * 1e9))
    assert dict(look.values)['rss growth [MB/h]'] == 0.0
    watch.begin(0)
    assert dict(watch.look(0).values)['rss growth [MB/h]'] is None


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


HEAT = 'sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count'
QUOTA = 'sys/fs/cgroup/a/cpu.stat'
PI = 'sys/devices/platform/soc/soc:firmware/get_throttled'


@pytest.mark.parametrize(
    ('file', 'before', 'after', 'expected'),
    [
        (HEAT, '7\n', '7\n', ()),
        (HEAT, '7\n', '9\n', ('heat',)),
        (HEAT, '7\n', 'rubbish', None),
        (QUOTA, 'nr_periods 10\nnr_throttled 5\n', 'nr_periods 20\nnr_throttled 6\n', ()),
        (QUOTA, 'nr_periods 10\nnr_throttled 5\n', 'nr_periods 20\nnr_throttled 8\n',
         ('the quota of its cgroup',)),
        (QUOTA, 'usage_usec 1\n', 'usage_usec 2\n', None),
        (PI, '50000\n', '50000\n', ()),  # it has been, and is not any more
        (PI, '50000\n', '50005\n', ('low voltage', 'heat')),
        ('elsewhere', '', '', None),
    ],
)  # fmt: skip
def test_throttling_is_what_the_kernel_counts_since_the_last_look(
    file: str, before: str, after: str, expected: tuple[str, ...] | None, tmp_path: Path
) -> None:
    write(tmp_path / 'proc/self/cgroup', '0::/a\n')
    write(tmp_path / file, before)
    throttling = Throttling(tmp_path)
    write(tmp_path / file, after)
    assert throttling.look() == expected


def read(reader: UsageReader, threads: int) -> Usage:
    """Waits for facts that know of so many threads."""

    def known() -> bool:
        usage = reader.newest()
        return usage is not None and usage.threads >= threads

    wait_until(known, 'the facts', 10.0)
    usage = reader.newest()
    assert usage is not None
    return usage


def test_the_facts_are_those_of_this_process() -> None:
    reader, own = UsageReader(), psutil.Process()
    usage = read(reader, 1)
    assert usage.pid == os.getpid()
    assert usage.rss_mb == pytest.approx(own.memory_info().rss / 1e6, rel=0.5)
    assert usage.machine_free_mb is not None
    assert usage.open_files is not None
    assert usage.most_files is None or usage.open_files < usage.most_files
    assert usage.uptime_s > 0.0
    done = threading.Event()
    others = [threading.Thread(target=done.wait) for _ in range(20)]
    for one in others:
        one.start()
    assert read(reader, own.num_threads()).threads >= 20
    done.set()


def test_a_watch_keeps_its_keys_before_anything_is_known() -> None:
    unknown, known = (ResourceWatch(lambda: 64.0, lambda u=u: u).look(0) for u in (None, FINE))
    assert [key for key, _ in unknown.values] == [key for key, _ in known.values]
    assert {value for key, value in unknown.values if key != 'memory budget [MB]'} == {None}
    assert dict(known.values)['memory budget [MB]'] == 64.0


def driver(pid: int, reasons: int) -> ModuleType:
    """A module with the functions of NVIDIA's, as there is no GPU here."""
    nvml = ModuleType('pynvml')
    process = SimpleNamespace(pid=pid, usedGpuMemory=300_000_000)
    functions = {
        'NVMLError': type('NVMLError', (Exception,), {}),
        'nvmlInit': lambda: None,
        'nvmlDeviceGetCount': lambda: 2,
        'nvmlDeviceGetHandleByIndex': lambda index: index,
        'nvmlDeviceGetUtilizationRates': lambda one: SimpleNamespace(gpu=(30, 70)[one]),
        'nvmlDeviceGetComputeRunningProcesses': lambda one: [process][one:],
        'nvmlDeviceGetMemoryInfo': lambda one: SimpleNamespace(used=1_000_000_000),
        'nvmlDeviceGetCurrentClocksThrottleReasons': lambda one: reasons,
        'nvmlClocksThrottleReasonSwThermalSlowdown': 0x20,
        'nvmlClocksThrottleReasonHwThermalSlowdown': 0x40,
    }
    for name, function in functions.items():
        setattr(nvml, name, function)
    return nvml


@pytest.mark.parametrize(
    ('pid', 'reasons', 'expected'),
    [
        (None, 0x0, GpuUsage(70.0, 300.0, hot=False)),
        (-1, 0x41, GpuUsage(70.0, 2000.0, hot=True)),  # in a container
    ],
)
def test_gpus_are_told_where_the_driver_is(
    pid: int | None, reasons: int, expected: GpuUsage, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven = driver(os.getpid() if pid is None else pid, reasons)
    monkeypatch.setitem(sys.modules, 'pynvml', driven)
    assert Gpus().read() == expected


def test_no_driver_and_no_library_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = driver(1, 0)

    def refuse() -> None:
        raise nvml.NVMLError

    monkeypatch.setattr(nvml, 'nvmlInit', refuse)
    monkeypatch.setitem(sys.modules, 'pynvml', nvml)
    assert Gpus().read() is None
    monkeypatch.setitem(sys.modules, 'pynvml', None)
    assert Gpus().read() is None
