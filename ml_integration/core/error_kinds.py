"""Counts exceptions by their type."""

from __future__ import annotations

from dataclasses import dataclass

MOST_KINDS = 16
"""Most types that are told apart: plug-ins could make new ones without end."""
OTHERS = 'others'
"""Name under which further types are counted together."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Exceptions of one type.

    Attributes:
        count: how many there were.
        first_ago_s: time since the first one [s].
        last_ago_s: time since the last one [s].
    """

    count: int
    first_ago_s: float
    last_ago_s: float


class ErrorKinds:
    """Counts exceptions by the name of their type, since it was made. Not thread-safe."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[int, int, int]] = {}

    def add(self, name: str, now_ns: int) -> None:
        """Counts an exception that came now [ns, steady clock]."""
        if name not in self._kinds and len(self._kinds) >= MOST_KINDS:
            name = OTHERS
        count, first_ns, _ = self._kinds.get(name, (0, now_ns, now_ns))
        self._kinds[name] = (count + 1, first_ns, now_ns)

    def at(self, now_ns: int) -> dict[str, ErrorKind]:
        """Returns what was counted by name, in the order of their first ones.

        Args:
            now_ns: the time [ns, steady clock].
        """
        return {
            name: ErrorKind(count, (now_ns - first_ns) / 1e9, (now_ns - last_ns) / 1e9)
            for name, (count, first_ns, last_ns) in self._kinds.items()
        }
