"""Both models of a rollout are scored on the same observations, by the labels of the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from std_msgs.msg import Header
from task_samples import SAMPLES

from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.datatypes import ModelDescription, ModelIdentity, Prediction, Verdict
from ml_integration.core.declaration import build
from ml_integration.core.rollout.judge import RolloutJudge
from ml_integration.core.rollout.judgment import Judgment, Stage
from ml_integration.core.rollout.judgment import Verdict as Decision
from ml_integration.core.rollout.pair import Pair, Side, TruthScores
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.ops.class_numbers import renumbered
from ml_integration.ops.detections import Detections
from ml_integration.ros.messages.message_types import message_type
from ml_integration.serving.rollout_truth import RolloutTruth
from ml_integration.serving.scored_blocks import BLOCK, FEWEST, GIVEN_UP_NS, LONGEST_NS
from ml_integration.tasks.object_detection import ObjectDetection

S, MS = 1_000_000_000, 1_000_000
LABELS = ('car', 'man', 'dog')
HZ = 10


def described(labels: tuple[str, ...], version: int) -> ModelDescription:
    sample = SAMPLES['object_detection'].model()
    return ModelDescription(
        ModelIdentity('m', version), labels, sample.inputs, sample.outputs, sample.pictures
    )


def detector(labels: tuple[str, ...], version: int) -> Any:
    model = described(labels, version)
    settings = build(ObjectDetection.Settings, SAMPLES['object_detection'].settings, 'test')
    return SimpleNamespace(task=ObjectDetection(settings, model), model=model)


def objects(*rows: tuple[int, float], shift: float = 0.0) -> Detections:
    """Squares of 40 px: class and left edge."""
    left = np.array([left for _, left in rows], np.float32).reshape(-1, 1) + np.float32(shift)
    xyxy = np.concatenate([left, 0 * left, left + 40, 0 * left + 40], axis=1)
    count = len(rows)
    scores = np.full(count, 0.9, np.float32)
    return Detections(xyxy, scores, np.array([c for c, _ in rows], np.int32), count)


@dataclass
class Bench:
    """Truth of results that are made up."""

    candidate_labels: tuple[str, ...] = LABELS
    truth_labels: tuple[str, ...] = LABELS
    expected: bool = True
    read: Callable[[str, Any], Any] = lambda topic, message: message
    got: list[TruthScores] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.models = detector(LABELS, 1), detector(self.candidate_labels, 2)
        self.teller = detector(self.truth_labels, 3)
        self.truth = RolloutTruth(self, lambda: AccuracySettings())

    def expects(self, stream: str) -> bool:
        return self.expected

    def see(self, stamp_ms: int, stable: Any, candidate: Any, stream: str = '') -> None:
        both = [
            Prediction(stamp_ms * MS, '', {}, one.model.identity, found, Verdict(), {})
            for one, found in zip(self.models, (stable, candidate), strict=True)
        ]
        self.truth.take(stream, self.models, *both)

    def tell(self, stamp_ms: int, true: Any, stream: str = '') -> None:
        made = Prediction(stamp_ms * MS, '', {}, self.teller.model.identity, true, Verdict(), {})
        ((topic, message),) = self.teller.task.encode(made, Header(), message_type)
        self.truth.truth(stream, stamp_ms * MS, topic, message, 100)

    def block(self, stable: Any, candidate: Any, true: Any) -> TruthScores:
        """Shows the same a whole block long."""
        for stamp_ms in range(BLOCK):
            self.see(stamp_ms, stable, candidate)
            self.tell(stamp_ms, true)
        (found,) = self.truth.scores(S)
        return found


THREE = objects((0, 0), (1, 100), (2, 200))


def test_both_are_scored_a_block_at_a_time() -> None:
    bench = Bench()
    found = bench.block(THREE, objects((0, 0), (1, 100)), THREE)
    assert (found.stable, found.candidate) == (1.0, pytest.approx(2 / 3))
    assert (found.frames, found.name, found.higher_is_better) == (BLOCK, 'mAP50-95', True)
    assert list(bench.truth.scores(S)) == []


def test_shuffled_labels_lose_all_of_it() -> None:
    found = Bench(('man', 'dog', 'car')).block(THREE, THREE, THREE)
    assert (found.stable, found.candidate) == (1.0, 0.0)
    # The same objects with the same labels under other numbers are as good.
    turned = objects((2, 0), (0, 100), (1, 200))
    found = Bench(('man', 'dog', 'car')).block(THREE, turned, THREE)
    assert (found.stable, found.candidate) == (1.0, 1.0)


def test_a_candidate_that_knows_more_labels_gets_them_counted_and_one_that_knows_fewer_too() -> (
    None
):
    more = (*LABELS, 'cow')
    true = objects((0, 0), (1, 100), (2, 200), (3, 300))
    found = Bench(more, more).block(THREE, true, true)
    assert (found.stable, found.candidate) == (pytest.approx(3 / 4), 1.0)
    found = Bench(LABELS[:2]).block(THREE, objects((0, 0), (1, 100)), THREE)
    assert (found.stable, found.candidate) == (1.0, pytest.approx(2 / 3))


def test_a_truth_that_no_model_could_say_is_refused_and_said() -> None:
    bench = Bench(truth_labels=('car', 'man', 'unicorn'))
    bench.see(1, THREE, THREE)
    bench.tell(1, THREE)
    assert list(bench.truth.scores(S)) == []
    assert bench.truth.refused == 1 and 'unicorn' in bench.truth.sentence


def test_few_observations_make_a_block_when_they_have_waited_long() -> None:
    bench = Bench()
    for stamp_ms in range(FEWEST):
        bench.see(stamp_ms, THREE, THREE)
        bench.tell(stamp_ms, THREE)
    assert list(bench.truth.scores(S)) == []
    (found,) = bench.truth.scores(S + LONGEST_NS)
    assert found.frames == FEWEST


def test_truth_comes_while_there_are_blocks_or_one_is_begun_and_not_after_few_in_long() -> None:
    bench = Bench()
    assert not bench.truth.comes(0)
    bench.see(1, THREE, THREE)
    assert not bench.truth.comes(0)
    bench.tell(1, THREE)
    assert list(bench.truth.scores(S)) == [] and bench.truth.comes(S)
    assert list(bench.truth.scores(S + GIVEN_UP_NS)) == []
    assert not bench.truth.comes(S + GIVEN_UP_NS)
    bench.block(THREE, THREE, THREE)
    assert bench.truth.comes(GIVEN_UP_NS) and not bench.truth.comes(S + GIVEN_UP_NS)


def test_a_truth_may_come_before_the_result_and_cameras_do_not_mix() -> None:
    bench = Bench()
    bench.see(0, objects(), objects(), 'rear')
    bench.see(0, THREE, THREE, 'front')
    for stamp_ms in range(1, BLOCK + 1):
        bench.tell(stamp_ms, THREE, 'front')
        bench.tell(stamp_ms, objects(), 'rear')  # there is nothing behind the robot
        bench.see(stamp_ms, THREE, THREE, 'front')
        bench.see(stamp_ms, objects(), objects(), 'rear')
    found = list(bench.truth.scores(S))
    assert [(one.stable, one.candidate, one.frames) for one in found] == [(1.0, 1.0, BLOCK)] * 2


def test_what_the_next_run_writes_over_is_copied() -> None:
    bench = Bench()
    for stamp_ms in range(BLOCK):
        result = objects((0, 0), (1, 100))
        bench.see(stamp_ms, result, result)
        result.xyxy[:] = 7
        bench.tell(stamp_ms, objects((0, 0), (1, 100)))
    (found,) = bench.truth.scores(S)
    assert (found.stable, found.candidate) == (1.0, 1.0)


def test_other_models_begin_anew() -> None:
    bench = Bench()
    for stamp_ms in range(BLOCK - 1):
        bench.see(stamp_ms, THREE, THREE)
        bench.tell(stamp_ms, THREE)
    assert list(bench.truth.scores(S)) == []
    bench.models = bench.models[0], detector(LABELS, 9)
    bench.see(BLOCK, THREE, THREE)
    bench.tell(BLOCK, THREE)
    assert list(bench.truth.scores(S)) == []


def test_nothing_waits_when_both_are_closed() -> None:
    bench = Bench()
    bench.see(1, THREE, THREE)
    bench.tell(1, THREE)
    bench.truth.end()
    assert list(bench.truth.scores(S)) == [] and not bench.truth.comes(S)
    bench.tell(2, THREE)
    found = bench.block(THREE, THREE, THREE)
    assert found.frames == BLOCK


def rolled_out(slips: float, other_slips: float) -> Judgment:
    """Judges a candidate whose boxes slip by so many px [standard deviation], in shadow."""
    rng, bench = np.random.default_rng(3), Bench()
    judge = RolloutJudge(lambda: RolloutSettings(minimum_frames=400))
    judge.begin(Stage.SHADOW, 0)
    judgment = judge.judge(0)
    side = Side(10.0, True, spare=True)
    for frame in range(1, 110 * HZ):
        now_ns = frame * S // HZ
        judge.add(Pair('', now_ns, now_ns, side, side, 0.05))
        stamp_ms = frame * 33
        common, own, other = rng.normal(0, 1, 3)
        shifts = [common + own * slips, common + other * other_slips]
        bench.see(stamp_ms, *(objects((frame % 3, 50), shift=shift) for shift in shifts))
        bench.tell(stamp_ms, objects((frame % 3, 50)))
        if frame % HZ == 0:
            for scores in bench.truth.scores(now_ns):
                judge.add_scores(scores, now_ns)
            judgment = judge.judge(now_ns)
            if judgment.verdict is not Decision.HOLD:
                break
    return judgment


def test_one_that_is_slightly_worse_is_not_promoted_and_a_better_one_is() -> None:
    assert rolled_out(3.0, 2.0).verdict is Decision.ADVANCE
    worse = rolled_out(2.0, 2.4)
    score = next(one for one in worse.evidence if one.criterion == 'score')
    assert 0.015 < score.value < 0.045  # about 0.03
    assert worse.verdict is not Decision.ADVANCE


@pytest.mark.parametrize(
    ('of', 'to', 'numbers'),
    [
        (('a', 'b'), ('a', 'b'), [0, 1, 1]),
        (('a', 'b'), ('b', 'c'), [2, 0, 0]),
        ((), ('a', 'b'), [2, 3, 3]),
        (('0', '1'), (), [0, 1, 1]),
    ],
)
def test_numbers_are_those_of_the_same_label(
    of: tuple[str, ...], to: tuple[str, ...], numbers: list[int]
) -> None:
    found = renumbered(np.array([0, 1, 1], np.int32), described(of, 1), described(to, 2))
    assert found.tolist() == numbers
