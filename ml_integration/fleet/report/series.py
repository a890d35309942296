"""Numbers over time, in bounded memory."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping

MOST_SAMPLES = 3600
"""Samples of a status that are kept, an hour of them; of more time, every second one and so on."""
MOST_KEYS = 400
"""Numbers of a status that are kept."""
NAN = math.nan


class Series:
    """The numbers of one status over time, all of them at the same times."""

    def __init__(self) -> None:
        self.times_s = array('d')
        self._numbers: dict[str, array[float]] = {}
        self._every, self._skipped = 1, 0

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that ever had a number."""
        return tuple(self._numbers)

    def take(self, at_s: float, numbers: Mapping[str, float]) -> None:
        """Takes the numbers of a moment [s since the begin]."""
        self._skipped += 1
        if self._skipped < self._every:
            return
        self._skipped = 0
        for key in numbers:
            if key not in self._numbers and len(self._numbers) < MOST_KEYS:
                self._numbers[key] = array('d', [NAN]) * len(self.times_s)
        self.times_s.append(at_s)
        for key, values in self._numbers.items():
            values.append(numbers.get(key, NAN))
        if len(self.times_s) > MOST_SAMPLES:
            self._thin_out()

    def values(self, key: str) -> array[float]:
        """Returns the numbers under a key, NaN where there was none."""
        return self._numbers.get(key) or array('d', [NAN]) * len(self.times_s)

    def newest(self, key: str) -> float | None:
        """Returns the newest number under a key; None if there never was one."""
        values = self._numbers.get(key, ())
        return next((value for value in reversed(values) if not math.isnan(value)), None)

    def increases(self, key: str) -> Iterator[float]:
        """Yields by how much a count has risen at each time; a count that falls began anew."""
        before = NAN
        for value in self.values(key):
            if math.isnan(value) or math.isnan(before):
                yield 0.0
            else:
                yield value - before if value >= before else value
            before = before if math.isnan(value) else value

    def counted(self, key: str) -> float:
        """Returns how far a count has risen in all."""
        return sum(self.increases(key))

    def _thin_out(self) -> None:
        """Keeps every second sample, now and from now on."""
        self._every *= 2
        self.times_s = self.times_s[::2]
        self._numbers = {key: values[::2] for key, values in self._numbers.items()}
