"""Faults of a candidate that are certain at once: no statistics, no second look."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from ml_integration.core.rollout.pair import Pair, Side
from ml_integration.core.rollout.sums import CANDIDATE, STABLE, Of, Rows

NOT_FINITE = 'not_finite'
IN_A_ROW = 10
"""Frames in a row that fail in the candidate, and none in the stable model."""
LATE_S = 5
"""Seconds in a row with too many missed deadlines."""
LEAST_FRAMES = 10
"""Frames of the candidate that such a second has at least; with small shares it lasts longer."""
LATE_TIMES, LEAST_LATE = 2.0, 0.2
"""They are too many if they are more than so many times the stable model's share, and so much."""


@dataclass(slots=True)
class _InARow:
    """Frames of a stream in a row: failed in the candidate, and meanwhile good in the other."""

    failures: int = 0
    good_of_stable: int = 0

    def count(self, stable: Side | None, candidate: Side | None) -> None:
        """Counts what became of a frame."""
        failed = (side is not None and not side.valid for side in (stable, candidate))
        stable_failed, candidate_failed = failed
        if stable_failed or (candidate is not None and not candidate_failed):
            self.failures = self.good_of_stable = 0
            return
        self.failures += candidate_failed
        self.good_of_stable += stable is not None and bool(self.failures)


class HardRules:
    """Looks at every pair and at every second of a stage."""

    def __init__(self) -> None:
        self._of_streams: dict[str, _InARow] = {}
        self._late: deque[tuple[float, float, int]] = deque(maxlen=LATE_S)
        self._seconds = 0
        self._timed = np.zeros((2, 2))

    def of_pair(self, pair: Pair) -> str:
        """Returns what is wrong for certain with the candidate; empty if nothing is."""
        stable, candidate = pair.stable, pair.candidate
        if _not_finite(candidate) and not _not_finite(stable):
            return 'a result is not finite'
        row = self._of_streams.setdefault(pair.stream, _InARow())
        row.count(stable, candidate)
        if row.failures >= IN_A_ROW and row.good_of_stable:
            last = candidate.error or candidate.kind if candidate is not None else ''
            what = f'{row.failures} frames in a row failed' + (f' ({last})' if last else '')
            return f'{what}, and none of the stable model'
        return ''

    def of_second(self, row: Rows, known: Rows) -> str:
        """Returns the same of the sums (WIDTH,) of a second in which the candidate is served.

        Args:
            row: of the second.
            known: of the stable model, where it has none in this second.
        """
        self._seconds += 1
        for at, side in enumerate((STABLE, CANDIDATE)):
            self._timed[at] += row[side + Of.LATE], row[side + Of.TIMED]
        (stable_late, stable_timed), (late, timed) = self._timed.tolist()
        if timed < LEAST_FRAMES:
            return ''
        if not stable_timed:
            stable_late, stable_timed = known[Of.LATE], known[Of.TIMED]
        share = float(stable_late / max(stable_timed, 1.0))
        self._late.append((share, late / timed, self._seconds))
        self._timed[:], self._seconds = 0.0, 0
        if len(self._late) < LATE_S or not all(map(_too_many, self._late)):
            return ''
        stable, candidate, seconds = (sum(one) for one in zip(*self._late, strict=True))
        return (
            f'missed deadlines {candidate / LATE_S:.0%} instead of {stable / LATE_S:.0%} '
            f'for {seconds} s (limit {LATE_TIMES:g} x)'
        )


def _not_finite(side: Side | None) -> bool:
    return side is not None and side.kind == NOT_FINITE


def _too_many(second: tuple[float, float, int]) -> bool:
    stable, candidate, _ = second
    return candidate > LATE_TIMES * stable and candidate >= LEAST_LATE
