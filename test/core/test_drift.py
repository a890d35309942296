"""The watch for drift says what has moved, by how much and since when, and stays calm else."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ml_integration.core.blocks import REPEATS, BlockMaker, BlockRule
from ml_integration.core.drift import Drift, DriftSettings
from ml_integration.core.drift_reference import Limits, Reference
from ml_integration.core.findings import Level
from ml_integration.core.watches import Look, Seen, idle_look

S = 10**9
HZ = 5
IN_A_ROW = 3


def reference(blocks: int = 300, independent: float = 50.0, sha256: str = 'own') -> Reference:
    limits = Limits(
        np.array([100.0, 0.5]), np.array([2.0, 0.1]), np.full((3, 2), 2.0), np.zeros((3, 2)),
        np.zeros((3, 2)),
        1e-3, IN_A_ROW, independent,
    )  # fmt: skip
    rows = np.zeros((blocks, 2), np.float32)
    return Reference(
        'm@1', sha256, ('brightness', 'count'), rows, BlockRule(1.0, 2), limits, 'data', '1.0'
    )


class Robot:
    """A watch of a node, and what its streams show."""

    def __init__(self, known: Reference | None) -> None:
        self.settings = DriftSettings()
        self.drift = Drift(lambda: self.settings)
        self.drift.begin(0)
        self.now_ns = 0
        self.pipeline = self.serving(known)

    def serving(self, known: Reference | None) -> Any:
        model = SimpleNamespace(identity=SimpleNamespace(sha256='own'))
        return SimpleNamespace(reference=known, model=model)

    def see(
        self, blocks: int, brightness: float = 100.0, count: float = 0.5, stream: str = '',
        ok: bool = True, lent: Any = None,
    ) -> Look:  # fmt: skip
        for _ in range(blocks * HZ):
            self.now_ns += S // HZ
            verdict = SimpleNamespace(ok=ok)
            prediction: Any = SimpleNamespace(stamp_ns=7 * S + self.now_ns, verdict=verdict)
            measures = {'brightness': brightness, 'content_hash': float(self.now_ns)}
            signals = {'count': count}
            self.drift.take(
                Seen(stream, self.now_ns, measures, signals, prediction, self.pipeline)
            )
            if lent is not None:
                self.drift.take(
                    Seen(stream, self.now_ns, measures, signals, prediction, lent, True)
                )
        return self.drift.look(self.now_ns)


def number(look: Look, key: str) -> Any:
    return dict(look.values)[key]


def test_what_moved_is_named_with_numbers_and_gone_with_its_cause() -> None:
    robot = Robot(reference())
    assert robot.see(10).finding.level == Level.OK
    found = robot.see(2 + IN_A_ROW, brightness=88.0)
    assert found.finding.level == Level.WARN
    assert 'brightness 88 instead of 100 (3.0 x its limit)' in found.finding.sentence
    assert 'count' not in found.finding.sentence
    assert number(found, 'moved') == 'brightness'
    assert number(found, 'brightness') == pytest.approx(88.0)
    assert number(found, 'since [s]') <= 2 + IN_A_ROW
    later = robot.see(20, brightness=88.0)
    assert number(later, 'since [s]') == pytest.approx(number(found, 'since [s]') + 20, abs=1)
    assert robot.see(3).finding.level == Level.OK


def test_a_few_bad_blocks_and_those_on_both_sides_are_no_finding() -> None:
    robot = Robot(reference())
    for _ in range(5):
        assert robot.see(IN_A_ROW - 1, brightness=80.0).finding.level == Level.OK
        assert robot.see(IN_A_ROW - 1, brightness=120.0).finding.level == Level.OK


def test_a_candidate_that_is_tried_in_between_changes_nothing() -> None:
    robot = Robot(reference())
    lent = robot.serving(reference())
    robot.see(IN_A_ROW + 1, brightness=90.0, lent=lent)
    assert robot.see(1, brightness=90.0, lent=lent).finding.level is Level.WARN


def test_each_stream_is_compared_for_itself() -> None:
    robot = Robot(reference())
    robot.see(10, stream='front')
    look = robot.see(10, count=2.0, stream='rear')
    assert look.finding.sentence.startswith('rear: count 2 instead of 0.5')
    assert (number(look, 'front: moved'), number(look, 'rear: moved')) == ('', 'count')


def test_keys_stay_when_the_node_is_idle() -> None:
    robot = Robot(reference())
    look = robot.see(10)
    idle = idle_look(robot.drift, 'inactive', robot.now_ns)
    assert [key for key, _ in idle.values] == [key for key, _ in look.values]
    assert all(value is None for _, value in idle.values)


@pytest.mark.parametrize(
    ('known', 'why'),
    [
        (None, 'has no reference'),
        (reference(sha256='other'), 'made with another model, m@1'),
        (reference(blocks=80), 'too short for 1 false alarms per day'),
        (reference(independent=2.0), 'too short'),
        (replace(reference(), names=('brightness', 'mass')), 'there is no mass here'),
    ],
    ids=['none', 'of another model', 'short', 'dependent', 'other signals'],
)
def test_what_is_no_reference_is_told_and_not_used(known: Reference | None, why: str) -> None:
    look = Robot(known).see(20, brightness=0.0)
    assert look.finding.level == Level.OK
    assert why in look.finding.sentence


def test_a_short_reference_serves_who_bears_more_false_alarms() -> None:
    robot = Robot(reference(blocks=80))
    robot.settings = DriftSettings(false_alarms_per_day=24.0)
    assert robot.see(10, brightness=0.0).finding.level == Level.WARN
    robot.settings = DriftSettings(false_alarms_per_day=0.0)
    assert robot.see(10, brightness=0.0).finding.level == Level.OK


def test_another_model_and_another_activation_begin_anew() -> None:
    robot = Robot(reference())
    assert robot.see(10, brightness=0.0).finding.level == Level.WARN
    robot.pipeline = robot.serving(reference())
    assert robot.see(2, brightness=0.0).finding.level == Level.OK
    assert robot.see(10, brightness=0.0).finding.level == Level.WARN
    robot.drift.begin(robot.now_ns)
    assert number(robot.drift.look(robot.now_ns), 'blocks') is None


def test_results_that_are_not_valid_tell_nothing() -> None:
    robot = Robot(reference())
    assert number(robot.see(10, brightness=0.0, ok=False), 'blocks') is None


def test_fewer_false_alarms_take_larger_changes() -> None:
    limits = replace(reference().limits, step=np.full((3, 2), 0.5))
    rare, often = limits.allowed(0.1), limits.allowed(24.0)
    assert (rare > often).all() and (often >= limits.level[0]).all()


def test_a_block_is_the_mean_of_what_was_told() -> None:
    maker, nan = BlockMaker(BlockRule(1.0, 3)), float('nan')
    frames = [(0, 1.0, nan), (S // 2, 3.0, 8.0), (S, 5.0, nan)]  # too few frames after a second
    for stamp_ns, first, second in frames:
        assert maker.add(stamp_ns, {'a': first, 'x: content_hash': 4.0}, {'b': second}) is None
    block = maker.add(2 * S, {'a': 9.0, 'x: content_hash': 4.0}, {'b': nan})
    assert block is not None
    assert block.means == {'a': 3.0, 'b': 8.0, REPEATS: 0.0}
    assert (block.begun_ns, block.frames) == (0, 3)


def test_frames_that_repeat_are_counted_and_a_jump_of_time_begins_anew() -> None:
    maker = BlockMaker(BlockRule(1.0, 1))
    for at in range(10):
        maker.add(5 * S + at * S // 10, {'a': float(at // 5)}, {})
    block = maker.add(6 * S, {'a': 3.0}, {})
    assert block is not None and block.means[REPEATS] == pytest.approx(0.8)
    assert maker.add(S, {'a': 4.0}, {}) is None
    last = maker.add(2 * S, {'a': 4.0}, {})
    assert last is not None and last.means['a'] == 4.0
