"""What is certain takes back at once, on the very pair; what both models do is nobody's fault."""

from __future__ import annotations

from dataclasses import replace

from paired_streams import FINE, Robot, S

from ml_integration.core.rollout.judgment import Stage, Verdict
from ml_integration.core.rollout.pair import Pair, Side

NOT_FINITE = Side(10.0, False, kind='not_finite')
INVALID = Side(10.0, False, kind='out_of_range')
FAILED = Side(float('nan'), False, error='DeadlineError')


def shown(*sides: tuple[Side | None, Side | None]) -> list[str]:
    """What is certain after each pair of the stable model's side and the candidate's."""
    judge, found = Robot().judge, []
    for at, (stable, candidate) in enumerate(sides):
        judgment = judge.add(Pair('', at, at, stable, candidate))
        found.append(judgment.reason if judgment is not None else '')
    return found


def test_a_result_that_is_not_finite_takes_back_on_the_very_pair() -> None:
    judgment = Robot().judge.add(Pair('', 0, 1, FINE, NOT_FINITE))
    assert judgment is not None
    assert (judgment.verdict, judgment.hard) == (Verdict.ROLL_BACK, True)
    assert judgment.reason == 'a result is not finite'
    assert shown((None, NOT_FINITE)) == ['a result is not finite']


def test_an_input_that_makes_both_not_finite_is_no_fault() -> None:
    assert shown((NOT_FINITE, NOT_FINITE), (NOT_FINITE, FINE)) == ['', '']


def test_ten_failures_in_a_row_are_certain() -> None:
    found = shown(*[(FINE, FAILED)] * 10)
    assert found[:9] == [''] * 9
    assert found[9] == ('10 frames in a row failed (DeadlineError), and none of the stable model')
    assert not any(shown(*[*[(FINE, INVALID)] * 9, (FINE, FINE)] * 3))


def test_failures_in_a_row_count_across_frames_that_others_had() -> None:
    found = shown(*[(FINE, None), (None, INVALID)] * 10)
    assert found[-1].startswith('10 frames in a row failed (out_of_range)')


def test_a_good_camera_does_not_hide_another_one() -> None:
    judge = Robot().judge
    for at in range(9):
        assert judge.add(Pair('front', at, at, FINE, FINE)) is None
        assert judge.add(Pair('rear', at, at, FINE, FAILED)) is None
    judgment = judge.add(Pair('rear', 10, 10, FINE, FAILED))
    assert judgment is not None and judgment.reason.startswith('10 frames in a row failed')


def test_failures_of_both_are_no_fault() -> None:
    assert not any(shown(*[(FAILED, FAILED)] * 30))
    assert not any(shown(*[(None, FAILED)] * 30))  # nobody knows better
    assert not any(shown(*[*[(None, FAILED)] * 9, (FAILED, None)] * 3))


def test_missed_deadlines_for_five_seconds_take_back() -> None:
    judgment = Robot(stage=Stage.CANARY, late=1.0).run(60)
    assert judgment.hard
    assert judgment.reason == 'missed deadlines 100% instead of 0% for 5 s (limit 2 x)'
    assert 5 <= judgment.seconds <= 6


def test_deadlines_that_both_miss_take_nothing_back() -> None:
    robot = Robot(stage=Stage.CANARY, late=1.0, stable=lambda side: replace(side, late=True))
    assert robot.run(30).verdict is Verdict.HOLD


def test_memory_above_the_budget_takes_back_at_once() -> None:
    judge = Robot().judge
    assert judge.add_memory(900.0, 1000.0, S) is None
    judgment = judge.add_memory(1001.0, 1000.0, 2 * S)
    assert judgment is not None
    assert judgment.reason == 'memory 1001 MB (budget 1000 MB)'
    assert Robot().judge.add_memory(1001.0, 0.0, S) is None
