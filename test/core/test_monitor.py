"""The rolling window forgets, the totals do not."""

import pytest

from ml_integration.core.datatypes import Reason, Verdict
from ml_integration.core.monitor import Monitor

S = 1_000_000_000


def test_rates_and_percentiles_cover_the_window_only() -> None:
    monitor = Monitor(0, window_s=10.0)
    for second in range(20):
        monitor.received(second * S)
        monitor.completed(Verdict(), 5.0 + second, {'infer': float(second)}, second * S)
    stats = monitor.stats(20 * S)
    assert stats.recent.received == 10
    assert stats.total.received == 20
    assert stats.inputs[0].hz == pytest.approx(1.0)
    assert stats.stages['infer'].p50 == pytest.approx(14.5)
    assert stats.age is not None
    assert stats.age.p50 == pytest.approx(19.5)


def test_total_is_the_sum_of_a_frames_stages() -> None:
    monitor = Monitor(0)
    monitor.completed(Verdict(), 1.0, {'decode': 1.0, 'infer': 2.5}, S)
    assert monitor.stats(S).stages['total'].p50 == pytest.approx(3.5)


def test_an_invalid_result_is_counted_by_kind_and_not_as_published() -> None:
    monitor = Monitor(0)
    reasons = (Reason('not_finite', 'a'), Reason('not_finite', 'b'), Reason('too_many', 'c'))
    monitor.completed(Verdict(reasons), 1.0, {}, S)
    stats = monitor.stats(S)
    assert stats.recent.invalid == 1
    assert stats.recent.published == 0
    assert stats.invalid_kinds == {'not_finite': 1, 'too_many': 1}
    assert stats.recent.invalid_ratio == 1.0


def test_every_way_a_frame_can_be_lost_is_counted() -> None:
    monitor = Monitor(0)
    for at in range(10):
        monitor.received(at * S)
    monitor.displaced(9 * S)
    monitor.stale(9 * S)
    monitor.failed('engine: broken', 9 * S)
    stats = monitor.stats(10 * S)
    assert (stats.recent.displaced, stats.recent.stale, stats.recent.failed) == (1, 1, 1)
    assert stats.recent.drop_ratio == pytest.approx(0.2)
    assert stats.last_error == 'engine: broken'
    assert stats.since_error_s == pytest.approx(1.0)


def test_each_camera_has_its_own_numbers() -> None:
    monitor = Monitor(0, cameras=3)
    for second in range(1, 11):
        monitor.received(second * S, camera=0)
        monitor.received(second * S, camera=0)
        monitor.displaced(second * S, 0)
        monitor.completed(Verdict(), 5.0, {}, second * S, 0, 2)
    monitor.received(4 * S, camera=1)
    monitor.completed(Verdict(), 9.0, {}, 4 * S, 1, 2)
    stats = monitor.stats(10 * S)
    front, left, silent = stats.inputs
    assert [front.hz, left.hz, silent.hz] == pytest.approx([2.0, 0.1, 0.0])
    assert [front.since_s, left.since_s, silent.since_s] == pytest.approx([0.0, 6.0, 10.0])
    assert (front.total.received, front.recent.displaced) == (20, 10)
    assert (left.total.received, left.total.displaced) == (1, 0)
    assert front.age is not None and left.age is not None and silent.age is None
    assert (front.age.p50, left.age.p50) == (5.0, 9.0)
    assert stats.total.received == 21
    assert stats.total.displaced == 10


def test_transport_is_what_of_a_frames_age_was_before_its_arrival() -> None:
    monitor = Monitor(0)
    for age_ms, stay_ms in ((105.0, 100.0), (12.0, 10.0), (33.0, 30.0)):
        monitor.completed(Verdict(), age_ms, {'infer': stay_ms}, S)
    (one,) = monitor.stats(S).inputs
    assert one.transport is not None
    assert one.transport.p50 == pytest.approx(3.0)


def test_frames_per_run_is_the_mean_of_the_runs() -> None:
    monitor = Monitor(0, cameras=4)
    assert monitor.stats(S).together == 0.0
    for together in (4, 4, 4, 4, 1, 1):  # three runs
        monitor.completed(Verdict(), 1.0, {}, S, 0, together)
    assert monitor.stats(S).together == pytest.approx(2.0)


def test_silence_is_measured_from_the_start_when_nothing_ever_came() -> None:
    assert Monitor(5 * S).stats(9 * S).inputs[0].since_s == pytest.approx(4.0)
