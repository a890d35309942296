"""What explains that messages do not come, or cannot be used as they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml_integration.core.endpoints import Endpoint
from ml_integration.core.findings import Level
from ml_integration.core.health import Alarms, HealthSettings, judge
from ml_integration.core.monitor import Monitor
from ml_integration.core.silence import Cause, causes
from ml_integration.core.stats import InputKey

S = 1_000_000_000
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'


def endpoint(publishers: int = 0, **fields: object) -> Endpoint:
    return Endpoint('front', 'image', '/front/image', publishers, kind=IMAGE, **fields)  # type: ignore[arg-type]


def compressed(**fields: object) -> Endpoint:
    here = replace(endpoint(**fields), kind=COMPRESSED, transport='compressed')  # type: ignore[arg-type]
    return replace(here, topic=f'{here.topic}/compressed')


def first(here: Endpoint, *, ahead_s: float | None = None, suspected: bool = True) -> Cause | None:
    """The best explanation for an input with one message that is so much ahead."""
    monitor = Monitor(0, [InputKey('front', 'image')])
    seconds = 1 if ahead_s is not None else 3
    if ahead_s is not None:
        monitor.received('front', 'image', S, 10, 5 * S, int(ahead_s * S))
    (stream,) = monitor.stats(seconds * S).streams
    return next(causes(stream, stream.inputs[0], here, suspected), None)


@pytest.mark.parametrize(
    ('here', 'parts'),
    [
        (endpoint(domain=7), ['No other topic has sensor_msgs/msg/Image in domain 7']),
        (
            endpoint(elsewhere=('/front/image_raw', '/rear/image_raw')),
            [
                'there is /front/image_raw with the right type (also /rear/image_raw)',
                'remap -r front/image:=/front/image_raw',
            ],
        ),
        (
            endpoint(elsewhere=('/rear/image_raw',)),
            ['there is /rear/image_raw with the right type, but is it of front?'],
        ),
        (
            endpoint(1, strangers=('std_msgs/msg/String',)),
            [f'it has std_msgs/msg/String, this model takes {IMAGE}', 'remap front/image to'],
        ),
        (
            endpoint(1, strangers=(COMPRESSED,)),
            [f'it has {COMPRESSED}, this model takes {IMAGE}', 'set image_transport:=compressed',
             'remap -r front/image/compressed:=/front/image instead'],
        ),
        (
            replace(endpoint(1, strangers=(COMPRESSED,)), topic='/front/raw/compressed'),
            ['image_transport:=compressed, and remap -r front/image:=/front/raw instead'],
        ),
        (
            compressed(elsewhere=('/front/raw/compressedDepth', '/front/raw/compressed')),
            ['there is /front/raw/compressed with the right type',
             'remap -r front/image:=/front/raw'],
        ),
        (
            compressed(elsewhere=('/front/jpeg',)),
            ['remap -r front/image/compressed:=/front/jpeg'],
        ),
        (compressed(), ['image_transport is compressed: does the camera publish that?']),
        (
            endpoint(2, strangers=(COMPRESSED,) * 2, elsewhere=('/front/image_raw',)),
            [COMPRESSED, IMAGE, 'remap -r front/image:=/front/image_raw'],
        ),
        (endpoint(1, mismatch='reliability'), ['QoS mismatch: reliability']),
        (endpoint(1, clock_stopped=True), ['use_sim_time is set', '/clock', 'bag with --clock']),
        (endpoint(1), ['it sends nothing: is the camera stopped', 'ros2 topic hz /front/image']),
        (
            endpoint(2, local=True, segment_bytes=17_600_000),
            ['they send nothing (or larger messages than 17.6 MB'],
        ),
        (
            replace(endpoint(1, local=True, segment_bytes=500_000), kind=CAMERA_INFO),
            ['it sends nothing: is the camera stopped'],
        ),
        (
            endpoint(1, local=True, segment_bytes=500_000),
            ["larger than the publisher's segment of 0.5 MB hardly comes"],
        ),
    ],
)  # fmt: skip
def test_a_silence_has_a_cause_and_a_remedy(here: Endpoint, parts: list[str]) -> None:
    found = first(here)
    assert found is not None
    for part in parts:
        assert part in found.sentence


def test_another_type_beside_the_right_one_is_harmless_until_messages_are_missed() -> None:
    here = endpoint(2, strangers=(COMPRESSED,))
    assert first(here, suspected=False) is None
    assert COMPRESSED in (first(here) or Cause('')).sentence


@pytest.mark.parametrize(
    ('ahead_s', 'parts', 'certain'),
    [
        (37.0, ['ahead by 37.0 s', 'age from their arrival', 'synchronize the clocks'], True),
        (3600.0, ['ahead by 3600.0 s'], True),
        (1.7e9, ['ahead by', 'use_sim_time'], True),
        (-3600.0, ['behind by 3600.0 s', 'recording'], True),
        (-1.7e9, ['behind by', 'use_sim_time'], True),
        (-30.0, [], False),  # a slow way, which the deadline is for
        (0.0, [], False),
    ],
)
def test_the_clock_of_a_publisher_is_named_with_its_difference(
    ahead_s: float, parts: list[str], certain: bool
) -> None:
    found = first(endpoint(1), ahead_s=ahead_s, suspected=False)
    assert bool(found) is bool(parts)
    assert all(part in found.sentence and found.certain is certain for part in parts if found)


@pytest.mark.parametrize(
    ('ahead_ms', 'level'), [(150.0, Level.OK), (250.0, Level.WARN), (3.6e6, Level.WARN)]
)
def test_stamps_from_the_future_warn_beyond_a_tolerance(ahead_ms: float, level: Level) -> None:
    monitor = Monitor(0)
    monitor.received('', '', S, 10, 5 * S, int(ahead_ms * 1e6))
    here = Endpoint('', '', '/image', 1)
    finding = judge(monitor.stats(S), [here], 0.0, Alarms(), HealthSettings()).of('input')
    assert finding.level == level
    assert ('stamps from the future on /image' in finding.sentence) is (level == Level.WARN)
    assert finding.hard is (ahead_ms > 1000.0)


def test_frames_that_are_all_too_old_say_by_how_much() -> None:
    monitor = Monitor(0)
    here, found = Endpoint('', '', '/image', 1), []
    for _ in range(3):
        monitor.received('', '', S, 10, 5 * S, -37 * S)
        monitor.stale('', S)
        found.append(judge(monitor.stats(S), [here], 0.0, Alarms(), HealthSettings()).of('drops'))
    finding = found[-1]
    # The last one before a camera falls silent may be too old by chance.
    assert [one.level for one in found] == [Level.WARN, Level.WARN, Level.ERROR]
    assert 'every frame is too old, by up to 37.0 s' in finding.sentence
