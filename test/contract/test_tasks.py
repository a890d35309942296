"""What every task has to keep to, one file in `tasks/` or an entry point each."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import pkgutil
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from task_samples import HEADER, INPUT, SAMPLES, messages

from ml_integration.core import plugins
from ml_integration.core.abilities import (
    Announcing,
    Comparing,
    Continuing,
    Drawing,
    Listing,
    Reading,
    Scoring,
    Serializing,
    Signaling,
    Translating,
    Weighed,
)
from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.datatypes import Frame, ModelDescription, Prediction, TensorSpec, Verdict
from ml_integration.core.declaration import build, settings_of
from ml_integration.core.inputs import SensorInput, Trigger
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.wiring import Input, Wiring
from ml_integration.encoders.image import Image
from ml_integration.errors import MlIntegrationError, ModelMismatchError

EVERY = sorted(SAMPLES)
LABELED = [name for name in EVERY if SAMPLES[name].labels]
NAMED = [name for name in LABELED if SAMPLES[name].names]
LOOKING = [name for name in EVERY if SAMPLES[name].looks]


class PassingSensor:
    """Takes frames for messages."""

    message_type = ''
    kind = 'image'

    def decode(self, message: Frame, stamp_ns: int) -> Frame:
        return dataclasses.replace(message, stamp_ns=stamp_ns)


class Recording:
    """A session that gives the same outputs for every observation and keeps the inputs."""

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    device = 'none'
    fallback = ''
    from_cache = False
    threads, spinning, graph_optimization = 0, '', ''
    metadata: Mapping[str, str] = {}

    def __init__(self, outputs: dict[str, np.ndarray]) -> None:
        self._outputs = outputs
        self.seen: list[dict[str, np.ndarray]] = []

    def run(self, tensors: Any, deadline_ns: int | None = None) -> dict[str, np.ndarray]:
        self.seen.append({name: tensor.copy() for name, tensor in tensors.items()})
        return self._outputs

    def interrupt(self) -> None:
        pass

    def share(self) -> Recording:
        return self

    def close(self) -> None:
        pass


def build_task(name: str, model: ModelDescription) -> Any:
    task_type = plugins.load('tasks', name)
    return task_type(build(task_type.Settings, SAMPLES[name].settings, 'test'), model)


def task_of(name: str) -> Any:
    return build_task(name, SAMPLES[name].model())


def pipeline_of(task: Any, session: Any, model: ModelDescription) -> Pipeline:
    """A task behind a model that takes a picture."""
    encoder = Image(build(Image.Settings, {}, 'test'), INPUT)
    tensor = np.zeros(encoder.spec.shape, encoder.spec.dtype)
    encoder.bind(tensor)
    source = SensorInput(INPUT, 'image', 'image')
    wired = Input(source, lambda message: message, PassingSensor(), (encoder,))
    wiring = Wiring((wired,), Trigger('images'), {'images': tensor})
    return Pipeline(wiring, task, session, model)


def observation_of(frame: Frame) -> Observation:
    arrival = Arrival(frame, 5, 6, 0)
    return Observation('', arrival, {'images': (arrival,)})


def run(task: Any, outputs: dict[str, np.ndarray], model: ModelDescription) -> Prediction:
    """The prediction for one picture from a model with these outputs."""
    pipeline = pipeline_of(task, Recording(outputs), model)
    return pipeline.run(observation_of(frame_of('rgb8')))


def published(name: str, task: Any, prediction: Prediction) -> dict[str, Any]:
    """What the messages say, by topic; their types are checked."""
    types = {topic.name: topic.message_type for topic in task.topics}
    said = {}
    for topic, message in task.encode(prediction, HEADER, messages):
        assert message.type_name == types[topic]
        assert topic not in said
        said[topic] = SAMPLES[name].text(message)
    return said


def frame_of(encoding: str, width: int = 64, height: int = 32) -> Frame:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    pixels.flags.writeable = False
    return Frame(pixels, encoding)


def test_every_task_file_has_a_sample_here() -> None:
    package = importlib.import_module('ml_integration.tasks')
    assert {module.name for module in pkgutil.iter_modules(package.__path__)} == set(SAMPLES)


@pytest.mark.parametrize('name', EVERY)
def test_how_pictures_are_encoded_is_no_setting_of_a_task(name: str) -> None:
    names = {setting.name for setting in settings_of(plugins.load('tasks', name).Settings)}
    encoders = [plugins.load('encoders', encoder) for encoder in plugins.names('encoders')]
    assert not names & {one.name for encoder in encoders for one in settings_of(encoder.Settings)}


@pytest.mark.parametrize('name', EVERY)
def test_names_of_topics_and_types_are_ros_names(name: str) -> None:
    task = task_of(name)
    assert isinstance(task.topics, tuple)
    results = [topic.name for topic in task.topics if not topic.latched]
    assert results == list(SAMPLES[name].published)
    for topic in task.topics:
        assert all(part.isidentifier() and part.isascii() for part in topic.name.split('/'))
        assert re.fullmatch(r'[a-z]\w*/msg/[A-Z]\w*', topic.message_type)


@pytest.mark.parametrize('name', EVERY)
def test_a_task_explains_itself(name: str) -> None:
    task_type = plugins.load('tasks', name)
    assert task_type.__doc__
    assert all(getattr(task_type, n).__doc__ for n in ('postprocess', 'validate', 'encode'))


@pytest.mark.parametrize('name', EVERY)
def test_a_task_says_whether_observations_can_run_together(name: str) -> None:
    assert task_of(name).batched is True
    sample = SAMPLES[name]
    flat = dataclasses.replace(sample, outputs={n: a[0] for n, a in sample.outputs.items()})
    if name == 'tensor':  # has one output without any axis then
        settings_type = plugins.load('tasks', name).Settings
        assert plugins.load('tasks', name)(settings_type(), flat.model()).batched is False
    else:
        assert build_task(name, flat.model()).batched is False


@pytest.mark.parametrize('name', EVERY)
def test_frames_go_all_the_way_to_messages_whatever_their_sizes(name: str) -> None:
    sample = SAMPLES[name]
    task, session = task_of(name), Recording(sample.outputs)
    pipeline = pipeline_of(task, session, sample.model())
    for frame in (frame_of('rgb8'), frame_of('bgr8', 20, 50), frame_of('rgb8')):
        before = frame.data.copy()
        prediction = pipeline.run(observation_of(frame))
        said = published(name, task, prediction)
        assert prediction.verdict == Verdict()
        assert list(said) == [topic.name for topic in task.topics if not topic.latched]
        np.testing.assert_array_equal(frame.data, before)
    assert said == sample.published
    np.testing.assert_array_equal(session.seen[0]['images'], session.seen[2]['images'])


@pytest.mark.parametrize('name', EVERY)
def test_a_frame_with_nothing_in_it_gives_an_empty_message_that_is_valid(name: str) -> None:
    sample = SAMPLES[name]
    task = task_of(name)
    prediction = run(task, sample.nothing, sample.model())
    assert prediction.verdict.ok
    assert published(name, task, prediction) == sample.empty


@pytest.mark.parametrize('name', EVERY)
def test_a_result_outlives_the_outputs_it_was_made_of(name: str) -> None:
    """An engine writes the next run's outputs to where the last ones were."""
    sample = SAMPLES[name]
    outputs = {output: array.copy() for output, array in sample.outputs.items()}
    task = task_of(name)
    prediction = run(task, outputs, sample.model())
    for array in outputs.values():
        array[...] = -1
    assert published(name, task, prediction) == sample.published


