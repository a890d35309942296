"""What every task has to keep to, one file in `tasks/` or an entry point each."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ml_integration.core import plugins
from ml_integration.core.datatypes import (
    Frame,
    ModelDescription,
    ModelIdentity,
    Prediction,
    TensorSpec,
    Verdict,
)
from ml_integration.core.declaration import build, settings_of
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import MlIntegrationError, ModelMismatchError, SettingError

HEADER = SimpleNamespace(frame_id='camera')
INPUT = TensorSpec('images', 'float32', (None, 3, 32, 32))


class Draft:
    """Stands for any message: fields appear when they are first used."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    def __getattr__(self, name: str) -> Draft:
        if name.startswith('_'):
            raise AttributeError(name)
        setattr(self, name, Draft(name))
        value: Draft = self.__dict__[name]
        return value


def messages(type_name: str) -> Any:
    assert type_name.count('/') == 2, f"'{type_name}' is no full type name"
    return lambda: Draft(type_name)


@dataclasses.dataclass(frozen=True)
class Sample:
    """A model for a task: its settings, outputs for one frame, and what the message must say."""

    settings: dict[str, Any]
    labels: tuple[str, ...]
    outputs: dict[str, np.ndarray]
    nothing: dict[str, np.ndarray]
    published: Any
    list_field: str

    def model(self, *inputs: TensorSpec) -> ModelDescription:
        specs = tuple(TensorSpec(n, a.dtype.name, a.shape) for n, a in self.outputs.items())
        return ModelDescription(ModelIdentity('m', 1), self.labels, inputs or (INPUT,), specs)


def detection_text(detection: Any) -> tuple[Any, ...]:
    (hypothesis,) = detection.results
    box = detection.bbox
    center = (box.center.position.x, box.center.position.y)
    text = (hypothesis.hypothesis.class_id, round(hypothesis.hypothesis.score, 3))
    return (*text, *center, box.size_x, box.size_y, detection.header.frame_id)


def class_text(hypothesis: Any) -> tuple[str, float]:
    return hypothesis.class_id, round(hypothesis.score, 3)


SAMPLES = {
    'object_detection': (
        Sample(
            settings={'decoder': 'end_to_end'},
            labels=('person', 'car'),
            outputs={'out': np.array([[[4, 8, 20, 24, 0.75, 1]]], np.float32)},
            nothing={'out': np.zeros((1, 1, 6), np.float32)},
            published=[('car', 0.75, 24.0, 16.0, 32.0, 32.0, 'camera')],
            list_field='detections',
        ),
        detection_text,
    ),
    'classification': (
        Sample(
            settings={'score_threshold': 0.5},
            labels=('cat', 'dog'),
            outputs={'out': np.array([[0.25, 0.75]], np.float32)},
            nothing={'out': np.array([[0.25, 0.25]], np.float32)},
            published=[('dog', 0.75)],
            list_field='results',
        ),
        class_text,
    ),
}
EVERY = sorted(SAMPLES)


class PassingSensor:
    """Takes frames for messages."""

    message_type = ''

    def decode(self, message: Frame, sequence: int) -> Frame:
        return message


class Recording:
    """A session that gives the same outputs for every frame and keeps the inputs."""

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    device = 'none'

    def __init__(self, outputs: dict[str, np.ndarray]) -> None:
        self._outputs = outputs
        self.seen: list[dict[str, np.ndarray]] = []

    def run(self, tensors: Any) -> dict[str, np.ndarray]:
        self.seen.append({name: tensor.copy() for name, tensor in tensors.items()})
        return self._outputs

    def close(self) -> None:
        pass


def run(task: Any, outputs: dict[str, np.ndarray], model: ModelDescription) -> Prediction:
    """The prediction for one picture from a model with these outputs."""
    return Pipeline(PassingSensor(), task, Recording(outputs), model).run(frame_of('rgb8'))


def task_of(name: str, *inputs: TensorSpec) -> Any:
    task_type, sample = plugins.load('tasks', name), SAMPLES[name][0]
    return task_type(build(task_type.Settings, sample.settings, 'test'), sample.model(*inputs))


def frame_of(encoding: str, width: int = 64, height: int = 32) -> Frame:
    shape = (height, width) if encoding == 'mono8' else (height, width, 3)
    pixels = np.random.default_rng(width).integers(0, 256, shape, np.uint8)
    pixels.flags.writeable = False
    return Frame(pixels, encoding)


def test_every_task_file_has_a_sample_here() -> None:
    package = importlib.import_module('ml_integration.tasks')
    assert {module.name for module in pkgutil.iter_modules(package.__path__)} == set(SAMPLES)


@pytest.mark.parametrize('name', EVERY)
def test_settings_are_frozen_and_declared_and_have_defaults(name: str) -> None:
    settings_type = plugins.load('tasks', name).Settings
    chosen = build(settings_type, {}, 'test')
    assert chosen == settings_type()
    assert all(setting.rule.text.endswith('.') for setting in settings_of(settings_type))
    assert all(setting.rule.allows(setting.default) for setting in settings_of(settings_type))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(chosen, dataclasses.fields(chosen)[0].name, None)


@pytest.mark.parametrize('name', EVERY)
def test_a_misspelled_setting_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match=r"Did you mean 'preprocess\.color'"):
        build(plugins.load('tasks', name).Settings, {'preprocess': {'colr': 'rgb'}}, 'test')


@pytest.mark.parametrize('name', EVERY)
def test_names_of_topics_and_types_are_ros_names(name: str) -> None:
    task = task_of(name)
    assert task.topic.isidentifier()
    assert task.message_type.count('/') == 2
    assert len(task.formats) == len(set(task.formats)) > 0


