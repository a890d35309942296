"""One judge, and what each of its sentences rests on."""

import pytest

from ml_integration.core.datatypes import Reason, Verdict
from ml_integration.core.health import HealthSettings, Level, judge
from ml_integration.core.monitor import Monitor

S = 1_000_000_000
INVALID = Verdict((Reason('not_finite', 'score 3 is nan'),))


def watched(*, good: int = 0, invalid: int = 0, failed: int = 0, displaced: int = 0) -> Monitor:
    monitor = Monitor(0)
    for _ in range(good + invalid + failed + displaced):
        monitor.received(S)
    for _ in range(displaced):
        monitor.displaced(S)
    for _ in range(good):
        monitor.completed(Verdict(), 10.0, {'infer': 8.0}, S)
    for _ in range(invalid):
        monitor.completed(INVALID, 10.0, {'infer': 8.0}, S)
    for _ in range(failed):
        monitor.failed('message field is not valid', S)
    return monitor


@pytest.mark.parametrize(
    ('monitor', 'concern', 'level'),
    [
        (watched(good=100), 'errors', Level.OK),  # all well
        (watched(good=100, failed=1), 'errors', Level.WARN),  # one bad frame is worth a look
        (watched(good=10, failed=1), 'errors', Level.ERROR),  # 9 % is not
        (watched(good=100, invalid=1), 'results', Level.OK),  # within the limit
        (watched(good=10, invalid=9), 'results', Level.ERROR),  # a model gone wrong
        (watched(good=10, displaced=9), 'drops', Level.OK),  # overload within the limit
        (watched(good=10, displaced=30), 'drops', Level.WARN),  # hopelessly late
        (watched(good=10), 'latency', Level.OK),  # 8 of 50 ms
    ],
)
def test_levels(monitor: Monitor, concern: str, level: Level) -> None:
    health = judge(monitor.stats(2 * S), HealthSettings(), latency_ms=50.0)
    assert health.of(concern).level == level


def test_a_slow_model_warns_with_both_numbers() -> None:
    finding = judge(watched(good=5).stats(2 * S), HealthSettings(), latency_ms=5.0).of('latency')
    assert finding.level == Level.WARN
    assert '8.0 ms of 5 ms' in finding.sentence


def test_a_model_without_a_limit_is_never_too_slow() -> None:
    finding = judge(watched(good=5).stats(2 * S), HealthSettings(), None).of('latency')
    assert finding.level == Level.OK
    assert 'no limit' in finding.sentence


def test_no_input_warns_and_says_for_how_long() -> None:
    finding = judge(Monitor(0).stats(3 * S), HealthSettings(), latency_ms=50.0).of('input')
    assert finding.level == Level.WARN
    assert finding.sentence == 'no message yet for 3.0 s'


def test_one_silent_camera_of_several_warns() -> None:
    monitor = Monitor(0, cameras=2)
    monitor.received(3 * S, camera=0)
    health = judge(monitor.stats(3 * S), HealthSettings(), latency_ms=50.0)
    assert [finding.level for finding in health.inputs] == [Level.OK, Level.WARN]
    assert health.inputs[1].sentence == 'no message yet for 3.0 s'
    assert health.of('input') == health.inputs[1]
    assert health.level == Level.WARN


def test_the_last_error_is_in_the_sentence() -> None:
    finding = judge(watched(failed=1).stats(2 * S), HealthSettings(), 50.0).of('errors')
    assert 'message field is not valid' in finding.sentence


def test_overall_level_is_the_worst() -> None:
    health = judge(watched(good=10, failed=5).stats(2 * S), HealthSettings(), 50.0)
    assert health.level == Level.ERROR
