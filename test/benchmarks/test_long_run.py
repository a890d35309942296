"""The verdict about a node that ran for long."""

import pytest

from benchmarks.long_run import Sample, Verdict, judge
from benchmarks.side_by_side.observer import Arrival
from benchmarks.side_by_side.process_usage import Usage

ARRIVALS = [Arrival(number, 0, 3_000_000) for number in range(9)]


def verdict(rss_mb: list[float], threads: int = 9, descriptors: int = 9) -> Verdict:
    """Of samples 5 s apart; the last one has these threads and descriptors."""
    usages = [Usage(0.0, 0, mb, 9, 9) for mb in rss_mb[:-1]]
    usages.append(Usage(0.0, 0, rss_mb[-1], threads, descriptors))
    return judge([Sample(5.0 * i, u) for i, u in enumerate(usages)], ARRIVALS, sent=9)


def test_a_node_that_stays_what_it_was_is_flat() -> None:
    found = verdict([100.0] * 20)
    assert found.problems == ()
    assert (found.rss_mb_per_hour, found.results) == (pytest.approx(0), 9)


def test_what_grows_during_the_warm_up_does_not_count() -> None:
    assert verdict([50.0, 80.0, *[100.0] * 18]).problems == ()


def test_memory_that_grows_on_is_named() -> None:
    (problem,) = verdict([100.0 + i for i in range(20)]).problems
    assert problem.startswith('memory grows: 16')


def test_a_leaking_thread_or_file_is_named() -> None:
    assert verdict([100.0] * 20, threads=10, descriptors=11).problems == (
        'threads went from 9 to 10',
        'descriptors went from 9 to 11',
    )