@pytest.mark.parametrize('bad', [np.nan, np.inf])
@pytest.mark.parametrize('name', EVERY)
def test_a_model_that_gives_no_numbers_is_never_valid(name: str, bad: float) -> None:
    sample = SAMPLES[name]
    broken = {output: np.full_like(array, bad) for output, array in sample.outputs.items()}
    prediction = run(task_of(name), broken, sample.model())
    assert 'not_finite' in [reason.kind for reason in prediction.verdict.reasons]


@pytest.mark.parametrize('name', NAMED)
def test_a_model_without_class_names_reports_class_numbers(name: str) -> None:
    sample = SAMPLES[name]
    nameless = dataclasses.replace(sample, labels=())
    task = build_task(name, nameless.model())
    prediction = run(task, sample.outputs, nameless.model())
    (said, *_), *_ = published(name, task, prediction).values()
    assert said[0] == '1'


@pytest.mark.parametrize('name', EVERY)
def test_a_result_is_drawn_into_the_canvas(name: str) -> None:
    sample, task = SAMPLES[name], task_of(name)
    assert isinstance(task, Drawing) == sample.draws
    if not sample.draws:
        return
    prediction = run(task, sample.outputs, sample.model())
    (frame,) = prediction.frames['images']
    canvas = frame.data.copy()
    task.draw(canvas, prediction.result)
    assert (canvas != frame.data).any()


