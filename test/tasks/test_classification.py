"""Classes: order, softmax, and what is judged invalid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from task_samples import HEADER, classes_text, messages

from ml_integration.core.datatypes import (
    ModelDescription,
    ModelIdentity,
    Prediction,
    TensorSpec,
    Verdict,
)
from ml_integration.core.declaration import build
from ml_integration.errors import ModelMismatchError, SettingError
from ml_integration.ops.classes import Classes, ClassesDifference
from ml_integration.ops.drawing import class_color
from ml_integration.ops.letterbox import Letterbox
from ml_integration.tasks.classification import Classification

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


def published(task: Classification, result: Classes) -> dict[str, Any]:
    prediction = Prediction(0, 'camera', {}, ModelIdentity('m', 1), result, Verdict(), {})
    types = {topic.name: topic.message_type for topic in task.topics}
    said = {}
    for topic, message in task.encode(prediction, HEADER, messages):
        assert message.type_name == types[topic] == 'vision_msgs/msg/Classification'
        said[topic] = classes_text(message)
    return said


SEVERAL = {'multi_label': True, 'score_threshold': 0.5}


def test_every_class_that_may_be_true_is_published_and_none_is_valid_too() -> None:
    task = classifier(sigmoid=True, top_k=1, **SEVERAL)
    logits = np.array([2.0, -3.0, 0.0, 4.0])
    result = run(task, logits)
    assert result.class_ids.tolist() == [3, 0, 2]
    np.testing.assert_allclose(result.scores, 1 / (1 + np.exp(-logits[[3, 0, 2]])), rtol=1e-6)
    nothing = run(task, [-1.0, -2.0, -300.0, -4.0])
    assert kinds(task, result) == kinds(task, nothing) == []
    assert published(task, nothing) == {'classification': []}
    assert [row.label for row in task.rows(result)] == ['fish', 'cat', 'bird']


@pytest.mark.filterwarnings('error')
def test_a_sigmoid_hides_no_logit_that_is_none() -> None:
    task = classifier(sigmoid=True, **SEVERAL)
    assert kinds(task, run(task, [1.0, np.nan, 3.0, 2.0])) == ['not_finite']
    assert kinds(task, run(task, [-1000.0, 1000.0, 0.0, 0.0])) == []


def test_logits_that_are_taken_for_scores_are_judged_in_each_kind() -> None:
    task = classifier(**SEVERAL)
    assert kinds(task, run(task, [-7.0, 7.5, 0.1, 0.6])) == ['score_out_of_range']


@pytest.mark.parametrize(
    ('settings', 'word'),
    [
        ({'softmax': True, 'sigmoid': True}, 'softmax'),
        ({'softmax': True, **SEVERAL}, 'softmax'),
        ({'multi_label': True}, 'score_threshold'),
        ({'heads': ('a/b',)}, 'heads'),
        ({'heads': ('color', 'color')}, 'heads'),
        ({'heads': ('color', 'type'), 'head_classes': (3,)}, 'head_classes'),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], word: str
) -> None:
    with pytest.raises(SettingError, match=word):
        classifier(**settings)


def test_classes_that_may_all_be_true_are_compared_and_scored_as_sets() -> None:
    task = classifier(**SEVERAL)
    first, second = run(task, [0.9, 0.8, 0.1, 0.1]), run(task, [0.7, 0.1, 0.6, 0.6])
    difference = task.compare(first, second, task._model)
    assert (difference.first, difference.second) == ('cat + dog', 'cat + bird + fish')
    assert difference.disagreement == pytest.approx(1 - 2 * 0.7 / 3.6)
    none = run(task, [0.0] * 4)
    assert (difference.weight, task.compare(none, none, task._model).weight) == (1, 0)
    scorer = task.scorer()
    scorer.add(first, second)
    scorer.add(run(task, [0.0] * 4), run(task, [0.0] * 4))
    figures = {score.name: score.value for score in scorer.scores()}
    assert list(figures) == ['F1', 'macro F1', 'precision', 'recall']
    assert figures['F1'] == pytest.approx(2 / 5)
    assert figures['macro F1'] == pytest.approx(1 / 4)
    assert (figures['precision'], figures['recall']) == (1 / 2, pytest.approx(1 / 3))


CARS = ('red', 'blue', 'green', 'van', 'truck')


def heads(
    *shapes: tuple[int | None, ...], labels: tuple[str, ...] = CARS, **values: Any
) -> Classification:
    outputs = tuple(TensorSpec(f'out{n}', 'float32', s) for n, s in enumerate(shapes))
    images = (TensorSpec('images', 'float32', (1, 3, 8, 8)),)
    model = ModelDescription(ModelIdentity('m', 1), labels, images, outputs, {'images': (8, 8)})
    given = {'heads': ('color', 'type'), **values}
    return Classification(build(Classification.Settings, given, 'test'), model)


COLOR, KIND = [0.1, 0.7, 0.2], [0.25, 0.75]


@pytest.mark.parametrize('form', ['outputs', 'one output', 'pooled', 'flat'])
def test_each_head_has_labels_and_a_topic_of_its_own(form: str) -> None:
    arrays = [np.array([COLOR], np.float32), np.array([KIND], np.float32)]
    settings: dict[str, Any] = {}
    if form == 'one output':
        arrays, settings = [np.concatenate(arrays, axis=1)], {'head_classes': (3, 2)}
    elif form == 'pooled':
        arrays = [array[..., None, None] for array in arrays]
    elif form == 'flat':
        arrays = [array[0] for array in arrays]
    task = heads(*(array.shape for array in arrays), top_k=2, **settings)
    assert task.batched == (form != 'flat')
    outputs = {f'out{n}': array for n, array in enumerate(arrays)}
    result = task.postprocess(outputs, GEOMETRY)
    assert [topic.name for topic in task.topics] == ['classification/color', 'classification/type']
    assert published(task, result) == {
        'classification/color': [('blue', 0.7), ('green', 0.2)],
        'classification/type': [('truck', 0.75), ('van', 0.25)],
    }
    rows = [(row.label, row.class_id) for row in task.rows(result)]
    assert rows == [('blue', 1), ('green', 2), ('truck', 4), ('van', 3)]
    assert kinds(task, result) == []
    for array in outputs.values():
        array[...] = -1
    assert result.scores[0] == np.float32(0.7)


def read(task: Classification, *numbers: list[float]) -> Classes:
    outputs = {f'out{n}': np.array([each], np.float32) for n, each in enumerate(numbers)}
    return task.postprocess(outputs, GEOMETRY)


def test_a_softmax_is_one_of_each_head() -> None:
    task = heads((1, 3), (1, 2), softmax=True)
    result = read(task, [0.0, 0.0, 0.0], [9.0, 9.0])
    np.testing.assert_allclose(result.scores, [1 / 3] * 3 + [1 / 2] * 2, rtol=1e-6)


def test_heads_without_labels_count_their_classes_from_0() -> None:
    task = heads((1, 3), (1, 2), labels=())
    said = published(task, read(task, COLOR, KIND))
    assert [name for name, _ in said['classification/type']] == ['1', '0']


def test_a_head_may_find_nothing_and_another_something() -> None:
    task = heads((1, 3), (1, 2), score_threshold=0.72)
    result = read(task, COLOR, KIND)
    assert list(map(len, published(task, result).values())) == [0, 1]
    assert kinds(task, result) == []
    assert kinds(task, read(task, [np.nan] * 3, KIND)) == ['not_finite']


@pytest.mark.parametrize(
    ('shapes', 'settings'),
    [
        (((1, 3),), {}),
        (((1, 3), (1, 3)), {}),
        (((1, 3), (1, 2), (1, 2)), {}),
        (((1, 6),), {'head_classes': (3, 3)}),
        (((1, 5),), {'head_classes': (3, 3)}),
        (((1, 3), (1, 2, 7)), {}),
        (((1, 3), (1, None)), {}),
    ],
)
def test_heads_that_do_not_fit_the_outputs_or_labels_are_refused(
    shapes: Any, settings: dict[str, Any]
) -> None:
    with pytest.raises(ModelMismatchError):
        heads(*shapes, **settings)


def test_heads_are_compared_scored_and_drawn_one_by_one() -> None:
    task = heads((1, 3), (1, 2))
    first, second = read(task, COLOR, KIND), read(task, COLOR, KIND[::-1])
    difference = task.compare(first, second, task._model)
    assert difference == ClassesDifference(0.5, 'blue, truck', 'blue, van')
    scorer = task.scorer()
    scorer.add(first, second)
    figures = {score.name: score.value for score in scorer.scores()}
    assert figures['color top-1 accuracy'] == 1
    assert figures['type top-1 accuracy'] == 0
    canvas = np.zeros((120, 160, 3), np.uint8)
    task.draw(canvas, first)
    down = [tuple(color) for color in canvas[:, 0].tolist()]
    assert len(dict.fromkeys(down)) == 1 + 5
