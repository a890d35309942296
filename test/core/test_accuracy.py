"""What the watch on accuracy makes of results and truths."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from task_samples import SAMPLES

from ml_integration.core.accuracy import Accuracy
from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.datatypes import ModelIdentity, Prediction, Reason, Verdict
from ml_integration.core.findings import Level
from ml_integration.core.rolling_scores import RollingScores
from ml_integration.core.watches import Seen
from ml_integration.ops.classes import Classes
from ml_integration.tasks.classification import Classification

SETTINGS = AccuracySettings(min=0.8, window=40)
MS = 1_000_000


def task() -> Classification:
    model = SAMPLES['classification'].model()
    return Classification(Classification.Settings(), model)


class Node:
    """A watch, and the results and truths that it gets."""

    def __init__(self) -> None:
        self.task: Any = task()
        self.watch = Accuracy(lambda: SETTINGS)
        self.stream = self.watch.open('', self.task, lambda topic, message: message)
        self.stream.expects = True
        self.labels = SAMPLES['classification'].labels

    def result(self, stamp_ms: int, class_id: int, ok: bool = True, lent: bool = False) -> None:
        found = Classes(np.array([class_id], np.int32), np.ones(1, np.float32))
        verdict = Verdict() if ok else Verdict((Reason('wrong', ''),))
        made = Prediction(stamp_ms * MS, '', {}, ModelIdentity('m', 1), found, verdict, {})
        pipeline: Any = SimpleNamespace(task=self.task, reference=None)
        self.watch.take(Seen('', 0, {}, {}, made, pipeline, lent))

    def truth(self, stamp_ms: int, class_id: int) -> None:
        said = SimpleNamespace(class_id=self.labels[class_id], score=1.0)
        message = SimpleNamespace(results=[said])
        self.stream.truth(stamp_ms * MS, 'classification', message, 10, SETTINGS)

    def values(self) -> dict[str, Any]:
        self.stream.work(lambda topic, message: message, SETTINGS)
        return dict(self.watch.look(0).values)


@pytest.fixture
def node() -> Node:
    return Node()


def test_accuracy_is_the_share_of_right_ones_and_a_low_one_warns(node: Node) -> None:
    for number in range(20):
        node.result(number, number % 2)
        node.truth(number, 1)
    values = node.values()
    assert (values['top-1 accuracy'], values['pairs']) == ('0.5', 20)
    found = node.watch.look(0).finding
    assert (found.level, found.kind) == (Level.WARN, 'score')


def test_somebody_else_may_hear_of_each_truth(node: Node) -> None:
    heard: list[Any] = []
    node.watch.truth('', MS, 'classification', 'first', 10)
    node.watch.listener = SimpleNamespace(truth=lambda *told: heard.append(told))
    node.watch.truth('', 2 * MS, 'classification', 'second', 10)
    assert heard == [('', 2 * MS, 'classification', 'second', 10)]
    assert node.values()['truths'] == 2
    assert node.watch.expects('') and not node.watch.expects('rear')


def test_a_candidate_that_is_tried_does_not_make_it_begin_anew(node: Node) -> None:
    for number in range(20):
        node.result(number, 1)
        node.truth(number, 1)
        serving, node.task = node.task, task()
        node.result(100 * number, 0, lent=True)
        node.task = serving
        node.values()
    assert (node.values()['top-1 accuracy'], node.values()['pairs']) == ('1', 20)


def test_what_was_held_back_is_counted_and_not_scored(node: Node) -> None:
    node.result(1, 1, ok=False)
    node.truth(1, 1)
    values = node.values()
    assert (values['held back'], values['pairs'], values['refused']) == (1, 0, 0)


def test_another_model_begins_anew_and_what_is_late_for_the_old_one_is_skipped(
    node: Node,
) -> None:
    for number in range(3):
        node.result(number, 0)
    node.truth(0, 1)
    assert node.values()['top-1 accuracy'] == '0'
    node.task = task()
    node.result(3, 1)
    node.truth(1, 1)
    values = node.values()
    assert (values['top-1 accuracy'], values['pairs'], values['skipped']) == (None, 0, 1)
    node.truth(3, 1)
    values = node.values()
    assert (values['top-1 accuracy'], values['pairs']) == ('1', 1)


def test_what_comes_while_scores_are_summed_up_is_work_that_waits(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    sum_up = RollingScores.scores

    def slowly(rolling: RollingScores) -> Any:
        monkeypatch.undo()
        node.result(2, 1)
        node.truth(2, 1)
        return sum_up(rolling)

    monkeypatch.setattr(RollingScores, 'scores', slowly)
    node.result(1, 1)
    node.truth(1, 1)
    node.stream.work(lambda topic, message: message, SETTINGS)
    assert (node.stream.known.pairs, node.stream.has_work) == (1, True)
    assert (node.values()['pairs'], node.stream.has_work) == (2, False)


def test_best_classes_that_flip_for_a_frame_flicker(node: Node) -> None:
    for number, class_id in enumerate((0, 0, 1, 0, 0, 1, 1, 1)):
        node.result(number, class_id)
    assert node.values()['flicker'] == f'{1 / 6:.4f}'
