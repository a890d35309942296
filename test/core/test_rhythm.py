"""Rate, jitter and jumps follow from stamps, however late their messages come."""

from __future__ import annotations

import pytest

from ml_integration.core.endpoints import Endpoint
from ml_integration.core.findings import Finding, Level
from ml_integration.core.health import Alarms, HealthSettings, judge
from ml_integration.core.monitor import Monitor
from ml_integration.core.rhythm import Stamps

S, MS = 1_000_000_000, 1_000_000
WINDOW = 10 * S


class Camera:
    """A camera whose messages a monitor takes; its stamps are seconds of a clock of its own."""

    def __init__(self) -> None:
        self.monitor = Monitor(0)
        self.now_ns = 0
        self.stamp_ns = 1000 * S
        self._second = 0

    def publish(self, seconds: float, hz: float, jitter_ms: float = 0.0) -> None:
        """Publishes for so long; every fifth stamp is late by the jitter."""
        for number in range(round(seconds * hz)):
            self.now_ns += int(S / hz)
            self.stamp_ns += int(S / hz)
            stamp_ns = self.stamp_ns + int(jitter_ms * MS) * (number % 5 == 0)
            self.monitor.received('', '', self.now_ns, 0, stamp_ns)
            if self.now_ns // S > self._second:
                self._second = self.now_ns // S
                self.monitor.stats(self.now_ns)

    def finding(self, settings: HealthSettings | None = None) -> Finding:
        endpoint = Endpoint('', '', '/image', 1)
        stats = self.monitor.stats(self.now_ns)
        return judge(stats, [endpoint], 0.0, Alarms(), settings or HealthSettings()).of('input')


def test_a_rate_is_learned_in_a_stable_minute_and_missed_afterwards() -> None:
    camera = Camera()
    camera.publish(50, 30)
    assert camera.monitor.stats(camera.now_ns).streams[0].inputs[0].rhythm.usual_hz is None
    camera.publish(15, 30)
    usual = camera.monitor.stats(camera.now_ns).streams[0].inputs[0].rhythm.usual_hz
    assert usual == pytest.approx(30, rel=0.01)
    camera.publish(11, 25)
    assert camera.finding().level == Level.OK
    camera.publish(11, 10)
    found = camera.finding()
    assert (found.level, found.parts[0].kind) == (Level.WARN, 'rate')
    assert '10.0 Hz instead of 30.0 Hz (limit 40% off) on /image' in found.sentence
    assert 'expected_rate_hz' in found.sentence
    camera.publish(11, 30)
    assert camera.finding().level == Level.OK


def test_what_never_is_stable_has_no_usual_rate() -> None:
    camera = Camera()
    for _ in range(8):
        camera.publish(10, 30)
        camera.publish(10, 12)
    assert camera.monitor.stats(camera.now_ns).streams[0].inputs[0].rhythm.usual_hz is None
    assert camera.finding().level == Level.OK


def test_an_expected_rate_is_missed_at_once() -> None:
    camera = Camera()
    camera.publish(10, 15)
    assert camera.finding().level == Level.OK
    found = camera.finding(HealthSettings(expected_rate_hz=30.0))
    assert '15.0 Hz instead of 30.0 Hz' in found.sentence
    assert camera.finding(HealthSettings(expected_rate_hz=20.0)).level == Level.OK


def test_small_jitter_is_none_and_large_one_is_a_jump() -> None:
    camera, settings = Camera(), HealthSettings(expected_rate_hz=50.0)
    camera.publish(10, 50, jitter_ms=10.0)
    assert camera.finding(settings).level == Level.OK
    camera.publish(11, 50, jitter_ms=200.0)  # so late that the next stamp goes back
    assert camera.finding(settings).parts[0].kind == 'jump'


def test_stamps_that_stutter_warn() -> None:
    camera, settings = Camera(), HealthSettings(expected_rate_hz=25.0, max_rate_ratio=0.0)
    for _ in range(60):
        camera.publish(0.16, 25)
        camera.now_ns += 100 * MS
        camera.stamp_ns += 100 * MS
    found = camera.finding(settings)
    assert found.parts[0].kind == 'jitter'
    assert 'stamps jitter by 100.0 ms (limit 60.0 ms)' in found.sentence


@pytest.mark.parametrize(('by_s', 'way'), [(-3.0, 'back by 2.97'), (5.0, 'ahead by 5.00')])
def test_a_jump_of_time_is_told_and_over_after_the_window(by_s: float, way: str) -> None:
    camera = Camera()
    camera.publish(5, 30)
    camera.stamp_ns += int(by_s * S)
    camera.publish(1, 30)
    found = camera.finding()
    assert (found.level, found.parts[0].kind) == (Level.WARN, 'jump')
    assert f'stamps jumped {way} s' in found.sentence
    camera.publish(11, 30)
    assert camera.finding().level == Level.OK
    assert camera.monitor.stats(camera.now_ns).streams[0].inputs[0].rhythm.total_jumps == 1


def test_a_receiver_that_stalls_is_no_jump() -> None:
    stamps = Stamps(0, WINDOW)
    for at_s in range(20):
        stamps.take(at_s * S, at_s * S, 0)
    for late_s in range(20, 26):  # all at once
        stamps.take(25 * S, late_s * S, (late_s - 25) * S)
    for at_s in range(26, 30):
        stamps.take(at_s * S, at_s * S, 0)
    rhythm = stamps.rhythm(30 * S)
    assert rhythm.total_jumps == 0 and rhythm.rate_hz == pytest.approx(1.0)
