"""What one run sees of what has come: newest, nearest, latest, windows, and jumps of time."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.core.arrivals import CLOCK, MOST, Arrival, Inbox, Observation
from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.inputs import ALWAYS_MS, KeepRule, KeepSpec, SensorInput, Trigger

MS = 1_000_000


def sensor_input(tensor: str, rule: KeepRule = KeepRule.NEWEST, limit_ms: float = 0.0):
    spec = TensorSpec(tensor, 'float32', (1,))
    return SensorInput(spec, 'imu', tensor, KeepSpec(rule, limit_ms))


class Box:
    """An inbox fed with (tensor, stamp in ms); messages are named by both."""

    def __init__(self, *others: SensorInput, rate_hz: float = 0.0) -> None:
        trigger = Trigger(rate_hz=rate_hz) if rate_hz else Trigger('images')
        inputs = others if rate_hz else (sensor_input('images'), *others)
        self.inbox = Inbox('rig', inputs, trigger)
        self._numbers: dict[str, int] = {}
        self._seen = -1

    def put(self, tensor: str, *stamps_ms: float) -> None:
        for stamp_ms in stamps_ms:
            number = self._numbers[tensor] = self._numbers.get(tensor, -1) + 1
            stamp_ns = int(stamp_ms * MS)
            self.inbox.put(tensor, Arrival(f'{tensor}{stamp_ms:g}', stamp_ns, stamp_ns, number))

    def take(self) -> Observation | None:
        assert self.inbox.ready(self._seen) == (self.inbox._complete(self._seen) is not None)
        taken = self.inbox.take(self._seen)
        if taken is not None:
            self._seen = taken.trigger.number
        return taken

    def messages(self) -> dict[str, list[str]] | None:
        taken = self.take()
        if taken is None:
            return None
        return {name: [one.message for one in kept] for name, kept in taken.arrivals.items()}


def test_of_pictures_the_newest_is_seen_and_once() -> None:
    box = Box()
    box.put('images', 1, 2)
    assert box.messages() == {'images': ['images2']}
    assert box.messages() is None


def test_what_is_said_once_holds_when_time_jumps_back_until_it_is_said_anew() -> None:
    box = Box(sensor_input('camera_info', KeepRule.NEAREST, ALWAYS_MS))
    box.put('camera_info', 5000, 6000)
    box.put('images', 9000)
    assert box.messages() == {'images': ['images9000'], 'camera_info': ['camera_info6000']}
    for stamp in (10, 5000):
        box.put('images', stamp)
        assert box.messages() == {'images': [f'images{stamp}'], 'camera_info': ['camera_info6000']}
    box.put('camera_info', 20)
    box.put('images', 6000)
    assert box.messages() == {'images': ['images6000'], 'camera_info': ['camera_info20']}


def test_a_lidar_that_comes_after_the_next_picture_is_seen_with_its_own() -> None:
    box = Box(sensor_input('points', KeepRule.NEAREST, 5))
    for stamp in (0, 33, 66):
        box.put('images', stamp)
        if stamp:
            box.put('points', stamp - 33 + 2)
    assert box.messages() == {'images': ['images33'], 'points': ['points35']}
    box.put('points', 68)
    assert box.messages() == {'images': ['images66'], 'points': ['points68']}


def test_stamps_have_to_be_the_same_without_a_tolerance() -> None:
    box = Box(sensor_input('depth', KeepRule.NEAREST, 0))
    box.put('images', 10)
    box.put('depth', 10.001)
    assert box.messages() is None
    box.put('depth', 10)
    assert box.messages() == {'images': ['images10'], 'depth': ['depth10']}


def test_what_is_older_than_a_complete_observation_is_dropped() -> None:
    box = Box(sensor_input('points', KeepRule.NEAREST, 5))
    box.put('images', 0, 33)
    box.put('points', 33)
    assert box.messages() == {'images': ['images33'], 'points': ['points33']}
    box.put('points', 0)
    assert box.messages() is None


def test_a_held_value_has_a_maximum_age_and_is_never_of_the_future() -> None:
    box = Box(sensor_input('joints', KeepRule.LATEST, 100))
    box.put('images', 5)
    assert box.messages() is None and box.inbox.missing() == ('joints',)
    box.put('joints', 10)
    assert box.messages() is None
    box.put('images', 20)
    assert box.messages() == {'images': ['images20'], 'joints': ['joints10']}
    box.put('joints', 30, 40)
    box.put('images', 35)
    assert box.messages() == {'images': ['images35'], 'joints': ['joints30']}
    box.put('images', 141)
    assert box.messages() is None and box.inbox.missing() == ('joints',)


def test_a_window_is_seen_once_it_is_full_and_moves_on() -> None:
    box = Box(sensor_input('imu', KeepRule.WINDOW, 50))
    seen = {}
    for stamp in range(0, 200, 10):
        box.put('imu', stamp)
        box.put('images', stamp)
        taken = box.messages()
        seen[stamp] = taken['imu'] if taken else None
    assert [stamp for stamp, imu in seen.items() if imu is None] == [0, 10, 20, 30, 40]
    assert seen[50] == [f'imu{stamp}' for stamp in range(0, 60, 10)]
    assert seen[190] == [f'imu{stamp}' for stamp in range(140, 200, 10)]


def test_messages_that_were_overtaken_on_the_way_stand_in_their_place() -> None:
    box = Box(sensor_input('imu', KeepRule.WINDOW, 30))
    box.put('imu', 0, 20, 10, 40, 30)
    box.put('images', 40)
    assert box.messages() == {
        'images': ['images40'],
        'imu': ['imu10', 'imu20', 'imu30', 'imu40'],
    }


def test_a_window_keeps_no_more_than_it_can_hold() -> None:
    box = Box(sensor_input('imu', KeepRule.WINDOW, 1e6))
    box.put('imu', *range(MOST + 10))
    assert len(list(box.inbox.held())) == MOST


def test_the_clock_triggers_with_what_is_held() -> None:
    box = Box(sensor_input('joints', KeepRule.LATEST, 100), rate_hz=50.0)
    box.put(CLOCK, 0)
    assert box.take() is None and box.inbox.missing() == ('joints',)
    box.put('joints', 10)
    box.put(CLOCK, 20)
    taken = box.take()
    assert taken is not None and taken.stamp_ns == 20 * MS
    assert [one.message for one in taken.arrivals['joints']] == ['joints10']
    assert box.take() is None
    box.put(CLOCK, 500)
    assert box.take() is None and box.inbox.missing() == ('joints',)


def test_what_was_is_forgotten_when_time_jumps_back_and_that_is_said_once() -> None:
    box = Box(sensor_input('imu', KeepRule.WINDOW, 50))
    box.put('imu', *range(0, 1000, 10))
    box.put('images', 990)
    first = box.take()
    assert first is not None and not first.restarted
    box.put('images', 60)
    box.put('imu', *range(20, 60, 10))
    assert box.take() is None  # what came before the jump does not fill a window after it
    box.put('imu', *range(60, 130, 10))
    box.put('images', 120)
    second = box.take()
    assert second is not None and second.restarted
    assert [one.stamp_ns // MS for one in second.arrivals['imu']] == [70, 80, 90, 100, 110, 120]
    box.put('images', 121)
    third = box.take()
    assert third is not None and not third.restarted


def test_a_message_that_is_a_little_late_is_no_jump() -> None:
    box = Box()
    box.put('images', 1000)
    assert box.messages() == {'images': ['images1000']}
    box.put('images', 950)
    taken = box.take()
    assert taken is not None and not taken.restarted


@pytest.mark.parametrize('seed', range(5))
def test_whatever_comes_what_is_seen_keeps_to_the_rules(seed: int) -> None:
    random = np.random.default_rng(seed)
    box = Box(
        sensor_input('joints', KeepRule.LATEST, 40),
        sensor_input('points', KeepRule.NEAREST, 8),
        sensor_input('imu', KeepRule.WINDOW, 30),
    )
    last_number = -1
    for stamp in np.cumsum(random.integers(1, 9, 400)):
        tensor = random.choice(['images', 'joints', 'points', 'imu', 'imu', 'imu'])
        box.put(str(tensor), float(stamp - random.integers(0, 4)))
        taken = box.take()
        if taken is None:
            continue
        assert taken.trigger.number > last_number
        last_number = taken.trigger.number
        at = taken.stamp_ns
        assert all(at - 40 * MS <= one.stamp_ns <= at for one in taken.arrivals['joints'])
        assert all(abs(one.stamp_ns - at) <= 8 * MS for one in taken.arrivals['points'])
        stamps = [one.stamp_ns for one in taken.arrivals['imu']]
        assert stamps == sorted(stamps) and at - 30 * MS <= stamps[0] <= stamps[-1] <= at
    assert last_number > 0


def test_what_comes_later_than_its_trigger_is_not_missing() -> None:
    box = Box(sensor_input('points', KeepRule.NEAREST, 5))
    for stamp in range(0, 330, 33):
        box.put('images', stamp)
        if stamp >= 66:
            box.put('points', stamp - 66 + 2)
            assert box.inbox.missing() == ()
    for stamp in range(330, 660, 33):
        box.put('images', stamp)
    assert box.inbox.missing() == ('points',)


def test_another_model_sees_its_own_messages_with_a_trigger_that_was_taken() -> None:
    short, long = (Box(sensor_input('w', KeepRule.WINDOW, length)) for length in (10, 30))
    for box in (short, long):
        for stamp in (0, 10, 20, 30):
            box.put('w', stamp)
        box.put('images', 30)
    taken = short.take()
    assert taken is not None
    short.put('images', 31)
    long.put('images', 31)
    seen = long.inbox.seen_with(taken.trigger)
    assert seen is not None
    assert (seen.stream, seen.trigger, seen.restarted) == ('rig', taken.trigger, False)
    assert [one.message for one in seen.arrivals['w']] == ['w0', 'w10', 'w20', 'w30']
    assert [one.message for one in seen.arrivals['images']] == ['images30']
    assert long.messages() is not None  # nothing was taken from it
    early = taken.trigger._replace(stamp_ns=10 * MS)
    assert long.inbox.seen_with(early) is None
