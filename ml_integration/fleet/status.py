"""Statuses as they come on `/diagnostics`, from nodes of any kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_integration.core.findings import Level

STALE_S = 5.0
"""Time without a word after which a node is stale [s], as rqt has it."""


@dataclass(frozen=True, slots=True)
class Status:
    """One status of a node.

    Attributes:
        name: '<node>: <concern>', where it keeps to that.
        level: how bad it is.
        message: a sentence for people.
        hardware_id: the full name of the node, of ours.
        values: text by key.
        stale: whether its publisher says that it is old (level 3).
    """

    name: str
    level: Level
    message: str = ''
    hardware_id: str = ''
    values: Mapping[str, str] = field(default_factory=dict)
    stale: bool = False

    @property
    def node(self) -> str:
        """Name of the node, without its leading slash; the whole name if it tells no concern."""
        return self.name.partition(': ')[0].lstrip('/')

    @property
    def concern(self) -> str:
        """What it is about, such as 'latency'; empty if it tells none."""
        return self.name.partition(': ')[2]

    def number(self, key: str) -> float | None:
        """Returns the number under a key; None if there is none, or none that is finite."""
        try:
            number = float(self.values.get(key, ''))
        except ValueError:
            return None
        return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class Report:
    """What came in one message.

    Attributes:
        stamp_ns: the publisher's stamp [ns].
        statuses: those of one node, mostly; an aggregator's are of many.
    """

    stamp_ns: int
    statuses: tuple[Status, ...]

    def by_node(self) -> dict[str, list[Status]]:
        """Returns the statuses by the name of their node, both in the order of the message."""
        found: dict[str, list[Status]] = {}
        for status in self.statuses:
            found.setdefault(status.node, []).append(status)
        return found
