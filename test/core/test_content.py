"""The watch of what goes in knows what is usual for a stream, and tells what is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ml_integration.core.content import Content
from ml_integration.core.content_findings import ContentSettings
from ml_integration.core.datatypes import Frame
from ml_integration.core.findings import Finding, Level
from ml_integration.core.watches import Look, Seen, idle_look

S = 10**9
GOOD = {
    'brightness': 120.0,
    'contrast': 50.0,
    'sharpness': 30.0,
    'black_share': 0.01,
    'saturated_share': 0.02,
    'red_minus_blue': 5.0,
}
HZ = 10


class Robot:
    """A watch, and streams that it sees."""

    def __init__(self, *, simulated: bool = False, **settings: float) -> None:
        self.settings = ContentSettings(**settings)
        self.content = Content(lambda: self.settings, lambda: simulated)
        self.content.begin(0)
        self.now_ns = 0
        self.hashed = 0

    def see(
        self, seconds: float, *, stream: str = '', still: bool = False, **measures: float
    ) -> Look:
        """Shows good pictures, but for these measures; returns the last second's judgment."""
        for number in range(round(seconds * HZ)):
            self.now_ns += S // HZ
            self.hashed += not still
            shown = {**GOOD, **measures, 'content_hash': float(self.hashed)}
            self.show(stream, shown)
            if number % HZ == HZ - 1:
                look = self.content.look(self.now_ns)
        return look

    def show(self, stream: str, measures: dict[str, float], *rows: Frame) -> None:
        source: Any = SimpleNamespace(topic='joints')
        inputs: Any = [SimpleNamespace(tensor='x', source=source)] if rows else []
        pipeline: Any = SimpleNamespace(wiring=SimpleNamespace(inputs=inputs))
        prediction: Any = SimpleNamespace(frames={'x': rows})
        self.content.take(Seen(stream, self.now_ns, measures, {}, prediction, pipeline))


def kinds(look: Look) -> set[str]:
    return {part.kind for part in look.finding.parts} - {''}


@pytest.mark.parametrize(
    ('kind', 'measures', 'numbers'),
    [
        ('black', {'black_share': 0.99, 'brightness': 2.0}, ('99%', '98%')),
        ('dark', {'brightness': 20.0}, ('brightness 20', 'below 30', 'usual 120')),
        ('saturated', {'saturated_share': 0.7}, ('70%', '50%')),
        ('blurred', {'sharpness': 12.0}, ('sharpness 12.0', 'below 15.0', 'usual 30.0')),
    ],
)
def test_a_fault_is_told_with_numbers_and_gone_with_its_cause(
    kind: str, measures: dict[str, float], numbers: tuple[str, ...]
) -> None:
    robot = Robot()
    assert robot.see(35).finding.level == Level.OK
    found = robot.see(120, **measures).finding  # however long it lasts, it is not usual
    assert (found.level, found.kind) == (Level.WARN, kind)
    for number in numbers:
        assert number in found.sentence
    assert robot.see(2).finding.level == Level.OK


def test_what_is_usual_for_a_stream_is_no_fault() -> None:
    night = {'brightness': 14.0, 'contrast': 20.0, 'sharpness': 9.0, 'saturated_share': 0.6}
    robot = Robot()
    for _ in range(100):
        assert robot.see(1, **night).finding.level == Level.OK
    assert 'usual' not in robot.see(1, **night).finding.sentence
    assert robot.see(3, saturated_share=0.95).finding.kind == 'saturated'


def test_a_picture_without_anything_to_see_is_told_at_once() -> None:
    assert Robot().see(1, black_share=1.0, brightness=0.0).finding.kind == 'black'
    assert Robot().see(1, brightness=5.0, contrast=3.0).finding.kind == 'dark'
    assert Robot().see(1, saturated_share=0.99).finding.kind == 'saturated'


