"""What nobody wants is told by the kernel's counters."""

from __future__ import annotations

import psutil
import pytest

from ml_integration.core.spare_cpu import LOOK_NS, CpuTimes, SpareCpu, read_cpu_times


@pytest.mark.parametrize(
    ('spare', 'cpus', 'room'), [(0, 2, False), (12, 2, False), (13, 2, True), (7, 4, True)]
)
def test_there_is_room_where_a_quarter_of_a_cpu_is_idle(spare: int, cpus: int, room: bool) -> None:
    times = iter([CpuTimes(1000, 5000, cpus), CpuTimes(1000 + spare, 5100, cpus)])
    clock = iter([0, 1, LOOK_NS, LOOK_NS + 1, LOOK_NS + 2])
    look = SpareCpu(lambda: next(times), lambda: next(clock))
    assert not look.has_room()  # nothing is known yet
    assert [look.has_room(), look.has_room()] == [room, room]
    assert look.has_room(0.0)


def test_where_nobody_tells_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SpareCpu(lambda: None).has_room()

    def hidden() -> None:
        raise FileNotFoundError('/proc/stat')

    monkeypatch.setattr(psutil, 'cpu_times', hidden)
    assert read_cpu_times() is None


def test_this_machine_tells() -> None:
    times = read_cpu_times()
    assert times is not None
    assert times.cpus >= 1 and 0 < times.spare < times.whole