@pytest.mark.parametrize('name', EVERY)
def test_what_preprocess_gives_is_what_input_specs_promised(name: str) -> None:
    task = task_of(name)
    assert [spec.shape for spec in task.input_specs()] == [(1, 3, 32, 32)]
    for encoding in task.formats:
        tensors, _ = task.preprocess(frame_of(encoding))
        assert set(tensors) == {spec.name for spec in task.input_specs()}
        assert all(spec.holds(tensors[spec.name]) for spec in task.input_specs())


@pytest.mark.parametrize('name', EVERY)
def test_preprocess_writes_into_the_tensors_it_is_bound_to(name: str) -> None:
    task, alone = task_of(name), task_of(name)
    batch = {s.name: np.full((3, *s.shape[1:]), 7, s.dtype) for s in task.input_specs()}
    task.preprocess(frame_of('rgb8'))
    task.bind({tensor: array[1:2] for tensor, array in batch.items()})
    tensors, _ = task.preprocess(frame_of('rgb8'))
    expected, _ = alone.preprocess(frame_of('rgb8'))
    for tensor, array in batch.items():
        assert np.shares_memory(tensors[tensor], array)
        np.testing.assert_array_equal(array[1:2], expected[tensor])
        assert (array[[0, 2]] == 7).all()


@pytest.mark.parametrize('name', EVERY)
def test_a_task_says_whether_frames_can_run_together(name: str) -> None:
    assert task_of(name).batched is True
    sample = SAMPLES[name][0]
    flat = dataclasses.replace(sample, outputs={n: a[0] for n, a in sample.outputs.items()})
    task_type = plugins.load('tasks', name)
    task = task_type(build(task_type.Settings, sample.settings, 'test'), flat.model())
    assert task.batched is False


@pytest.mark.parametrize('name', EVERY)
def test_frames_go_all_the_way_to_messages_whatever_their_sizes(name: str) -> None:
    sample, text = SAMPLES[name]
    task, session = task_of(name), Recording(sample.outputs)
    pipeline = Pipeline(PassingSensor(), task, session, sample.model())
    for frame in (frame_of('rgb8'), frame_of('bgr8', 20, 50), frame_of('rgb8')):
        before = frame.data.copy()
        prediction = pipeline.run(frame)
        message = task.encode(prediction, HEADER, messages)
        assert prediction.verdict == Verdict()
        assert message.type_name == task.message_type and message.header is HEADER
        np.testing.assert_array_equal(frame.data, before)
    assert [text(item) for item in getattr(message, sample.list_field)] == sample.published
    np.testing.assert_array_equal(session.seen[0]['images'], session.seen[2]['images'])


@pytest.mark.parametrize('name', EVERY)
def test_a_frame_with_nothing_in_it_gives_an_empty_message_that_is_valid(name: str) -> None:
    sample, _ = SAMPLES[name]
    task = task_of(name)
    prediction = run(task, sample.nothing, sample.model())
    message = task.encode(prediction, HEADER, messages)
    assert prediction.verdict.ok
    assert getattr(message, sample.list_field) == []


@pytest.mark.parametrize('bad', [np.nan, np.inf])
@pytest.mark.parametrize('name', EVERY)
def test_a_model_that_gives_no_numbers_is_never_valid(name: str, bad: float) -> None:
    sample, _ = SAMPLES[name]
    broken = {output: np.full_like(array, bad) for output, array in sample.outputs.items()}
    prediction = run(task_of(name), broken, sample.model())
    assert 'not_finite' in [reason.kind for reason in prediction.verdict.reasons]


@pytest.mark.parametrize('name', EVERY)
def test_a_model_without_class_names_reports_class_numbers(name: str) -> None:
    sample, text = SAMPLES[name]
    nameless = dataclasses.replace(sample, labels=())
    task_type = plugins.load('tasks', name)
    task = task_type(build(task_type.Settings, sample.settings, 'test'), nameless.model())
    prediction = run(task, sample.outputs, nameless.model())
    message = task.encode(prediction, HEADER, messages)
    assert text(getattr(message, sample.list_field)[0])[0] == '1'


@pytest.mark.parametrize('name', EVERY)
def test_a_result_is_drawn_into_the_canvas(name: str) -> None:
    sample, _ = SAMPLES[name]
    prediction = run(task_of(name), sample.outputs, sample.model())
    canvas = prediction.frame.data.copy()
    task_of(name).draw(canvas, prediction.result)
    assert (canvas != prediction.frame.data).any()


@pytest.mark.parametrize(
    'inputs',
    [
        (TensorSpec('images', 'float32', (1, 32, 32, 3)),),  # another layout
        (TensorSpec('images', 'float32', (1, 3, None, None)),),  # free size
        (TensorSpec('images', 'float32', (1, 7)),),  # no picture at all
        (INPUT, TensorSpec('size', 'int64', (1, 2))),  # a second input
    ],
)
@pytest.mark.parametrize('name', EVERY)
def test_a_model_with_other_inputs_is_refused(name: str, inputs: tuple[TensorSpec, ...]) -> None:
    with pytest.raises(ModelMismatchError) as caught:
        task_of(name, *inputs)
    assert 'm@1' in str(caught.value) and inputs[-1].name in str(caught.value)


@pytest.mark.parametrize('name', EVERY)
def test_a_model_with_more_classes_than_names_is_refused_or_judged(name: str) -> None:
    sample, _ = SAMPLES[name]
    short = dataclasses.replace(sample, labels=sample.labels[:1])
    task_type = plugins.load('tasks', name)
    try:
        task = task_type(build(task_type.Settings, sample.settings, 'test'), short.model())
    except MlIntegrationError as error:
        assert 'labels' in str(error)
        return
    prediction = run(task, sample.outputs, short.model())
    assert [reason.kind for reason in prediction.verdict.reasons] == ['unknown_class']