@pytest.mark.parametrize('name', EVERY)
def test_a_task_that_is_scored_reads_what_it_publishes(name: str) -> None:
    sample, task = SAMPLES[name], task_of(name)
    assert isinstance(task, Reading) == isinstance(task, Scoring)
    if not isinstance(task, Reading):
        return
    for outputs in (sample.outputs, sample.nothing):
        prediction = run(task, outputs, sample.model())
        said = dict(task.encode(prediction, HEADER, messages))
        wanted = {topic.name: topic for topic in task.truths}
        assert set(wanted.values()) <= set(task.topics)
        again = task.read({topic: said[topic] for topic in wanted})
        assert task.rows(again) == task.rows(prediction.result)
        scorer = task.scorer()
        scorer.add(prediction.result, again)
        best = [one.value == float(one.higher_is_better) for one in scorer.scores()]
        assert all(best) or outputs is sample.nothing


@pytest.mark.parametrize('name', EVERY)
def test_a_result_that_stays_does_not_flicker(name: str) -> None:
    sample, task = SAMPLES[name], task_of(name)
    assert isinstance(task, Continuing) == isinstance(task, Scoring)
    if not isinstance(task, Continuing):
        return
    some, none = (
        task.sample(run(task, outputs, sample.model()).result)
        for outputs in (sample.outputs, sample.nothing)
    )
    part, whole = task.flicker(some, some, some)
    assert (part, whole > 0) == (0, True)
    part, whole = task.flicker(some, none, some)
    assert 0 < part <= whole or name == 'depth_estimation'  # whose nothing is unknown


@pytest.mark.parametrize('name', EVERY)
def test_what_is_serialized_goes_to_the_same_topics_as_messages(name: str) -> None:
    sample, task = SAMPLES[name], task_of(name)
    if not isinstance(task, Serializing):
        assert name != 'object_detection'
        return
    prediction = run(task, sample.outputs, sample.model())
    serialized = dict(task.serialize(prediction, HEADER))
    assert list(serialized) == [topic.name for topic in task.topics if not topic.latched]
    assert all(isinstance(data, bytes) and data for data in serialized.values())
    assert task.telling(prediction.result) is True
    assert task.telling(run(task, sample.nothing, sample.model()).result) is False


@pytest.mark.parametrize('pictures', [{}, {'images': (32, 32), 'others': (32, 32)}], ids=str)
@pytest.mark.parametrize('name', EVERY)
def test_a_task_about_a_picture_refuses_a_model_without_one_or_with_two(
    name: str, pictures: dict[str, tuple[int, int]]
) -> None:
    model = SAMPLES[name].model(pictures)
    if name not in LOOKING:
        build_task(name, model)
        return
    with pytest.raises(ModelMismatchError) as caught:
        build_task(name, model)
    assert 'm@1' in str(caught.value) and str(INPUT) in str(caught.value)


@pytest.mark.parametrize('name', LABELED)
def test_a_model_with_more_classes_than_names_is_refused_or_judged(name: str) -> None:
    sample = SAMPLES[name]
    short = dataclasses.replace(sample, labels=sample.labels[:1])
    try:
        task = build_task(name, short.model())
    except MlIntegrationError as error:
        assert 'labels' in str(error)
        return
    prediction = run(task, sample.outputs, short.model())
    assert [reason.kind for reason in prediction.verdict.reasons] == ['unknown_class']


@pytest.mark.parametrize('name', EVERY)
def test_rows_of_results_are_plain_values(name: str) -> None:
    task, sample = task_of(name), SAMPLES[name]
    if not isinstance(task, Listing):
        pytest.skip('its results are no rows')
    rows = task.rows(run(task, sample.outputs, sample.model()).result)
    assert rows and all(type(row) is task.Row for row in rows)
    documents = [dataclasses.asdict(row) for row in rows]
    assert json.loads(json.dumps(documents, allow_nan=False))
    plain = (str, int, float, tuple)
    assert all(type(value) in plain for document in documents for value in document.values())


@pytest.mark.parametrize('name', EVERY)
def test_nothing_has_rows_too(name: str) -> None:
    """A picture without any object is an ordinary one."""
    task, sample = task_of(name), SAMPLES[name]
    if not isinstance(task, Listing):
        pytest.skip('its results are no rows')
    rows = task.rows(run(task, sample.nothing, sample.model()).result)
    assert all(type(row) is task.Row for row in rows)


