"""Guard against a run much worse than the committed one: ratios only, with a wide margin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.side_by_side.goals import GOALS, RATIO, SHARE, Goal, Outcome
from benchmarks.side_by_side.report import Report

FACTOR = 2.0
"""A ratio may become worse by this factor: a busy machine moves them by about half of it."""
DROP = 0.1
"""A share may become worse by this much."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The medians of a run that is kept: ratios and shares by the goals' names."""

    machine: str
    taken: str
    figures: Mapping[str, float]

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=2) + '\n', encoding='utf-8')


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure then and now; `now` is None when the new run lacks it."""

    goal: Goal
    then: float
    now: float | None

    @property
    def bound(self) -> float:
        """The worst that is let pass."""
        if self.goal.unit == SHARE:
            return self.then - DROP if self.goal.at_least else self.then + DROP
        return self.then / FACTOR if self.goal.at_least else self.then * FACTOR

    @property
    def regressed(self) -> bool:
        if self.now is None:
            return True
        return self.now < self.bound if self.goal.at_least else self.now > self.bound


def baseline_of(report: Report, found: Sequence[Outcome]) -> Baseline:
    """Picks what to keep of a run."""
    figures = {o.goal.name: round(o.median, 3) for o in found if o.goal.unit in (RATIO, SHARE)}
    return Baseline(report.machine, report.taken, figures)


def read_baseline(file: Path) -> Baseline:
    """Reads what `Baseline.write` wrote."""
    return Baseline(**json.loads(file.read_text(encoding='utf-8')))


def compare_with(baseline: Baseline, found: Sequence[Outcome]) -> list[Comparison]:
    """Compares every figure of the baseline with the new run's; a missing one is a regression."""
    now = {outcome.goal.name: outcome.median for outcome in found}
    return [
        Comparison(goal, baseline.figures[goal.name], now.get(goal.name))
        for goal in GOALS
        if goal.name in baseline.figures
    ]


def sentence(comparison: Comparison) -> str:
    """One line for people."""
    now = 'not measured' if comparison.now is None else f'{comparison.now:.2f}'
    word = 'REGRESSION' if comparison.regressed else 'ok'
    edge = 'at least' if comparison.goal.at_least else 'at most'
    return (
        f'{word:10} {comparison.goal.name:26} {now:>12}, was {comparison.then:.2f}, '
        f'has to be {edge} {comparison.bound:.2f}'
    )
