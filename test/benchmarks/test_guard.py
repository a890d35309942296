"""A new run against the committed one."""

from pathlib import Path

import pytest
from bench_reports import report

from benchmarks.side_by_side.goals import outcomes
from benchmarks.side_by_side.guard import (
    Baseline,
    Comparison,
    baseline_of,
    compare_with,
    read_baseline,
    sentence,
)


def comparison(name: str, then: float, **figures: object) -> Comparison:
    baseline = Baseline('', '', {name: then})
    (found,) = compare_with(baseline, outcomes(report(**figures)))
    return found


@pytest.mark.parametrize(
    ('then', 'regressed'),
    [
        (10, False),  # as it was
        (5, False),  # it has become better
        (20, False),  # half of it is let pass
        (21, True),  # less than half is not
    ],
)
def test_a_ratio_of_which_more_is_better(then: float, regressed: bool) -> None:
    same = {'naive_ms': (20, 20, 20), 'ours_ms': (2, 2, 2)}
    assert comparison('outside_vs_naive', then, **same).regressed is regressed


@pytest.mark.parametrize(
    ('then', 'regressed'),
    [
        (2.0, False),  # as it was: 80 / 40
        (1.0, False),  # twice as much is let pass
        (0.9, True),  # more is not
    ],
)
def test_a_ratio_of_which_less_is_better(then: float, regressed: bool) -> None:
    assert comparison('age_in_runs', then).regressed is regressed


def test_a_figure_that_is_missing_is_a_regression() -> None:
    found = comparison('cameras', 1.5)
    assert found.regressed
    assert 'not measured' in sentence(found)


def test_a_run_does_not_regress_against_itself() -> None:
    found = outcomes(report())
    compared = compare_with(baseline_of(report(), found), found)
    assert compared
    assert not [sentence(c) for c in compared if c.regressed]


def test_only_figures_that_hold_on_any_machine_are_kept() -> None:
    kept = baseline_of(report(), outcomes(report())).figures
    assert {'outside_vs_naive', 'on_time'} <= kept.keys()
    assert not {'outside_ms', 'start_s'} & kept.keys()


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    baseline = baseline_of(report(), outcomes(report()))
    baseline.write(tmp_path / 'baseline.json')
    assert read_baseline(tmp_path / 'baseline.json') == baseline
