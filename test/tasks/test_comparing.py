"""How far two results for the same picture or message are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from task_samples import SAMPLES

from ml_integration.core.datatypes import ModelDescription, ModelIdentity
from ml_integration.core.declaration import build
from ml_integration.ops.classes import Classes, ClassesDifference
from ml_integration.ops.detections import Detections
from ml_integration.tasks.classification import Classification
from ml_integration.tasks.object_detection import ObjectDetection
from ml_integration.tasks.tensor import Tensor

NAMES = ('car', 'man', 'cat', 'dog', 'cow')


def labeled(labels: tuple[str, ...] = NAMES) -> ModelDescription:
    return ModelDescription(ModelIdentity('m', 2), labels, (), ())


def task_of(task: Any, name: str) -> Any:
    sample = SAMPLES[name]
    description = sample.model()
    settings = build(task.Settings, sample.settings, 'test')
    return task(settings, description)


def boxes(*rows: tuple[int, float, float]) -> Detections:
    """Squares of 10 px: class, score and left edge."""
    xyxy = np.array([(left, 0, left + 10, 10) for *_, left in rows], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in rows], np.float32)
    return Detections(xyxy, scores, np.array([c for c, *_ in rows], np.int32), len(rows))


def classes(*rows: tuple[int, float]) -> Classes:
    ids, scores = zip(*rows, strict=True)
    return Classes(np.array(ids, np.int32), np.array(scores, np.float32))


def test_boxes_are_paired_by_place_and_compared_by_name_and_score() -> None:
    task = task_of(ObjectDetection, 'object_detection')  # knows person and car
    first = boxes((1, 0.9, 0), (0, 0.8, 50), (0, 0.5, 90))
    second = boxes((0, 0.6, 0), (3, 0.7, 50), (4, 0.4, 200))
    found = task.compare(first, second, labeled())
    assert (found.same, found.other_class, found.only_first, found.only_second) == (1, 1, 1, 1)
    assert found.disagreement == pytest.approx(1 - 2 * 0.6 / 3.9, abs=1e-6)
    moved = task.compare(boxes((1, 0.5, 0)), boxes((0, 0.5, 2)), labeled())
    assert moved.disagreement == pytest.approx(1 - 8 / 12, abs=1e-6)  # as far as they overlap


def test_classes_differ_by_the_best_one_and_by_scores_of_a_name() -> None:
    task = task_of(Classification, 'classification')  # knows cat and dog
    first = classes((0, 0.75), (1, 0.25))
    second = classes((3, 0.5), (4, 0.25))
    assert task.compare(first, second, labeled()) == ClassesDifference(1.0, 'cat', 'dog')
    doubting = classes((2, 0.5), (3, 0.375))
    assert task.compare(first, doubting, labeled()) == ClassesDifference(0.25, 'cat', 'cat')
    same = classes((2, 0.75), (3, 0.25))
    assert task.compare(first, same, labeled()) == ClassesDifference(0.0, 'cat', 'cat')


def test_outputs_differ_by_their_values() -> None:
    task = task_of(Tensor, 'tensor')
    one, other = {'y': np.array([1, 2], np.float32)}, {'y': np.array([1, 5], np.float32)}
    found = task.compare(one, other, labeled())
    assert (found.disagreement, found.largest, found.weight) == (pytest.approx(3 / 9), 3.0, 9 / 4)
    longer = {'y': np.array([1, 2, 3], np.float32)}
    for unlike in (longer, {'z': one['y']}):
        found = task.compare(one, unlike, labeled())
        assert (found.disagreement, found.largest, found.weight) == (1.0, float('inf'), 1.0)
    zero = {'y': np.zeros(2, np.float32)}
    assert task.compare(zero, zero, labeled()).weight == 0


def test_boxes_are_scored_for_each_class() -> None:
    task = task_of(ObjectDetection, 'object_detection')
    scorer = task.scorer()
    scorer.add(boxes((0, 0.9, 0), (1, 0.8, 50)), boxes((0, 1, 0), (1, 1, 90)))
    figures = {score.name: score.value for score in scorer.scores()}
    assert figures == {
        'mAP50-95': 0.5, 'mAP50': 0.5, 'AP50-95 person': 1.0, 'AP50-95 car': 0.0
    }  # fmt: skip


def test_classes_are_scored_by_the_rank_of_the_true_one() -> None:
    scorer = task_of(Classification, 'classification').scorer()
    scorer.add(classes((0, 0.9), (1, 0.1)), classes((0, 1)))
    scorer.add(classes((0, 0.9), (1, 0.1)), classes((1, 1)))
    figures = {score.name: score.value for score in scorer.scores()}
    assert figures == {'top-1 accuracy': 0.5, 'top-5 accuracy': 1.0}
