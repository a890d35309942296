"""Decisions on a candidate, and the evidence that each of them carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Stage(str, Enum):
    """Stage of a rollout, as far as judging goes."""

    SHADOW = 'shadow'
    CANARY = 'canary'
    WATCH = 'watch'


class Verdict(str, Enum):
    """What follows from what is known."""

    ADVANCE = 'advance'
    HOLD = 'hold'
    ROLL_BACK = 'roll back'
    HALT = 'halt'


class Says(str, Enum):
    """What one criterion says of the candidate."""

    FINE = 'fine'
    MARGINAL = 'marginal'
    WORSE = 'worse'
    NO_DATA = 'no data'


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one criterion knows.

    Attributes:
        criterion: its name, such as 'disagreement'.
        says: what it says; WORSE and FINE are certain, as far as the settings want it.
        stable: the stable model's number; NaN where there is none.
        candidate: the candidate's number.
        value: what is compared with the limit, such as the ratio of both.
        limit: largest value that is allowed.
        low: lower end of the value's interval: WORSE where it is above the limit.
        high: upper end of it: FINE where it is below the limit.
        n: frames, or whatever was counted, of the candidate.
        seconds: since the stage began [s].
        words: the numbers in words.
    """

    criterion: str
    says: Says
    stable: float
    candidate: float
    value: float
    limit: float
    low: float
    high: float
    n: int
    seconds: float
    words: str

    def __str__(self) -> str:
        return self.words

    @property
    def numbers(self) -> str:
        """What is compared, with its interval, its limit and what it was counted of."""
        where = f'{self.low:.3g} to {self.high:.3g}, limit {self.limit:g}, n = {self.n}'
        return f'{self.criterion} {self.value:.3g} ({where})'


@dataclass(frozen=True, slots=True)
class Judgment:
    """Decision on a candidate.

    Attributes:
        verdict: what follows.
        reason: why, with the numbers, as the end of a sentence.
        seconds: since the stage began [s].
        evidence: what each criterion knows; those that decided first.
        hard: True if it was certain at once.
    """

    verdict: Verdict
    reason: str
    seconds: float
    evidence: tuple[Evidence, ...] = ()
    hard: bool = False
