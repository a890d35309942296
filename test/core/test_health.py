"""One judge, and what each of its sentences rests on."""

import pytest

from ml_integration.core.arrivals import CLOCK
from ml_integration.core.datatypes import Reason, Verdict
from ml_integration.core.endpoints import Endpoint
from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.health import CONCERNS, STUCK_S, Alarms, HealthSettings, judge, judge_idle
from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import InputKey, Stats

S = 1_000_000_000
NO_ALARMS = Alarms()
INVALID = Verdict((Reason('not_finite', 'score 3 is nan'),))


def watched(*, good: int = 0, invalid: int = 0, failed: int = 0, displaced: int = 0) -> Monitor:
    monitor = Monitor(0)
    for _ in range(good + invalid + failed + displaced):
        monitor.received('', '', S)
    for _ in range(displaced):
        monitor.displaced('', S)
    for _ in range(good):
        monitor.completed('', Verdict(), 10.0, {'infer': 8.0}, S)
    for _ in range(invalid):
        monitor.completed('', INVALID, 10.0, {'infer': 8.0}, S)
    for _ in range(failed):
        monitor.failed('message field is not valid', S)
    return monitor


def judged(
    stats: Stats,
    *endpoints: Endpoint,
    busy_s: float = 0.0,
    alarms: Alarms = NO_ALARMS,
    latency_ms: float | None = 50.0,
) -> Health:
    here = endpoints or (Endpoint('', '', '/image', 1),)
    return judge(stats, here, busy_s, alarms, HealthSettings(), latency_ms)


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
    health = judged(monitor.stats(2 * S))
    assert health.of(concern).level == level


@pytest.mark.parametrize(
    ('lacking', 'level'), [(0, Level.OK), (1, Level.OK), (50, Level.WARN), (100, Level.ERROR)]
)
def test_results_that_lack_what_a_stage_should_add_are_told_of(lacking: int, level: Level) -> None:
    monitor = watched(good=100 - lacking)
    reason = Reason('cascade: failed', 'mood@1: out of memory')
    for _ in range(lacking):
        monitor.completed('', Verdict(), 10.0, {}, S, omitted=(reason, reason))
    stats = monitor.stats(2 * S)
    assert stats.recent.published == 100 and stats.recent.invalid == 0
    assert stats.omitted_kinds == ({'cascade: failed': 2 * lacking} if lacking else {})
    finding = judged(stats).of('results')
    assert finding.level == level
    assert ('mood@1: out of memory' in finding.sentence) == (level > Level.OK)


def test_a_slow_model_warns_with_both_numbers() -> None:
    finding = judged(watched(good=5).stats(2 * S), latency_ms=5.0).of('latency')
    assert finding.level == Level.WARN
    assert '8.0 ms of 5 ms' in finding.sentence


def test_a_model_without_a_limit_is_never_too_slow() -> None:
    finding = judged(watched(good=5).stats(2 * S), latency_ms=None).of('latency')
    assert finding.level == Level.OK
    assert 'no limit' in finding.sentence


def test_no_input_warns_and_says_for_how_long() -> None:
    finding = judged(Monitor(0).stats(3 * S)).of('input')
    assert finding.level == Level.WARN
    assert finding.sentence.startswith('no message yet for 3.0 s on /image; 1 publisher; it ')


def test_one_silent_stream_of_several_warns() -> None:
    monitor = Monitor(0, [InputKey('front'), InputKey('rear')])
    monitor.received('front', '', 3 * S)
    endpoints = [Endpoint(name, '', f'/{name}/image', 1) for name in ('front', 'rear')]
    health = judged(monitor.stats(3 * S), *endpoints)
    finding = health.of('input')
    assert finding.sentence.startswith('no message yet for 3.0 s on /rear/image; 1 publisher; ')
    assert health.level == finding.level == Level.WARN


