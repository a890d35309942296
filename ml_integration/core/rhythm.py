"""Rhythm of the messages of an input: rate, jitter and jumps of their stamps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

MAX_STAMPS = 1024
FEWEST = 8
"""Stamps that a rate needs."""
JUMP_NS = 1_000_000_000
"""Time that stamps may get ahead of those before without a jump [ns]; delays never do that."""
STABLE_WINDOWS, STABLE_RATIO = 6, 0.1
"""So many windows one after another whose rates differ so little make the usual rate."""
STEADY_RATIO = 0.5
"""Jitter, as a part of the period, up to which a window has a rate to learn."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Rhythm of the messages of the window.

    Attributes:
        rate_hz: messages per second of the sensor's time, which may be simulated; None if there
            are too few.
        usual_hz: rate of the first stable minute; None as long as there was none.
        jitter_ms: p95 of what the intervals of stamps differ from their median [ms].
        jumps: how often stamps went back, or ahead of the clock, inside the window.
        total_jumps: the same since the start.
        jump_s: the last jump [s]; negative if back.
    """

    rate_hz: float | None = None
    usual_hz: float | None = None
    jitter_ms: float | None = None
    jumps: int = 0
    total_jumps: int = 0
    jump_s: float = 0.0


class Stamps:
    """Collects the stamps of an input.

    Args:
        now_ns: the time [ns].
        window_ns: length of the window [ns].
    """

    def __init__(self, now_ns: int, window_ns: int) -> None:
        self._window_ns = window_ns
        self._begin_ns = now_ns
        self._stamps: deque[tuple[int, int]] = deque(maxlen=MAX_STAMPS)
        self._jumps: deque[int] = deque(maxlen=MAX_STAMPS)
        self._total_jumps = 0
        self._jump_ns = 0
        self._lead_ns: int | None = None
        self._rates: deque[float] = deque(maxlen=STABLE_WINDOWS)
        self._usual_hz: float | None = None

    def take(self, now_ns: int, stamp_ns: int, lead_ns: int) -> None:
        """Takes the stamp of a message.

        Args:
            now_ns: time of its arrival, steady clock [ns].
            stamp_ns: its stamp [ns].
            lead_ns: how much later that is than a clock that goes on in the stamps' time [ns].
        """
        interval_ns = stamp_ns - self._stamps[-1][1] if self._stamps else 0
        ahead_ns = 0 if self._lead_ns is None else lead_ns - self._lead_ns
        if interval_ns < 0 or ahead_ns > JUMP_NS:
            self._jumps.append(now_ns)
            self._total_jumps += 1
            self._jump_ns = interval_ns if interval_ns < 0 else ahead_ns
            self._stamps.clear()
            self._lead_ns = None
        self._lead_ns = lead_ns if self._lead_ns is None else max(self._lead_ns, lead_ns)
        self._stamps.append((now_ns, stamp_ns))

    def rhythm(self, now_ns: int) -> Rhythm:
        """Summarizes the window that ends now [ns]."""
        begin_ns = now_ns - self._window_ns
        while self._stamps and self._stamps[0][0] < begin_ns:
            self._stamps.popleft()
        while self._jumps and self._jumps[0] < begin_ns:
            self._jumps.popleft()
        rate_hz, jitter_ms = self._measured()
        if now_ns - self._begin_ns >= self._window_ns:
            self._begin_ns = now_ns
            self._learn(rate_hz, jitter_ms or 0.0)
        return Rhythm(
            rate_hz,
            self._usual_hz,
            jitter_ms,
            len(self._jumps),
            self._total_jumps,
            self._jump_ns / 1e9,
        )

    def _measured(self) -> tuple[float | None, float | None]:
        """Returns rate [Hz] and jitter [ms]; None where they are not known."""
        if len(self._stamps) < FEWEST:
            return None, None
        intervals_ns = np.diff(np.array([stamp_ns for _, stamp_ns in self._stamps], np.int64))
        spent_ns = int(intervals_ns.sum())
        if spent_ns <= 0:
            return None, None
        away_ns = np.abs(intervals_ns - np.median(intervals_ns))
        return len(intervals_ns) * 1e9 / spent_ns, float(np.percentile(away_ns, 95)) / 1e6

    def _learn(self, rate_hz: float | None, jitter_ms: float) -> None:
        """Takes the rate of a whole window; the usual one is learned once."""
        if self._usual_hz is not None:
            return
        if rate_hz is None or jitter_ms * rate_hz > STEADY_RATIO * 1e3:
            self._rates.clear()
            return
        self._rates.append(rate_hz)
        usual_hz = float(np.median(self._rates))
        if len(self._rates) == STABLE_WINDOWS and all(
            abs(one - usual_hz) <= STABLE_RATIO * usual_hz for one in self._rates
        ):
            self._usual_hz = usual_hz
