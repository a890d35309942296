"""The figures that a run is judged by."""

import pytest
from bench_reports import report

from benchmarks.side_by_side.goals import GOALS, Outcome, divided, not_measured, outcomes


def outcome(name: str, **figures: object) -> Outcome:
    return next(o for o in outcomes(report(**figures)) if o.goal.name == name)


def test_a_ratio_is_taken_repeat_by_repeat() -> None:
    found = outcome('outside_vs_naive', naive_ms=(20, 30, 25), ours_ms=(2, 2, 1))
    assert list(found.values) == [10, 15, 25]
    assert found.median == 15


def test_a_repeat_in_which_nothing_arrived_does_not_count() -> None:
    assert divided([20, None, 30], [2, 2, None]) == [10]


def test_nothing_is_divided_by_nothing() -> None:
    assert divided([20, 30], [0, 3]) == [10]


@pytest.mark.parametrize(
    ('ours_ms', 'met'),
    [
        ((2.5, 2.5, 2.5), True),  # 20 / 2.5, exactly the goal
        ((2.6, 2.6, 2.6), False),  # a little less
        ((2.6, 2.6, 1), False),  # one good repeat does not help
        ((1, 2, 9), True),  # one bad repeat does not hurt
    ],
)
def test_the_median_decides_whether_a_goal_is_met(ours_ms: tuple[float, ...], met: bool) -> None:
    assert outcome('outside_vs_naive', naive_ms=(20, 20, 20), ours_ms=ours_ms).met is met


def test_a_limit_is_met_from_below() -> None:
    assert outcome('outside_ms', ours_ms=(1.5, 1.5, 1.5)).met
    assert not outcome('outside_ms', ours_ms=(1.6, 1.6, 1.6)).met


def test_what_was_not_measured_is_named() -> None:
    names = {goal.name for goal in not_measured(report())}
    assert 'cameras' in names
    assert 'start_s' not in names
    assert names | {o.goal.name for o in outcomes(report())} == {goal.name for goal in GOALS}


def test_every_goal_has_a_name_of_its_own() -> None:
    assert len({goal.name for goal in GOALS}) == len(GOALS)