def test_the_input_that_a_model_waits_for_is_named() -> None:
    monitor = Monitor(0, [InputKey('', 'images'), InputKey('', 'joints', triggers=False)])
    for source in ('images', 'joints'):
        monitor.received('', source, S)
    endpoints = (Endpoint('', 'images', '/image', 1), Endpoint('', 'joints', '/joint_states', 0))
    assert judged(monitor.stats(S), *endpoints).of('input').level == Level.OK
    finding = judged(monitor.stats(S, {'': ('joints',)}), *endpoints).of('input')
    assert finding.level == Level.WARN
    assert finding.sentence == (
        "input 'joints' is missing on /joint_states; no publisher; "
        'is the topic remapped to the right name?'
    )


def test_pictures_that_wait_in_vain_are_not_told_to_be_too_many() -> None:
    monitor = Monitor(0, [InputKey('', 'image'), InputKey('', 'depth', triggers=False)])
    for _ in range(10):
        monitor.received('', 'image', S)
    monitor.displaced('', S, 9)
    endpoints = [Endpoint('', name, f'/{name}', 1) for name in ('image', 'depth')]
    waiting = judged(monitor.stats(S, {'': ('depth',)}), *endpoints).of('drops')
    assert waiting.level == Level.WARN
    assert 'they wait in vain for depth' in waiting.sentence
    late = judged(monitor.stats(S), *endpoints).of('drops').sentence
    assert 'slower than the camera, or what belongs to a picture comes too late' in late


def test_what_holds_until_it_is_said_anew_is_neither_silent_nor_old() -> None:
    info = InputKey('', 'camera_info', triggers=False, holds=True)
    monitor, endpoint = Monitor(0, [info]), Endpoint('', 'camera_info', '/camera_info', 1)
    assert judged(monitor.stats(60 * S), endpoint).of('input').level == Level.WARN
    monitor.received('', 'camera_info', 60 * S, stamp_ns=5, ahead_ns=-3600 * S)
    for now_s in (61, 600):
        assert judged(monitor.stats(now_s * S), endpoint).of('input').level == Level.OK


@pytest.mark.parametrize(
    ('busy_s', 'level'),
    [
        (0.0, Level.OK),  # between two frames
        (STUCK_S - 0.1, Level.OK),  # a slow model
        (STUCK_S, Level.ERROR),  # an engine that does not come back
    ],
)
def test_a_frozen_engine_is_no_silent_freeze(busy_s: float, level: Level) -> None:
    finding = judged(watched(good=5).stats(2 * S), busy_s=busy_s).of('errors')
    assert finding.level == level
    assert ('frozen' in finding.sentence) is finding.hard is (level == Level.ERROR)


def test_a_publisher_with_another_clock_is_an_error_at_once() -> None:
    monitor = watched(good=0, displaced=1)
    for _ in range(3):
        monitor.received('', '', S)
        monitor.stale('', S)
    finding = judged(monitor.stats(2 * S)).of('drops')
    assert (finding.level, finding.hard) == (Level.ERROR, True)
    assert 'every frame is too old' in finding.sentence
    assert 'use_sim_time' in finding.sentence


def test_a_qos_mismatch_is_certain_and_named() -> None:
    endpoint = Endpoint('', '', '/image', 1, mismatch='reliability')
    finding = judged(watched(good=5).stats(S), endpoint).of('input')
    assert (finding.level, finding.hard) == (Level.WARN, True)
    assert finding.sentence.endswith('on /image; 1 publisher; QoS mismatch: reliability')


@pytest.mark.parametrize(
    ('monitor', 'concern', 'hard'),
    [
        (watched(invalid=1), 'results', True),  # nothing good comes out
        (watched(good=1, invalid=9), 'results', False),
        (watched(failed=1), 'errors', True),
        (watched(good=1, failed=9), 'errors', False),
        (watched(invalid=1, failed=9), 'errors', False),
        (watched(good=5, displaced=30), 'drops', False),
    ],
)
def test_it_is_certain_when_every_result_is_bad(
    monitor: Monitor, concern: str, hard: bool
) -> None:
    finding = judged(monitor.stats(2 * S)).of(concern)
    assert finding.level > Level.OK
    assert finding.hard is hard


