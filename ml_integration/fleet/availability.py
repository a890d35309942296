"""Availability: seconds in which a node did its work, counted over rolling windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from ml_integration.core.findings import Level
from ml_integration.fleet.status import Status

STEP_S = 600
"""Windows move on in steps of this [s]."""
LONGEST_H = 168
"""Longest window [h]."""
MOST_STEPS = LONGEST_H * 3600 // STEP_S + 1
IDLE = ('unconfigured', 'inactive', 'finalized')


class Outcome(Enum):
    """What a second of a node counts as."""

    AVAILABLE = 'available'
    UNAVAILABLE = 'unavailable'
    INTENDED = 'not meant to work'
    UNKNOWN = 'unknown'


@dataclass(frozen=True, slots=True)
class Seconds:
    """Time by what it counts as [s]; the rest of a window is unknown."""

    available: float = 0.0
    unavailable: float = 0.0
    intended: float = 0.0

    @property
    def ratio(self) -> float | None:
        """Share of available time, 0 to 1; None where it was never meant to work."""
        meant = self.available + self.unavailable
        return self.available / meant if meant > 0 else None

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(
            self.available + other.available,
            self.unavailable + other.unavailable,
            self.intended + other.intended,
        )


def outcome(statuses: Iterable[Status], silent: bool) -> Outcome:
    """Returns what a second counts as.

    Available: active, or without a lifecycle, and nothing is an ERROR or old. What is inactive
    or unconfigured without an ERROR and loads nothing was meant to be so.

    Args:
        statuses: the newest ones of the node.
        silent: whether it was not heard for longer than it may.
    """
    known = tuple(statuses)
    if silent or any(one.stale or one.level >= Level.ERROR for one in known):
        return Outcome.UNAVAILABLE
    models = [one.values for one in known if one.concern == 'model']
    for values in models:
        if values.get('state') in IDLE:
            return Outcome.UNAVAILABLE if values.get('loading') else Outcome.INTENDED
    return Outcome.AVAILABLE


def together(outcomes: Iterable[Outcome]) -> Outcome:
    """Returns what a second of the whole fleet counts as: it is available if each part is."""
    found = set(outcomes)
    for one in (Outcome.UNAVAILABLE, Outcome.AVAILABLE, Outcome.INTENDED):
        if one in found:
            return one
    return Outcome.UNKNOWN


def seconds_of(what: Outcome, seconds: float) -> Seconds:
    """Returns time under what it counts as [s]; nothing where that is unknown."""
    return Seconds(
        seconds if what is Outcome.AVAILABLE else 0.0,
        seconds if what is Outcome.UNAVAILABLE else 0.0,
        seconds if what is Outcome.INTENDED else 0.0,
    )


class Ledger:
    """Seconds by outcome in steps of ten minutes, those of the last week. Not thread-safe.

    Args:
        steps: what is known so far, by the number of the step since 1970.
    """

    def __init__(self, steps: Mapping[int, Seconds] | None = None) -> None:
        self._steps = dict(steps or {})
        self._limit()

    @property
    def steps(self) -> Mapping[int, Seconds]:
        """What is known, by the number of the step."""
        return self._steps

    def book(self, what: Outcome, seconds: float, wall_s: float) -> None:
        """Counts time that ends at `wall_s` [s since 1970]; what is unknown is not counted."""
        if what is Outcome.UNKNOWN:
            return
        number = int(wall_s // STEP_S)
        self._steps[number] = self._steps.get(number, Seconds()) + seconds_of(what, seconds)
        self._limit()

    def within(self, hours: float, wall_s: float) -> Seconds:
        """Returns the time of the last hours before `wall_s` [s since 1970]."""
        last = int(wall_s // STEP_S)
        first = last - round(hours * 3600 / STEP_S)
        found = (one for number, one in self._steps.items() if first < number <= last)
        return sum(found, Seconds())

    def _limit(self) -> None:
        while len(self._steps) > MOST_STEPS:
            del self._steps[min(self._steps)]
