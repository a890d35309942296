"""Tells whether the machine holds the CPUs of this process back, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ml_integration.core.cpus import cpu_groups

QUOTA_SHARE = 0.1
"""Share of the periods of a cgroup's quota in which it was used up, from which that is told."""
_RASPBERRY_PI = 'sys/devices/platform/soc/soc:firmware/get_throttled'
_UNDER_VOLTAGE, _HOT = 0x1, 0xE
"""What holds now: too little voltage; clock capped, throttled or at the soft limit of heat."""


class Throttling:
    """Compares the kernel's counters with those of the last look.

    Args:
        root: the root of the file system to look at.
    """

    def __init__(self, root: Path = Path('/')) -> None:
        self._pi = root / _RASPBERRY_PI
        folder = root / 'sys/devices/system/cpu'
        self._heat = sorted(folder.glob('cpu*/thermal_throttle/*_throttle_count'))
        self._quotas = [group / 'cpu.stat' for group in cpu_groups(root)]
        self._counts: dict[Path, tuple[int, ...]] = {}
        self.look()

    def look(self) -> tuple[str, ...] | None:
        """Returns why it was held back since the last look; None where nobody tells."""
        known, reasons = False, dict[str, None]()
        for tells, reason in (*self._pi_tells(), *self._heat_tells(), *self._quota_tells()):
            known = True
            if tells:
                reasons[reason] = None
        return tuple(reasons) if known else None

    def _pi_tells(self) -> Iterator[tuple[bool, str]]:
        with suppress(OSError, ValueError):
            bits = int(self._pi.read_text(), 16)
            yield bool(bits & _UNDER_VOLTAGE), 'low voltage'
            yield bool(bits & _HOT), 'heat'

    def _heat_tells(self) -> Iterator[tuple[bool, str]]:
        for file in self._heat:
            with suppress(OSError, ValueError):
                (more,) = self._since(file, (int(file.read_text()),))
                yield more > 0, 'heat'

    def _quota_tells(self) -> Iterator[tuple[bool, str]]:
        for file in self._quotas:
            with suppress(OSError, ValueError, KeyError):
                lines = dict(line.split() for line in file.read_text().splitlines())
                counts = int(lines['nr_periods']), int(lines['nr_throttled'])
                periods, throttled = self._since(file, counts)
                yield throttled > QUOTA_SHARE * periods, 'the quota of its cgroup'

    def _since(self, file: Path, counts: tuple[int, ...]) -> tuple[int, ...]:
        before = self._counts.get(file, counts)
        self._counts[file] = counts
        return tuple(new - old for new, old in zip(counts, before, strict=True))