@pytest.mark.parametrize(
    ('alarms', 'level', 'part'),
    [
        (Alarms(), Level.OK, ''),
        (Alarms(complaints=('', 'm@2 failed')), Level.WARN, 'm@2 failed'),
        (Alarms(fallback="provider 'X' cannot be used"), Level.WARN, 'cannot be used'),
        (Alarms(unchecked=True), Level.WARN, 'INTEGRITY IS OFF'),
        (Alarms(exposed=('everybody may',)), Level.WARN, 'everybody may'),
        (Alarms(('m@2 failed',), leaked=('a key lies',)), Level.ERROR, 'a key lies'),
        (Alarms(('m@2 failed',), tampering='model.onnx'), Level.ERROR, 'quarantined: model.onnx'),
    ],
)
def test_what_is_wrong_with_the_models_is_judged_in_every_state(
    alarms: Alarms, level: Level, part: str
) -> None:
    for health in (judged(watched(good=5).stats(S), alarms=alarms), judge_idle('x', alarms)):
        finding = health.of('model')
        assert finding.level == level
        assert part in finding.sentence


def test_an_idle_node_is_judged_about_the_same_concerns() -> None:
    health = judge_idle('inactive', Alarms())
    assert tuple(finding.concern for finding in health.findings) == CONCERNS
    assert health.level == Level.OK
    assert health.of('errors') == Finding('errors', Level.OK, 'inactive')


def test_held_back_results_are_told_with_their_kinds_and_the_last_reason() -> None:
    some, all_bad = (judged(watched(good=n, invalid=9).stats(2 * S)) for n in (10, 0))
    kinds = '9 invalid and held back (9 not_finite; the last one: score 3 is nan)'
    assert some.of('results').sentence.endswith(kinds)
    assert f'{kinds}; nothing goes out: ml_model check' in all_bad.of('results').sentence


def test_only_the_kinds_of_the_last_seconds_explain_what_is_held_back_now() -> None:
    monitor = watched(invalid=1)
    for _ in range(3):
        monitor.completed('', Verdict((Reason('too_many', '2000 boxes'),)), 10.0, {}, 60 * S)
    stats = monitor.stats(60 * S)
    assert stats.invalid_kinds == {'too_many': 3, 'not_finite': 1}
    sentence = judged(stats).of('results').sentence
    assert '(3 too_many; the last one: 2000 boxes)' in sentence
    assert 'not_finite' not in sentence


def test_the_last_error_is_in_the_sentence() -> None:
    finding = judged(watched(failed=1).stats(2 * S)).of('errors')
    assert 'message field is not valid' in finding.sentence


def test_overall_level_is_the_worst() -> None:
    health = judged(watched(good=10, failed=5).stats(2 * S))
    assert health.level == Level.ERROR


def test_one_late_tick_of_the_clock_is_no_publisher_with_another_clock() -> None:
    monitor = Monitor(0, [InputKey('', 'imu', triggers=False)])
    for _ in range(20):
        monitor.received('', CLOCK, S)
    monitor.stale('', S)
    monitor.displaced('', S, 3)
    health = judged(monitor.stats(S), Endpoint('', 'imu', '/imu', 1))
    assert health.of('drops').level == Level.OK


def test_an_input_with_the_stamps_of_another_clock_is_told_by_how_much() -> None:
    monitor = Monitor(0, [InputKey('', 'images'), InputKey('', 'joints', triggers=False)])
    monitor.received('', 'images', S, stamp_ns=5000 * S)
    monitor.received('', 'joints', S, stamp_ns=8600 * S)
    endpoints = (Endpoint('', 'images', '/image', 1), Endpoint('', 'joints', '/joint_states', 1))
    finding = judged(monitor.stats(S, {'': ('joints',)}), *endpoints).of('input')
    assert "input 'joints' is missing on /joint_states" in finding.sentence
    assert '3600.00 s newer' in finding.sentence and 'same clock' in finding.sentence