def test_a_camera_that_freezes_is_told_but_not_a_scene_that_never_moved() -> None:
    robot = Robot()
    assert robot.see(35).finding.level == Level.OK
    assert robot.see(9, still=True).finding.level == Level.OK
    found = robot.see(2, still=True).finding
    assert found.kind == 'frozen' and '11.0 s (limit 10.0 s)' in found.sentence
    assert robot.see(1).finding.level == Level.OK

    scene = Robot()
    look = scene.see(100, still=True)
    assert look.finding.level == Level.OK
    assert dict(look.values)['unchanged [s]'] == pytest.approx(99.9)
    assert scene.see(1).finding.level == Level.OK  # a robot that moves once in a while
    assert scene.see(30, still=True).finding.level == Level.OK


def test_nothing_is_frozen_in_simulated_time_or_where_it_is_off() -> None:
    for robot in (Robot(simulated=True), Robot(frozen_s=0.0)):
        robot.see(35)
        assert robot.see(60, still=True).finding.level == Level.OK


def test_each_stream_has_its_own_judgment_and_keys_that_stay() -> None:
    robot = Robot()
    robot.see(35, stream='front')
    robot.see(35, stream='rear', brightness=30.0)
    robot.see(3, stream='rear', brightness=30.0)
    look = robot.see(3, stream='front', brightness=20.0)
    assert kinds(look) == {'dark'}
    assert look.finding.sentence.startswith('front brightness 20')
    values = dict(look.values)
    assert values['rear: usual brightness'] == pytest.approx(30.0)
    assert values['front: black [%]'] == pytest.approx(1.0)
    robot.content.begin(robot.now_ns)
    again = robot.content.look(robot.now_ns)
    assert [key for key, _ in again.values] == [key for key, _ in look.values]
    assert {value for _, value in again.values} == {None}
    idle = idle_look(robot.content, 'inactive', robot.now_ns)
    assert idle.finding == Finding('content', Level.OK, 'inactive')


def test_a_slow_stream_keeps_its_judgment_until_it_is_silent() -> None:
    robot = Robot()
    robot.see(1, black_share=1.0)
    assert robot.content.look(robot.now_ns + 5 * S).finding.kind == 'black'
    assert robot.content.look(robot.now_ns + 15 * S).finding.level == Level.OK


def test_a_sensor_that_loses_half_its_points_is_told() -> None:
    robot = Robot()
    for _ in range(40):
        robot.now_ns += S
        robot.show('', {'depth: valid_share': 0.8, 'depth: content_hash': float(robot.now_ns)})
        assert robot.content.look(robot.now_ns).finding.level == Level.OK
    robot.now_ns += S
    robot.show('', {'depth: valid_share': 0.4})
    found = robot.content.look(robot.now_ns).finding
    assert found.kind == 'points'
    assert found.sentence.startswith('depth 40% of the distances are valid, below 48% (usual 80%)')


def test_numbers_that_are_not_finite_and_channels_that_are_stuck_are_named() -> None:
    robot, rng = Robot(), np.random.default_rng(0)
    names = ('gyro.x', 'gyro.y', 'gyro.z', 'gripper')

    def turn(seconds: int, *stuck: int, nan_share: float = 0.0) -> Finding:
        for _ in range(seconds * HZ):
            robot.now_ns += S // HZ
            row = rng.normal(size=4)
            row[3] = 0.5  # rests, as it always did
            row[list(stuck)] = 0.25
            frame = Frame(row[None], 'samples', robot.now_ns, names=names)
            measures = {'nan_share': nan_share, 'content_hash': float(robot.now_ns)}
            robot.show('', measures, frame)
        return robot.content.look(robot.now_ns).finding

    assert turn(35).level == Level.OK
    assert turn(9, 1).level == Level.OK
    found = turn(3, 1)
    assert found.kind == 'stuck'
    assert '1 of 4 channels have not changed for 10.0 s' in found.sentence
    assert found.sentence.split(': ')[1].startswith('gyro.y;')
    assert turn(1).level == Level.OK
    found = turn(1, nan_share=0.25)
    assert found.kind == 'nan' and '25.0% of the numbers' in found.sentence