@pytest.mark.parametrize('size', [(1, 1), (1, 4), (4, 1), (2, 900)], ids=str)
@pytest.mark.parametrize('name', EVERY)
def test_a_picture_of_few_pixels_is_one_like_any_other(name: str, size: tuple[int, int]) -> None:
    """OpenCV takes 1 x 1 and 1 x 4 numbers for something else in some places."""
    task, sample = task_of(name), SAMPLES[name]
    pipeline = pipeline_of(task, Recording(sample.outputs), sample.model())
    prediction = pipeline.run(observation_of(frame_of('rgb8', *size)))
    told = [topic for topic, _ in task.encode(prediction, HEADER, messages)]
    assert told == list(sample.published)
    if isinstance(task, Drawing):
        (frame,) = prediction.frames['images']
        task.draw(frame.data.copy(), prediction.result)
    if isinstance(task, Listing):
        assert isinstance(task.rows(prediction.result), list)


@pytest.mark.parametrize('name', EVERY)
def test_results_are_compared(name: str) -> None:
    task, sample = task_of(name), SAMPLES[name]
    assert isinstance(task, Comparing)
    model = sample.model()
    seen, nothing = (run(task, one, model).result for one in (sample.outputs, sample.nothing))
    for same in (seen, nothing):
        assert task.compare(same, same, model).disagreement == 0
    apart = task.compare(seen, nothing, model)
    assert 0 < apart.disagreement <= 1
    assert not isinstance(apart, Weighed) or apart.weight > 0
    assert task.compare(nothing, seen, model).disagreement == pytest.approx(apart.disagreement)
    plain = dataclasses.asdict(apart).values()  # type: ignore[call-overload]
    assert all(type(value) in (str, int, float) for value in plain)


@pytest.mark.parametrize('name', LABELED)
def test_classes_of_two_models_are_compared_by_their_names(name: str) -> None:
    task, sample = task_of(name), SAMPLES[name]
    result = run(task, sample.outputs, sample.model()).result
    other = dataclasses.replace(sample, labels=tuple(label + '2' for label in sample.labels))
    assert task.compare(result, result, other.model()).disagreement > 0


@pytest.mark.parametrize('name', LABELED)
def test_a_result_with_the_class_numbers_of_another_model_says_the_same(name: str) -> None:
    task, sample = task_of(name), SAMPLES[name]
    assert isinstance(task, Translating) and isinstance(task, Comparing)
    result = run(task, sample.outputs, sample.model()).result
    other = dataclasses.replace(sample, labels=sample.labels[::-1]).model()
    turned = type(task)(build(type(task).Settings, sample.settings, name), other)
    theirs = turned.translated(result, sample.model())
    assert task.compare(result, theirs, other).disagreement == 0
    assert task.compare(result, task.translated(theirs, other), sample.model()).disagreement == 0


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('name', EVERY)
def test_a_result_is_perfect_if_it_is_the_truth(name: str) -> None:
    task, sample = task_of(name), SAMPLES[name]
    if not isinstance(task, Scoring):
        pytest.skip('its results have no truth')
    scorer = task.scorer()
    assert scorer.scores() and all(math.isnan(score.value) for score in scorer.scores())
    seen, nothing = (
        run(task, one, sample.model()).result for one in (sample.outputs, sample.nothing)
    )
    scorer.add(seen, seen)
    perfect = scorer.scores()
    assert all(s.value == pytest.approx(1 if s.higher_is_better else 0) for s in perfect)
    scorer.add(nothing, seen)
    figures = scorer.scores()
    assert (figures[0].name, figures[0].unit) == (perfect[0].name, perfect[0].unit)
    assert any(s.value < 1 if s.higher_is_better else s.value > 0 for s in figures)


@pytest.mark.parametrize('name', EVERY)
def test_what_a_task_announces_is_on_its_latched_topics(name: str) -> None:
    task = task_of(name)
    latched = [topic.name for topic in task.topics if topic.latched]
    assert isinstance(task, Announcing) == bool(latched)
    if isinstance(task, Announcing):
        assert [topic for topic, _ in task.announce(messages)] == latched


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('name', EVERY)
def test_signals_have_the_same_names_whatever_the_model_gives(name: str) -> None:
    task, sample = task_of(name), SAMPLES[name]
    if not isinstance(task, Signaling):
        pytest.skip('it tells nothing')
    bad = {n: np.full_like(a, np.nan) for n, a in sample.outputs.items() if a.dtype.kind == 'f'}
    told = [
        task.signals(run(task, outputs, sample.model()).result)
        for outputs in (sample.outputs, sample.nothing, {**sample.outputs, **bad})
    ]
    assert list(told[0]) == list(told[1]) == list(told[2])
    assert len(told[0]) >= 3
    assert all(type(value) is float for signals in told for value in signals.values())
    assert any(math.isfinite(value) for value in told[0].values())
    assert told[0] != told[1]
