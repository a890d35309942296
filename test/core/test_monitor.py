"""The rolling window forgets, the totals do not."""

import pytest

from ml_integration.core.arrivals import CLOCK
from ml_integration.core.datatypes import Reason, Verdict
from ml_integration.core.error_kinds import MOST_KINDS, OTHERS, ErrorKind
from ml_integration.core.histogram import BUCKETS
from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import InputKey

S = 1_000_000_000


def test_rates_and_percentiles_cover_the_window_only() -> None:
    monitor = Monitor(0, window_s=10.0)
    for second in range(20):
        monitor.received('', '', second * S)
        monitor.completed('', Verdict(), 5.0 + second, {'infer': float(second)}, second * S)
    stats = monitor.stats(20 * S)
    assert stats.recent.received == 10
    assert stats.total.received == 20
    assert stats.streams[0].inputs[0].hz == pytest.approx(1.0)
    assert stats.stages['infer'].p50 == pytest.approx(14.5)
    age = stats.streams[0].age
    assert age is not None
    assert age.p50 == pytest.approx(19.5)


def test_total_is_the_sum_of_a_frames_stages() -> None:
    monitor = Monitor(0)
    monitor.completed('', Verdict(), 1.0, {'decode': 1.0, 'infer': 2.5}, S)
    assert monitor.stats(S).stages['total'].p50 == pytest.approx(3.5)


def test_an_invalid_result_is_counted_by_kind_and_not_as_published() -> None:
    monitor = Monitor(0)
    reasons = (Reason('not_finite', 'a'), Reason('not_finite', 'b'), Reason('too_many', 'c'))
    monitor.completed('', Verdict(reasons), 1.0, {}, S)
    stats = monitor.stats(S)
    assert stats.recent.invalid == 1
    assert stats.recent.published == 0
    assert stats.invalid_kinds == {'not_finite': 1, 'too_many': 1}
    assert stats.recent.invalid_ratio == 1.0


def test_every_way_a_frame_can_be_lost_is_counted() -> None:
    monitor = Monitor(0)
    for at in range(10):
        monitor.received('', '', at * S)
    monitor.displaced('', 9 * S)
    monitor.stale('', 9 * S)
    monitor.failed('engine: broken', 9 * S)
    stats = monitor.stats(10 * S)
    assert (stats.recent.displaced, stats.recent.stale, stats.recent.failed) == (1, 1, 1)
    assert stats.recent.drop_ratio == pytest.approx(0.2)
    assert stats.last_error == 'engine: broken'
    assert stats.since_error_s == pytest.approx(1.0)


def test_each_stream_has_its_own_numbers() -> None:
    monitor = Monitor(0, [InputKey(name, 'images') for name in ('front', 'left', 'rear')])
    for second in range(1, 11):
        monitor.received('front', 'images', second * S)
        monitor.received('front', 'images', second * S)
        monitor.displaced('front', second * S)
        monitor.completed('front', Verdict(), 5.0, {}, second * S, 2)
    monitor.received('left', 'images', 4 * S)
    monitor.completed('left', Verdict(), 9.0, {}, 4 * S, 2)
    stats = monitor.stats(10 * S)
    front, left, silent = stats.streams
    inputs = [one for stream in stats.streams for one in stream.inputs]
    assert [one.hz for one in inputs] == pytest.approx([2.0, 0.1, 0.0])
    assert [one.since_s for one in inputs] == pytest.approx([0.0, 6.0, 10.0])
    assert (front.total.received, front.recent.displaced) == (20, 10)
    assert (left.total.received, left.total.displaced) == (1, 0)
    assert front.age is not None and left.age is not None and silent.age is None
    assert (front.age.p50, left.age.p50) == (5.0, 9.0)
    assert stats.total.received == 21
    assert stats.total.displaced == 10


def test_samples_of_a_window_are_messages_and_no_frames() -> None:
    keys = [InputKey('', 'images'), InputKey('', 'imu', triggers=False)]
    monitor = Monitor(0, keys)
    for number in range(100):
        monitor.received('', 'imu', S + number)
    monitor.received('', 'images', S)
    monitor.displaced('', S)
    monitor.lost('', 'imu', 3, S)
    monitor.completed('', Verdict(), 5.0, {}, S)
    stats = monitor.stats(10 * S)
    (stream,) = stats.streams
    images, imu = stream.inputs
    assert stats.recent.drop_ratio == stream.recent.drop_ratio == 1.0
    assert (images.total.received, imu.total.received, imu.recent.lost) == (1, 100, 3)
    assert images.transport is not None and imu.transport is None
    assert imu.hz == pytest.approx(10.0)


def test_a_flood_of_one_input_does_not_push_the_frames_of_another_out_of_the_window() -> None:
    keys = [InputKey('', 'images'), InputKey('', 'imu', triggers=False)]
    monitor = Monitor(0, keys)
    monitor.received('', 'images', S)
    for number in range(50_000):
        monitor.received('', 'imu', S + number * 100_000)
    recent = monitor.stats(10 * S).streams[0]
    assert [one.recent.received for one in recent.inputs] == [1, 50_000]


