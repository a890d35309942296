"""Threads follow what the process may use, not what the machine has."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ml_integration.core.cpus import (
    FEW,
    cpu_kind,
    divide,
    keep_thread_on,
    process_cpus,
    usable_cpus,
)


def affinity_of(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('os.sched_getaffinity', lambda pid: set(range(count)))


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


V1_QUOTA = 'sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us'
V1_PERIOD = 'sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us'


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        ({}, 8),  # no cgroups at all
        ({'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n'}, 8),
        ({'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '200000 100000\n'}, 2),  # docker
        ({'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '250000 100000\n'}, 2),  # 2.5
        ({'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n'}, 1),  # 0.5
        ({'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'rubbish'}, 8),
        ({'proc/self/cgroup': '0::/a/b\n', 'sys/fs/cgroup/a/cpu.max': '300000 100000',
          'sys/fs/cgroup/a/b/cpu.max': 'max 100000'}, 3),  # the limit is an ancestor's
        ({'proc/self/cgroup': '0::/gone\n', 'sys/fs/cgroup/cpu.max': '400000 100000'}, 4),
        ({'proc/self/cgroup': '5:cpu,cpuacct:/docker/a\n4:memory:/x\n', V1_QUOTA: '300000\n',
          V1_PERIOD: '100000\n'}, 3),  # cgroup v1
        ({'proc/self/cgroup': '5:cpu,cpuacct:/docker/a\n', V1_QUOTA: '-1',
          V1_PERIOD: '100000'}, 8),
    ],
)  # fmt: skip
def test_threads_follow_the_quota_of_the_cgroup(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    affinity_of(8, monkeypatch)
    write(tmp_path, files)
    assert usable_cpus(tmp_path) == expected


def test_threads_follow_the_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    affinity_of(3, monkeypatch)
    write(tmp_path, {'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '600000 100000'})
    assert usable_cpus(tmp_path) == 3


@pytest.mark.parametrize(
    ('cpuinfo', 'words'),
    [
        ('processor : 0\nflags\t\t: fpu avx2\nprocessor : 1\nflags\t\t: fpu avx2\n', 'avx2 fpu'),
        ('Features\t: fp asimd\n', 'asimd fp'),  # ARM
        (None, ''),  # no /proc
    ],
)
def test_the_kind_of_cpu_is_its_architecture_and_what_it_can_do(
    cpuinfo: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('platform.machine', lambda: 'any')
    if cpuinfo is not None:
        write(tmp_path, {'proc/cpuinfo': cpuinfo})
    assert cpu_kind(tmp_path) == f'any {words}'.strip()


CPUS = (2, 3, 5, 7, 8, 9, 12, 13, 14, 20)


@pytest.mark.parametrize('count', range(1, len(CPUS) + 1))
@pytest.mark.parametrize('threads', range(1, len(CPUS) + 2))
@pytest.mark.parametrize('turn', [0, 1, 7, 123456])
def test_a_helper_never_has_a_cpu_of_its_caller(count: int, threads: int, turn: int) -> None:
    division = divide(CPUS[:count], threads, turn)
    if not 2 <= threads <= count:
        assert division is None
        return
    assert division is not None
    assert len(division.helpers) == threads - 1
    assert len(division.caller) == count // threads
    for helper in division.helpers:
        assert helper
        assert not helper & division.caller
        assert helper | division.caller <= set(CPUS[:count])


def test_few_cpus_are_divided_and_many_are_shared_by_the_helpers() -> None:
    few = divide(CPUS[:FEW], FEW, 0)
    assert few is not None
    assert [set(cpus) for cpus in (few.caller, *few.helpers)] == [{2}, {3}, {5}, {7}]
    many = divide(CPUS, 4, 0)
    assert many is not None
    assert set(many.caller) == {2, 3}
    assert [set(cpus) for cpus in many.helpers] == [set(CPUS[2:])] * 3


def test_callers_take_turns() -> None:
    divisions = [divide(CPUS[:4], 2, turn) for turn in range(3)]
    assert [set(one.caller) for one in divisions if one] == [{2, 3}, {5, 7}, {2, 3}]


def test_a_thread_keeps_to_cpus_and_returns_to_all() -> None:
    seen: list[set[int]] = []

    def look() -> None:
        for cpus in (frozenset({max(process_cpus())}), frozenset({4095}), frozenset[int]()):
            keep_thread_on(cpus)  # a CPU that is not there leaves it as it is
            seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    one = {max(process_cpus())}
    assert seen == [one, one, set(process_cpus())]


def test_a_system_without_affinities_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr('os.sched_setaffinity')
    monkeypatch.delattr('os.sched_getaffinity')
    keep_thread_on({0})
    assert len(process_cpus()) == os.cpu_count()
