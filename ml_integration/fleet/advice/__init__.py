"""Advice: what would make a node faster or cheaper, from the numbers that it tells.

A rule is a function that takes a `Situation` and yields `Advice`. It says nothing where a number
that it needs is not known: each comparison with NaN is false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ml_integration.fleet.situation import Situation


@dataclass(frozen=True, slots=True)
class Advice:
    """An opportunity, with the numbers behind it.

    Attributes:
        kind: what it is, in a word that stays the same when the numbers change.
        symptom: what is seen, with its numbers.
        cause: why, as far as the numbers tell.
        remedy: what to do, as a parameter or a command where there is one.
        gain: what may be expected of it, with its number.
    """

    kind: str
    symptom: str
    cause: str
    remedy: str
    gain: str

    def __str__(self) -> str:
        remedy = self.remedy[:1].upper() + self.remedy[1:]
        return f'{self.symptom}: {self.cause}. {remedy}. Gain: {self.gain}.'


Rule = Callable[[Situation], Iterator[Advice]]