def test_what_is_missing_is_said_of_its_stream() -> None:
    monitor = Monitor(0, [InputKey('left', 'joints'), InputKey('right', 'joints')])
    left, right = monitor.stats(S, {'right': ('joints',)}).streams
    assert (left.missing, right.missing) == ((), ('joints',))


@pytest.mark.parametrize('quiet_s', [11, 60])
def test_nothing_of_before_the_window_is_recent_however_long_nothing_came(quiet_s: int) -> None:
    monitor = Monitor(0)
    monitor.received('', '', S)
    monitor.stale('', S)
    stats = monitor.stats((1 + quiet_s) * S)
    assert (stats.recent.received, stats.recent.stale) == (0, 0)
    assert (stats.total.received, stats.total.stale) == (1, 1)


def test_transport_is_what_of_a_frames_age_was_before_its_arrival() -> None:
    monitor = Monitor(0)
    for age_ms, stay_ms in ((105.0, 100.0), (12.0, 10.0), (33.0, 30.0)):
        monitor.completed('', Verdict(), age_ms, {'infer': stay_ms}, S)
    (one,) = monitor.stats(S).streams[0].inputs
    assert one.transport is not None
    assert one.transport.p50 == pytest.approx(3.0)


def test_frames_per_run_is_the_mean_of_the_runs() -> None:
    monitor = Monitor(0)
    assert monitor.stats(S).together == 0.0
    for together in (4, 4, 4, 4, 1, 1):  # three runs
        monitor.completed('', Verdict(), 1.0, {}, S, together)
    assert monitor.stats(S).together == pytest.approx(2.0)


def test_silence_is_measured_from_the_start_when_nothing_ever_came() -> None:
    assert Monitor(5 * S).stats(9 * S).streams[0].inputs[0].since_s == pytest.approx(4.0)


def test_the_clock_starts_frames_too() -> None:
    monitor = Monitor(0, [InputKey('', 'imu', triggers=False)])
    for tick in range(10):
        monitor.received('', CLOCK, S + tick)
    monitor.displaced('', S, 2)
    monitor.stale('', S)
    stats = monitor.stats(2 * S)
    assert stats.recent.received == stats.streams[0].recent.received == 10
    assert stats.recent.drop_ratio == pytest.approx(0.3)


@pytest.mark.parametrize('trigger', ['images', CLOCK])
def test_stamps_of_another_clock_are_told_by_how_much(trigger: str) -> None:
    keys = [InputKey('', 'joints', triggers=False), InputKey('', 'wrist', triggers=False)]
    monitor = Monitor(0, [*keys, InputKey('', trigger)] if trigger else keys)
    monitor.received('', trigger, 4 * S, stamp_ns=5000 * S)
    monitor.received('', 'joints', 5 * S, stamp_ns=1401 * S)
    behind_s = [one.behind_s for one in monitor.stats(6 * S).streams[0].inputs]
    assert behind_s[0] == pytest.approx(3600.0)
    assert behind_s[1:] == [None] * (len(behind_s) - 1)


def test_histograms_count_on_when_the_window_forgets() -> None:
    monitor = Monitor(0, window_s=10.0)
    for number, ms in enumerate((0.5, 1.0, 1.1, 40.0, 700.0)):
        monitor.completed('', Verdict(), 2 * ms, {'infer': ms}, number * S)
    stats = monitor.stats(60 * S)
    assert stats.stages == {}
    counts = {
        name: dict(zip(BUCKETS, each, strict=True)) for name, each in stats.histograms.items()
    }
    assert counts.keys() == {'infer', 'total', 'age'}
    infer, age = counts['infer'], counts['age']
    assert [infer[one] for one in ('1', '2', '33', '50', '500', 'inf')] == [2, 3, 3, 4, 4, 5]
    assert [age[one] for one in ('1', '2', '5', '50', '100', 'inf')] == [1, 2, 3, 3, 4, 5]
    assert counts['total'] == infer


def test_errors_are_counted_by_type_with_the_first_and_the_last() -> None:
    monitor = Monitor(0)
    for at_s, kind in ((1, 'FrameError'), (2, 'ValueError'), (5, 'FrameError')):
        monitor.failed('it failed', at_s * S, kind=kind)
    assert monitor.stats(60 * S).errors == {
        'FrameError': ErrorKind(2, 59.0, 55.0),
        'ValueError': ErrorKind(1, 58.0, 58.0),
    }


def test_types_of_errors_without_end_are_counted_together() -> None:
    monitor = Monitor(0)
    for number in range(1000):
        monitor.failed('it failed', number * S, kind=f'Error{number}')
    errors = monitor.stats(1000 * S).errors
    assert len(errors) == MOST_KINDS + 1
    assert errors[OTHERS].count == 1000 - MOST_KINDS
