"""What is as good goes on, what is worse is taken back, and what is not known is neither."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from paired_streams import FINE, HZ, Robot, S, of

from ml_integration.core.rollout.judgment import Stage, Verdict
from ml_integration.core.rollout.pair import Pair, Side, Told, TruthScores
from ml_integration.core.rollout.settings import RolloutSettings


def test_an_identical_candidate_advances_as_soon_as_the_minimum_is_reached() -> None:
    judgment = Robot().run(120)
    assert judgment.verdict is Verdict.ADVANCE
    assert judgment.seconds == 60.0
    assert 'disagreement 0 (limit 0.15, n = 1799)' in judgment.reason


def test_both_minima_count() -> None:
    few_frames = Robot(RolloutSettings(minimum_frames=3000)).run(90)
    assert few_frames.verdict is Verdict.HOLD
    assert few_frames.reason == '2700 of 3000 frames, 60 of 60 s'
    assert Robot(RolloutSettings(minimum_s=100.0)).run(90).verdict is Verdict.HOLD


def test_the_sentence_has_number_limit_and_count() -> None:
    judgment = Robot(disagreement=lambda rng: 0.62 * rng.random()).run(120)
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith('disagreement 0.3')
    assert judgment.reason.endswith(f'(limit 0.15, n = {judgment.evidence[0].n})')


def test_every_decision_carries_its_evidence() -> None:
    judgment = Robot(disagreement=lambda rng: 0.62 * rng.random()).run(120)
    evidence = judgment.evidence[0]
    assert evidence.criterion == 'disagreement'
    assert evidence.limit == 0.15 < evidence.low < evidence.value < evidence.high
    assert evidence.candidate == evidence.value
    assert evidence.seconds == judgment.seconds
    assert evidence.n == round(judgment.seconds) * HZ - 1  # one more is in the next second
    assert {one.criterion for one in judgment.evidence} == {
        'latency', 'errors', 'invalid results', 'disagreement', 'score',
        'useful results', 'memory',
    }  # fmt: skip


@pytest.mark.parametrize(
    ('robot', 'says'),
    [
        (Robot(stage=Stage.CANARY, slower=2.0), 'latency p99'),
        (Robot(invalid=0.1), 'invalid results'),
        (Robot(errors=0.1), 'errors'),
        (Robot(stage=Stage.CANARY, late=0.08), 'missed deadlines'),
        (Robot(disagreement=lambda rng: 0.5), 'disagreement 0.5 '),
        (Robot(disagreement=lambda rng: math.inf), 'disagreement 1 '),  # nothing in common
    ],
)
def test_what_is_worse_is_taken_back(robot: Robot, says: str) -> None:
    judgment = robot.run(60)
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith(says)
    assert judgment.seconds < 60


def test_a_candidate_at_the_limit_is_held_with_both_numbers() -> None:
    robot = Robot(disagreement=lambda rng: 0.3 * rng.random())
    judgment = robot.run(200)
    assert judgment.verdict is Verdict.HOLD
    assert judgment.reason.startswith('not sure yet: disagreement 0.1')
    assert '(limit 0.15, n = ' in judgment.reason
    low, high = next(
        (one.low, one.high) for one in judgment.evidence if one.criterion == 'disagreement'
    )
    assert low < 0.15 < high


def test_no_data_is_never_a_pass() -> None:
    robot = Robot(skipped=1.0)
    assert robot.run(200).reason == '0 of 1000 frames, 60 of 60 s'
    blind = Robot(disagreement=lambda rng: None).run(200)
    assert blind.verdict is Verdict.HOLD
    assert blind.reason.startswith('nothing tells whether its results are good')


def test_what_stays_undecided_is_for_a_person() -> None:
    robot = Robot(RolloutSettings(longest_s=100.0), skipped=1.0)
    judgment = robot.run(200)
    assert judgment.verdict is Verdict.HALT
    assert judgment.reason == 'no decision in 100 s: 0 of 1000 frames, 60 of 60 s'


def test_in_shadow_only_pairs_count_so_that_skipped_frames_favor_nobody() -> None:
    robot = Robot(skipped=0.5)
    judgment = robot.run(60)
    latency = next(one for one in judgment.evidence if one.criterion == 'latency')
    assert latency.n < 0.6 * 60 * HZ


def test_spare_time_says_little_of_latency_and_takes_nothing_back() -> None:
    assert Robot(slower=2.0).run(60).verdict is Verdict.ADVANCE
    held = Robot(slower=4.0, late=0.5).run(100)
    assert held.verdict is Verdict.HOLD
    assert 'in spare time' in held.reason


def test_latency_of_spare_time_does_not_count_in_a_canary() -> None:
    robot = Robot(stage=Stage.CANARY)
    for pair in robot.pairs(90):
        robot.judge.add(
            Pair('', 0, pair.now_ns, FINE, Side(99.0, True, late=True, spare=True), 0.0)
        )
    judgment = robot.judge.judge(robot.now_ns)
    assert judgment.verdict is Verdict.HOLD
    assert judgment.reason == '0 of 1000 frames, 60 of 60 s'
    assert of(judgment, 'latency') == of(judgment, 'missed deadlines') == 'no data'


def test_each_frame_may_be_in_one_model_only() -> None:
    robot = Robot(stage=Stage.CANARY)
    for at, pair in enumerate(robot.pairs(90)):
        mine = at % 4 == 0
        robot.judge.add(Pair('', 0, pair.now_ns, None if mine else FINE, FINE if mine else None))
    assert robot.judge.judge(robot.now_ns).reason.startswith('675 of 1000 frames')
    slow = Robot(stage=Stage.CANARY)
    for at, pair in enumerate(slow.pairs(90)):
        mine = at % 4 == 0
        side = Side(21.0, True) if mine else FINE
        slow.judge.add(Pair('', 0, pair.now_ns, None if mine else side, side if mine else None))
        slow.judge.judge(slow.now_ns)
    judgment = slow.judge.judge(slow.now_ns)
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith('latency p99 2')


def with_truth(stable: float, candidate: float, higher: bool = True, apart: float = 0.4) -> Robot:
    """After 90 s, with scores once a second that differ for both alike."""
    robot = Robot(disagreement=lambda rng: apart * rng.random())
    for pair in robot.pairs(90):
        robot.judge.add(pair)
        if robot.frame % HZ == 0:
            scene = robot.rng.uniform(0.8, 1.2)
            own = robot.rng.uniform(0.98, 1.02)
            robot.judge.add_scores(
                TruthScores(stable * scene, candidate * scene * own, 10, higher, 'mAP50'),
                robot.now_ns,
            )
            if robot.judge.judge(robot.now_ns).verdict is Verdict.ROLL_BACK:
                break
    return robot


def test_truth_takes_back_what_finds_half() -> None:
    robot = with_truth(0.8, 0.4)
    judgment = robot.judge.judge(robot.now_ns)
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith('mAP50 0.')
    assert 'limit -0.02' in judgment.reason
    assert judgment.seconds < 20


def test_truth_decides_whether_another_result_is_a_better_one() -> None:
    better = with_truth(0.7, 0.8)
    assert better.judge.judge(better.now_ns).verdict is Verdict.ADVANCE
    unknown = Robot(disagreement=lambda rng: 0.4 * rng.random()).run(90)
    assert unknown.verdict is Verdict.ROLL_BACK


def test_what_truth_has_allowed_is_no_reason_later() -> None:
    robot = with_truth(0.7, 0.8)
    robot.begin(Stage.CANARY)
    assert robot.run(90).verdict is Verdict.ADVANCE
    robot.begin(Stage.CANARY)
    robot.disagreement = lambda rng: rng.random()
    assert robot.run(90).verdict is Verdict.ROLL_BACK


def test_what_a_person_accepts_is_no_reason_later() -> None:
    robot = Robot(disagreement=lambda rng: 0.4 * rng.random())
    for pair in robot.pairs(5):
        robot.judge.add(pair)
    robot.judge.judge(robot.now_ns)
    robot.judge.accept()
    robot.begin(Stage.WATCH)
    assert robot.run(90).verdict is Verdict.HOLD


def test_what_was_accepted_of_one_candidate_holds_for_no_other_one() -> None:
    robot = Robot(disagreement=lambda rng: 0.4 * rng.random())
    for pair in robot.pairs(5):
        robot.judge.add(pair)
    robot.judge.judge(robot.now_ns)
    robot.judge.accept()
    robot.begin(Stage.SHADOW)
    assert robot.run(120).verdict is Verdict.ROLL_BACK


def test_an_error_is_worse_when_it_is_larger() -> None:
    worse = with_truth(0.5, 0.6, higher=False)
    judgment = worse.judge.judge(worse.now_ns)
    assert judgment.verdict is Verdict.ROLL_BACK
    assert '1.20 x (limit 1.05 x' in judgment.reason
    better = with_truth(0.5, 0.45, higher=False)
    assert better.judge.judge(better.now_ns).verdict is Verdict.ADVANCE


def test_a_slightly_worse_score_does_not_pass() -> None:
    robot = with_truth(0.80, 0.77, apart=0.0)
    assert robot.judge.judge(robot.now_ns).verdict is not Verdict.ADVANCE


def test_nothing_passes_without_scores_where_truth_comes() -> None:
    robot = Robot()
    robot.judge.await_truth(True)
    judgment = robot.run(100)
    assert judgment.verdict is Verdict.HOLD
    assert judgment.reason == 'score: not enough data (n = 0)'
    robot.judge.await_truth(False)
    assert robot.run(1).verdict is Verdict.ADVANCE


def test_disagreement_waits_for_the_truth_that_comes() -> None:
    robot = Robot(disagreement=lambda rng: 0.3 + 0.2 * rng.random())
    robot.judge.await_truth(True)
    judgment = robot.run(30)
    assert judgment.verdict is Verdict.HOLD
    for pair in robot.pairs(60):
        robot.judge.add(pair)
        if robot.frame % (2 * HZ) == 0:
            robot.judge.add_scores(TruthScores(0.7, 0.75, 50), robot.now_ns)
            judgment = robot.judge.judge(robot.now_ns)
    assert judgment.verdict is Verdict.ADVANCE


def test_scores_that_nobody_could_make_say_nothing() -> None:
    robot = Robot()
    robot.judge.add_scores(TruthScores(0.8, math.nan, 10), 0)
    assert of(robot.run(60), 'score') == 'no data'


def told_of(candidate: float) -> Robot:
    robot = Robot()
    counts = [[1000, 1000], [5, 5]]  # from earlier days
    for pair in robot.pairs(90):
        robot.judge.add(pair)
        if robot.frame % 3 == 0:
            for side, share in enumerate((0.9, candidate)):
                counts[side][0] += robot.rng.random() < share
                counts[side][1] += 1
        if robot.frame % HZ == 0:
            robot.judge.add_outcomes(Told(*counts[0]), Told(*counts[1]), robot.now_ns)
            robot.judge.judge(robot.now_ns)
    return robot


def test_a_camera_that_sees_nothing_makes_nobody_agree() -> None:
    robot = Robot()
    for number, pair in enumerate(robot.pairs(120)):
        apart, weight = (0.0, 0.0) if number % 10 else (0.2 + 0.2 * robot.rng.random(), 3.0)
        robot.judge.add(replace(pair, disagreement=apart, weight=weight))
        if robot.frame % HZ == 0 and robot.judge.judge(robot.now_ns).verdict is not Verdict.HOLD:
            break
    judgment = robot.judge.judge(robot.now_ns)
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith('disagreement 0.3')


def test_where_nothing_is_ever_seen_nothing_passes() -> None:
    robot = Robot()
    for pair in robot.pairs(200):
        robot.judge.add(replace(pair, weight=0.0))
    judgment = robot.judge.judge(robot.now_ns)
    assert judgment.verdict is Verdict.HOLD
    assert judgment.reason.startswith('nothing tells whether its results are good')


def test_outcomes_since_the_rollout_count() -> None:
    assert told_of(0.97).judge.judge(90 * S).verdict is Verdict.ADVANCE
    judgment = told_of(0.5).judge.judge(90 * S)
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith('useful results 4') or 'useful results 5' in judgment.reason
    assert '(limit -5.0%' in judgment.reason


def test_measuring_that_fails_is_no_fault_of_the_candidate() -> None:
    robot = Robot()
    for _ in range(3):
        assert robot.judge.problem('score', 'the scorer raised ValueError', S) is None
    robot.judge.add_scores(TruthScores(0.8, 0.8, 3), S)
    for _ in range(3):
        assert robot.judge.problem('score', 'the scorer raised ValueError', S) is None
    judgment = robot.judge.problem('score', 'the scorer raised ValueError', 2 * S)
    assert judgment is not None
    assert judgment.verdict is Verdict.HALT
    assert judgment.reason == (
        'score could not be measured 4 times in a row: the scorer raised ValueError'
    )


def test_a_comparison_that_gives_no_number_is_a_failure_of_measuring() -> None:
    robot = Robot(disagreement=lambda rng: math.nan)
    judgment = robot.run(10)
    assert judgment.verdict is Verdict.HALT
    assert judgment.reason.startswith('disagreement could not be measured 4 times in a row')


def test_a_fault_outweighs_what_was_halted() -> None:
    robot = Robot()
    for _ in range(4):
        robot.judge.problem('memory', 'nobody tells', S)
    assert robot.judge.fault('its run hangs', S).verdict is Verdict.ROLL_BACK
    assert robot.judge.judge(2 * S).reason == 'its run hangs'


def test_a_stage_begins_with_nothing_of_the_candidate() -> None:
    robot = Robot(invalid=1.0)
    assert robot.run(60).verdict is Verdict.ROLL_BACK
    robot.begin(Stage.CANARY)
    robot.invalid = 0.0
    assert robot.run(90).verdict is Verdict.ADVANCE


def test_a_stable_model_that_sees_nothing_any_more_is_remembered() -> None:
    robot = Robot(RolloutSettings(watch_s=100.0), Stage.CANARY)
    assert robot.run(90).verdict is Verdict.ADVANCE
    robot.begin(Stage.WATCH)
    robot.stable = lambda side: None
    assert robot.run(200).verdict is Verdict.ADVANCE
    robot.begin(Stage.WATCH)
    robot.slower = 4.0
    assert robot.run(200).reason.startswith('latency p99 ')


def test_the_watch_lasts_and_takes_back_meanwhile() -> None:
    robot = Robot(RolloutSettings(watch_s=100.0), Stage.WATCH)
    assert robot.run(80).reason == '1000 of 1000 frames, 80 of 100 s'
    assert robot.run(30).verdict is Verdict.ADVANCE


def test_what_was_good_for_long_and_becomes_bad_is_taken_back() -> None:
    robot = Robot(RolloutSettings(watch_s=3600.0), Stage.WATCH)
    robot.run(300)
    robot.errors = 0.3
    judgment = robot.run(150)
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith('errors ')
    assert judgment.reason.endswith(' in the last minute')
