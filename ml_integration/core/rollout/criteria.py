"""What a candidate is compared in: numbers made of sums, each with its limit and its words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml_integration.core.rollout.sums import (
    CANDIDATE,
    STABLE,
    Both,
    Of,
    Rows,
    latencies,
    quantile_ms,
)

FEWEST_TIMED = 100
"""Latencies that a p99 needs."""
SCORE = 'score'
"""Name of the comparison with truth, whatever the score is."""
_TAIL = 0.99
Numbers = Callable[[Rows], Rows]
"""Makes numbers (M,) of sums (M, WIDTH); NaN where it cannot."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """Comparison of both models; the larger its value, the worse the candidate.

    Attributes:
        name: in a word or two.
        title: the same in sentences.
        of_stable: the stable model's number.
        of_candidate: the candidate's number.
        value: what is compared with the limit.
        counts: column of what the candidate's number is made of.
        columns: a batch without any of these says nothing.
        is_share: whether few events of many may be chance, however even they come.
        is_ratio: whether value and limit are logarithms of ratios.
        is_timed: whether it takes the latencies, and not only counts.
        unit: behind the numbers of both.
    """

    name: str
    title: str
    of_stable: Numbers
    of_candidate: Numbers
    value: Numbers
    counts: int
    columns: tuple[int, ...]
    is_share: bool = False
    is_ratio: bool = False
    is_timed: bool = False
    unit: str = ''

    def words(self, stable: float, candidate: float, value: float, limit: float, n: int) -> str:
        """Says what the numbers are."""
        if self.is_ratio:
            numbers = f'{candidate:.3g} {self.unit} instead of {stable:.3g} {self.unit}'
            return f'{self.title} {numbers}, {value:.2f} x (limit {limit:g} x, n = {n})'
        if self.is_share:
            numbers = f'{candidate:.1%} instead of {stable:.1%}'
            return f'{self.title} {numbers} (limit {_more(self)}{limit:.1%}, n = {n})'
        if math.isnan(stable):
            return f'{self.title} {candidate:.2g} (limit {limit:g}, n = {n})'
        numbers = f'{candidate:.3f} instead of {stable:.3f}'
        return f'{self.title} {numbers} (limit -{limit:g}, n = {n})'


def _more(criterion: Criterion) -> str:
    return '-' if criterion is USEFUL else '+'


def _ratio(above: Rows, below: Rows) -> Rows:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _share(side: int, what: Of, among: Of) -> Numbers:
    return lambda rows: _ratio(rows[:, side + what], rows[:, side + among])


def _mean(what: Both, among: Both) -> Numbers:
    return lambda rows: _ratio(rows[:, what], rows[:, among])


def _nothing(rows: Rows) -> Rows:
    return np.full(len(rows), np.nan)


def _p99_ms(side: int) -> Numbers:
    return lambda rows: quantile_ms(latencies(rows, side), _TAIL)


def _slower(rows: Rows) -> Rows:
    both = (rows[:, side + Of.TIMED].min(initial=np.inf) for side in (STABLE, CANDIDATE))
    if min(both) < FEWEST_TIMED * (1 - 1 / 8):  # one batch of many is left out
        return _nothing(rows)
    found: Rows = np.log(_p99_ms(CANDIDATE)(rows) / _p99_ms(STABLE)(rows))
    return found


def _more_often(name: str, what: Of, among: Of) -> Criterion:
    stable, candidate = _share(STABLE, what, among), _share(CANDIDATE, what, among)
    return Criterion(
        name,
        name,
        stable,
        candidate,
        lambda rows: candidate(rows) - stable(rows),
        CANDIDATE + among,
        (STABLE + among, CANDIDATE + among),
        is_share=True,
    )


def scored(title: str, higher_is_better: bool) -> Criterion:
    """Makes the comparison of scores against truth.

    Args:
        title: name of the score, such as 'mAP50-95'.
        higher_is_better: False for an error.
    """
    stable = _mean(Both.STABLE_SCORE, Both.TRUTHS)
    candidate = _mean(Both.CANDIDATE_SCORE, Both.TRUTHS)
    return Criterion(
        SCORE,
        title,
        stable,
        candidate,
        (lambda rows: stable(rows) - candidate(rows))
        if higher_is_better
        else (lambda rows: np.log(_ratio(candidate(rows), stable(rows)))),
        Both.TRUTHS,
        (Both.TRUTHS,),
        is_ratio=not higher_is_better,
    )


LATENCY = Criterion(
    'latency',
    'latency p99',
    _p99_ms(STABLE),
    _p99_ms(CANDIDATE),
    _slower,
    CANDIDATE + Of.TIMED,
    (STABLE + Of.TIMED, CANDIDATE + Of.TIMED),
    is_ratio=True,
    is_timed=True,
    unit='ms',
)
LATE = _more_often('missed deadlines', Of.LATE, Of.TIMED)
ERRORS = _more_often('errors', Of.ERRORS, Of.FRAMES)
INVALID = _more_often('invalid results', Of.INVALID, Of.FRAMES)
_APART = _mean(Both.DISAGREEMENT, Both.COMPARED)
DISAGREEMENT = Criterion(
    'disagreement',
    'disagreement',
    _nothing,
    _APART,
    _APART,
    Both.PAIRS,
    (Both.PAIRS,),
)
_USEFUL = [_share(side, Of.USEFUL, Of.TOLD) for side in (STABLE, CANDIDATE)]
USEFUL = Criterion(
    'useful results',
    'useful results',
    _USEFUL[0],
    _USEFUL[1],
    lambda rows: _USEFUL[0](rows) - _USEFUL[1](rows),
    CANDIDATE + Of.TOLD,
    (STABLE + Of.TOLD, CANDIDATE + Of.TOLD),
    is_share=True,
)
EVERY = (*(one.name for one in (LATENCY, LATE, ERRORS, INVALID, DISAGREEMENT, USEFUL)), SCORE)
"""Names of the criteria that are judged by chance: those above, and scores against truth."""
NUMBER = len(EVERY)


def informative(rows: Rows, columns: Sequence[int]) -> Rows:
    """Returns the batches that have something in one of the columns."""
    return rows[(rows[:, list(columns)] > 0).any(axis=1)]
