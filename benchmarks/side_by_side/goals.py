"""Goals, as figures that compare subjects within one run, and what came of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.side_by_side.report import Report
from benchmarks.side_by_side.subjects import (
    BARE,
    COMPOSED,
    FLOOR,
    NAIVE,
    NAIVE_DEFAULT,
    OURS,
)

Values = Sequence[float]
Optional = Sequence[float | None]
RATIO, SHARE = 'x', '%'


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure.

    Attributes:
        name: its key in the baseline.
        sentence: what it is.
        unit: 'x' (a ratio) and '%' (a share) hold on any machine and are guarded; others are of
            this machine.
        limit: the goal; None: there is none, the figure is for the guard.
        at_least: whether more is better.
        values: the figure, one per repeat; empty when it was not measured.
    """

    name: str
    sentence: str
    unit: str
    limit: float | None
    at_least: bool
    values: Callable[[Report], Values]

    def met(self, value: float) -> bool:
        if self.limit is None:
            return True
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a goal; `values` has one figure per repeat and is not empty."""

    goal: Goal
    values: Values

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        return self.goal.met(self.median)


def outcomes(report: Report) -> list[Outcome]:
    """Lists the outcomes of all goals that were measured."""
    return [Outcome(goal, values) for goal in GOALS if (values := goal.values(report))]


def not_measured(report: Report) -> list[Goal]:
    """The goals of which this run says nothing."""
    return [goal for goal in GOALS if not goal.values(report)]


def _metric(model: str, size: str, load: str, who: str, name: str) -> Callable[[Report], Values]:
    def values(report: Report) -> Values:
        return [v for v in report.values(model, size, load, who, name) if v is not None]

    return values


def _ratio(
    model: str, size: str, load: str, name: str, above: str, below: str
) -> Callable[[Report], Values]:
    def values(report: Report) -> Values:
        return divided(
            report.values(model, size, load, above, name),
            report.values(model, size, load, below, name),
        )

    return values


def _above_limit(model: str, size: str) -> Callable[[Report], Values]:
    """The latency against publishing, one copy and the run of the session."""

    def values(report: Report) -> Values:
        cell = (model, size, '30 Hz')
        publish = report.values(*cell, OURS, 'publish_ms')
        floor = report.values(*cell, FLOOR, 'p50_ms')
        limit = [
            None if one is None or other is None else one + other
            for one, other in zip(publish, floor, strict=False)
        ]
        return divided(report.values(*cell, OURS, 'p50_ms'), limit)

    return values


def _in_runs(report: Report) -> Values:
    cell = ('heavy', 'VGA', '1.5x')
    return divided(report.values(*cell, OURS, 'p99_ms'), report.values(*cell, FLOOR, 'p50_ms'))


def _of_series(above: str, below: str) -> Callable[[Report], Values]:
    return lambda report: divided(report.series_of(above), report.series_of(below))


def divided(above: Optional, below: Optional) -> Values:
    """Repeat by repeat, without those in which one of the two is not known."""
    pairs = zip(above, below, strict=False)
    return [a / b for a, b in pairs if a is not None and b is not None and b > 0]


STEADY = ('light', 'VGA', '30 Hz')
STEADY_1080P = ('light', '1080p', '30 Hz')
STEADY_MEDIUM = ('medium', 'VGA', '30 Hz')
STEADY_HEAVY = ('heavy', 'VGA', '30 Hz')
OVERLOAD = ('heavy', 'VGA', '1.5x')
GOALS = (
    Goal('outside_vs_naive', 'outside session.run, VGA: naive with default DDS / ours',
         RATIO, 8, True, _ratio(*STEADY, 'outside_ms', NAIVE_DEFAULT, OURS)),
    Goal('outside_vs_naive_same_dds', 'the same with the same DDS settings',
         RATIO, None, True, _ratio(*STEADY, 'outside_ms', NAIVE, OURS)),
    Goal('outside_ms', 'outside session.run, VGA: ours',
         'ms', 1.5, False, _metric(*STEADY, OURS, 'outside_ms')),
    Goal('above_bare_light', 'latency, VGA at 30 Hz, light: ours / bare over DDS',
         RATIO, 1.25, False, _ratio(*STEADY, 'p50_ms', OURS, BARE)),
    Goal('above_bare_medium', 'latency, VGA at 30 Hz, medium: ours / bare over DDS',
         RATIO, 1.1, False, _ratio(*STEADY_MEDIUM, 'p50_ms', OURS, BARE)),
    Goal('above_bare_heavy', 'latency, VGA at 30 Hz, heavy: ours / bare over DDS',
         RATIO, 1.1, False, _ratio(*STEADY_HEAVY, 'p50_ms', OURS, BARE)),
    Goal('above_limit_light', 'latency, VGA, light: ours / (publish + copy + run)',
         RATIO, None, False, _above_limit('light', 'VGA')),
    Goal('above_limit_medium', 'latency, VGA, medium: ours / (publish + copy + run)',
         RATIO, None, False, _above_limit('medium', 'VGA')),
    Goal('p50_light', 'latency, VGA at 30 Hz, light: ours / naive with the same DDS settings',
         RATIO, 1, False, _ratio(*STEADY, 'p50_ms', OURS, NAIVE)),
    Goal('p50_medium', 'latency, VGA at 30 Hz, medium: ours / naive with the same DDS settings',
         RATIO, 1, False, _ratio(*STEADY_MEDIUM, 'p50_ms', OURS, NAIVE)),
    Goal('p50_heavy', 'latency, VGA at 30 Hz, heavy: ours / naive with the same DDS settings',
         RATIO, 1, False, _ratio(*STEADY_HEAVY, 'p50_ms', OURS, NAIVE)),
    Goal('cpu_light', 'CPU per frame, VGA at 30 Hz, light: naive / ours',
         RATIO, 6, True, _ratio(*STEADY, 'cpu_ms', NAIVE, OURS)),
    Goal('cpu_medium', 'CPU per frame, VGA at 30 Hz, medium: naive / ours',
         RATIO, 3, True, _ratio(*STEADY_MEDIUM, 'cpu_ms', NAIVE, OURS)),
    Goal('cpu_heavy', 'CPU per frame, VGA at 30 Hz, heavy: naive / ours',
         RATIO, 3, True, _ratio(*STEADY_HEAVY, 'cpu_ms', NAIVE, OURS)),
    Goal('faults', 'page faults per frame, VGA at 30 Hz: ours (0.1: none but a stray one)',
         'faults', 0.1, False, _metric(*STEADY, OURS, 'faults')),
    Goal('age_in_runs', 'overload 1.5x: p99 age of ours / one inference',
         RATIO, 2.2, False, _in_runs),
    Goal('age_vs_naive', 'overload 1.5x: p99 age, naive / ours',
         RATIO, 4, True, _ratio(*OVERLOAD, 'p99_ms', NAIVE, OURS)),
    Goal('throughput_vs_naive', 'overload 1.5x: results per second, ours / naive',
         RATIO, 1, True, _ratio(*OVERLOAD, 'results_hz', OURS, NAIVE)),
    Goal('on_time', 'overload 1.5x: services that answer within 50 ms, ours',
         SHARE, 0.99, True, _metric(*OVERLOAD, OURS, 'on_time')),
    Goal('delivery', 'best effort, 1080p at 30 Hz: delivered with the shipped profile',
         SHARE, 1, True, _metric(*STEADY_1080P, OURS, 'delivered')),
    Goal('composed_vga_ms', 'outside session.run in one process, VGA',
         'ms', 1, False, _metric(*STEADY, COMPOSED, 'outside_ms')),
    Goal('composed_1080p_ms', 'outside session.run in one process, 1080p',
         'ms', 2.5, False, _metric(*STEADY_1080P, COMPOSED, 'outside_ms')),
    Goal('composed_vs_separate', 'outside session.run, 1080p: two processes / one process',
         RATIO, None, True, _ratio(*STEADY_1080P, 'outside_ms', OURS, COMPOSED)),
    Goal('cameras', 'four cameras: one batching node / four naive nodes, results per second',
         RATIO, 1.3, True, _of_series('4 cameras, ours', '4 cameras, naive')),
    Goal('start_s', 'start to first result, with what the last start has kept',
         's', 2, False, lambda report: report.series_of('start to first result, ours, again')),
    Goal('message', 'message of 100 detections: typed objects / ours',
         RATIO, None, True, _of_series('message of 100, typed', 'message of 100, ours')),
)  # fmt: skip
