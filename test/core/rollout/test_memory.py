"""A leak is taken back; memory that goes up once or comes back is none."""

from __future__ import annotations

import math

import pytest
from paired_streams import HZ, Robot, S

from ml_integration.core.rollout.judgment import Verdict
from ml_integration.core.rollout.memory import MemoryOfStage


def says(megabytes: list[float]) -> str:
    """What is said after some seconds of memory."""
    memory = MemoryOfStage()
    for second, mb in enumerate(megabytes):
        memory.take(mb, 64.0, second * S)
    return memory.evidence(64.0, len(megabytes)).says.value


@pytest.mark.parametrize(
    ('megabytes', 'expected'),
    [
        ([500.0] * 15, 'no data'),
        ([500.0] * 90, 'fine'),
        ([500.0 + 2 * second for second in range(90)], 'worse'),
        ([500.0 + 600 * (second % 9 == 0) for second in range(90)], 'fine'),  # given back
        ([500.0 + 60 * (second > 40) for second in range(90)], 'fine'),  # once, and little
        ([500.0 + 100 * (second > 60) for second in range(82)], 'marginal'),
        ([100.0 * min(second, 5) for second in range(90)], 'fine'),  # as it begins
    ],
)
def test_growth(megabytes: list[float], expected: str) -> None:
    assert says(megabytes) == expected


def test_a_leak_is_taken_back_with_numbers() -> None:
    robot = Robot()
    for pair in robot.pairs(90):
        robot.judge.add(pair)
        if robot.frame % HZ == 0:
            robot.judge.add_memory(500.0 + robot.frame / 10, 0.0, robot.now_ns)
            judgment = robot.judge.judge(robot.now_ns)
            if judgment.verdict is not Verdict.HOLD:
                break
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith('memory ')
    assert '(limit +64 MB' in judgment.reason


def test_memory_that_cannot_be_read_is_a_failure_of_measuring() -> None:
    judge = Robot().judge
    told = [judge.add_memory(math.nan, 0.0, S) for _ in range(4)]
    assert told[:3] == [None] * 3
    assert told[3] is not None
    assert told[3].verdict is Verdict.HALT
