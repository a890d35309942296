"""Classes: order, softmax, and what is judged invalid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.drawing import class_color
from ml_integration.ops.letterbox import Letterbox
from ml_integration.tasks.classification import Classes, Classification

LABELS = ('cat', 'dog', 'bird', 'fish')
GEOMETRY = {'images': Letterbox((8, 8), (8, 8), (1.0, 1.0), (0, 0))}


def classifier(
    shape: tuple[int | None, ...] = (1, 4),
    labels: tuple[str, ...] = LABELS,
    dtype: str = 'float32',
    **values: Any,
) -> Classification:
    model = ModelDescription(
        ModelIdentity('m', 1),
        labels,
        (TensorSpec('images', 'float32', (1, 3, 8, 8)),),
        (TensorSpec('out', dtype, shape),),
        {'images': (8, 8)},
    )
    return Classification(build(Classification.Settings, values, 'test'), model)


def run(task: Classification, scores: Any) -> Classes:
    return task.postprocess({'out': np.array([scores], np.float32)}, GEOMETRY)


def kinds(task: Classification, result: Classes) -> list[str]:
    return [reason.kind for reason in task.validate(result, GEOMETRY).reasons]


def test_the_best_classes_come_first_and_ties_in_order() -> None:
    result = run(classifier(top_k=3), [0.1, 0.4, 0.1, 0.4])
    assert result.class_ids.tolist() == [1, 3, 0]
    np.testing.assert_allclose(result.scores, [0.4, 0.4, 0.1])


def test_weak_classes_are_left_out() -> None:
    assert run(classifier(score_threshold=0.5), [0.1, 0.6, 0.2, 0.1]).class_ids.tolist() == [1]


@pytest.mark.parametrize('shift', [0.0, 1e4, -1e4])
def test_softmax_turns_logits_into_shares_whatever_their_level(shift: float) -> None:
    logits = np.array([1, 3, 2, 0])
    result = run(classifier(softmax=True), logits + shift)
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(result.scores, np.sort(expected)[::-1], rtol=1e-3)
    assert kinds(classifier(), result) == []


def test_a_class_that_is_ruled_out_has_no_share() -> None:
    result = run(classifier(softmax=True), [-np.inf, 0.0, 0.0, -np.inf])
    np.testing.assert_allclose(result.scores, [0.5, 0.5, 0, 0])
    assert kinds(classifier(), result) == []


def test_an_output_without_a_batch_axis_is_read_too() -> None:
    task = classifier(shape=(4,))
    result = task.postprocess({'out': np.array([0, 0, 1, 0], np.float32)}, GEOMETRY)
    assert result.class_ids[0] == 2


@pytest.mark.parametrize(
    ('scores', 'kind', 'detail'),
    [
        ([0.9, 0.8, 0.7, np.nan], 'not_finite', 'class 3 of 4 has score nan'),  # the last of many
        ([np.nan] * 4, 'not_finite', '2 of 2'),  # everything
        ([0.1, np.inf, 0.1, 0.1], 'not_finite', 'class 1'),  # endless
        ([7.5, 0.1, 0.1, 0.1], 'score_out_of_range', 'class 0 of 4 has score 7.5'),  # a logit
    ],
)
@pytest.mark.filterwarnings('error')
def test_scores_that_are_none_make_the_result_invalid(
    scores: list[float], kind: str, detail: str
) -> None:
    task = classifier(top_k=2)
    (reason,) = task.validate(run(task, scores), GEOMETRY).reasons
    assert reason.kind == kind
    assert detail in reason.detail


@pytest.mark.parametrize('bad', [np.nan, np.inf])
@pytest.mark.filterwarnings('error')
def test_a_softmax_hides_no_logit_that_is_none(bad: float) -> None:
    task = classifier(top_k=2, softmax=True)
    assert kinds(task, run(task, [0.1, bad, 0.3, 0.2])) == ['not_finite']


def test_a_class_beyond_the_labels_is_invalid() -> None:
    result = Classes(np.array([0, 4], np.int32), np.array([0.5, 0.1], np.float32))
    assert kinds(classifier(), result) == ['unknown_class']
    assert kinds(classifier(labels=()), result) == []


def test_a_result_of_the_wrong_types_cannot_be_made() -> None:
    ids, scores = np.zeros(2, np.int32), np.zeros(2, np.float32)
    for wrong in ((ids[:1], scores), (ids.astype(int), scores), (ids, scores.astype(float))):
        with pytest.raises(ValueError, match='equally many'):
            Classes(*wrong)


@pytest.mark.parametrize('shape', [(1, 1000), (4, 1), (1, 4, 1), (), (1, None), (2, 4)])
def test_an_output_that_is_not_one_score_per_label_is_refused(shape: Any) -> None:
    with pytest.raises(ModelMismatchError) as caught:
        classifier(shape=shape)
    assert 'with 4 labels' in caught.value.expected and 'out: float32' in caught.value.got


def test_a_classifier_that_ends_in_a_pooled_picture_is_read() -> None:
    task = classifier(shape=(1, 4, 1, 1), top_k=2)
    outputs = {'out': np.array([0.1, 0.6, 0.2, 0.1], np.float32).reshape(1, 4, 1, 1)}
    assert task.postprocess(outputs, GEOMETRY).class_ids.tolist() == [1, 2]


def test_the_classes_are_written_below_one_another() -> None:
    task = classifier(top_k=3)
    canvas = np.zeros((120, 160, 3), np.uint8)
    task.draw(canvas, run(task, [0.1, 0.6, 0.2, 0.1]))
    down = [tuple(color) for color in canvas[:, 0].tolist()]
    colors = list(dict.fromkeys(down))
    assert colors == [class_color(class_id) for class_id in (1, 2, 0)] + [(0, 0, 0)]
    assert down == sorted(down, key=colors.index)
    assert not canvas[70:].any()


@pytest.mark.parametrize(
    ('dtype', 'expected'), [('float16', []), ('float32', ['score_out_of_range'])]
)
def test_a_half_may_round_above_one(dtype: str, expected: list[str]) -> None:
    task = classifier(dtype=dtype)
    scores = np.array([[1.0009765625, 0.5, 0.1, -1e-4]], dtype)
    result = task.postprocess({'out': scores}, GEOMETRY)
    assert kinds(task, result) == expected
    assert not expected or result.scores[0] > 1
    assert expected or result.scores[0] == 1  # and no subscriber sees more than 1
