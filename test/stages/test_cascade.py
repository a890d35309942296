"""Each found object is shown to a second model, and what that says is the object's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx_models
import pytest
from altered_models import Fault, fragile_classifier
from model_folders import write_model_folder

from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.batching import BatchSettings
from ml_integration.core.contracts import Topic
from ml_integration.core.datatypes import Frame, ModelDescription, ModelIdentity, Prediction
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.watchdog import WATCHDOG
from ml_integration.deploy.loading import Loader
from ml_integration.errors import FrameError, ModelLoadError, ModelMismatchError, SettingError
from ml_integration.ops.detail_kinds import FOUND, KEYPOINTS
from ml_integration.ops.detections import Detections
from ml_integration.ros.messages.message_types import message_type
from ml_integration.serving.annotation import annotated
from ml_integration.stages.cascade import Cascade
from ml_integration.store.package.package import read_package

COLORS = ('red', 'green', 'blue')
SQUARES = {'red': (16, 16), 'green': (32, 16), 'blue': (0, 48)}
"""Left and top of a square of 16 px [px], which the detector finds; one at the very edge."""
SPOT = {'red': (3, 5), 'green': (9, 12), 'blue': (13, 2)}
"""Place of a brighter pixel in each square, and how far the point of its color lies."""
CLASSIFIER: dict[str, Any] = {
    'task': 'classification',
    'settings': {'softmax': True},
    'encode': {'resize': 'stretch'},
}
MARKERS: dict[str, Any] = {
    'task': 'keypoints',
    'settings': {'points': 'heatmaps', 'keypoint_names': [*COLORS], 'score_threshold': 0.1},
    'labels': ('marker',),
    'encode': {'resize': 'stretch'},
}
TENSOR: dict[str, Any] = {'task': 'tensor', 'settings': {}, 'labels': ()}


def picture(**colors: int) -> np.ndarray:
    """A black picture (64, 64, 3) uint8 RGB with squares of these colors, each with a spot."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    for name, value in colors.items():
        (left, top), channel = SQUARES[name], COLORS.index(name)
        pixels[top : top + 16, left : left + 16, channel] = value
        x, y = SPOT[name]
        pixels[top + y, left + x, channel] = min(255, value + 40)
    return pixels


def message_of(pixels: np.ndarray, encoding: str = 'rgb8') -> Any:
    height, width = pixels.shape[:2]
    return SimpleNamespace(
        header=SimpleNamespace(frame_id='camera'), width=width, height=height, encoding=encoding,
        is_bigendian=0, step=pixels.strides[0], data=pixels.tobytes(),
    )  # fmt: skip


def run(pipeline: Pipeline, pixels: np.ndarray) -> Prediction:
    arrival = Arrival(message_of(pixels), 5, 0, 0)
    return pipeline.run(Observation('', arrival, {'images': (arrival,)}))


def messages_of(pipeline: Pipeline, prediction: Prediction) -> dict[str, Any]:
    header = message_type('std_msgs/msg/Header')(frame_id='camera')
    return dict(pipeline.encode_stages(prediction, header, message_type))


def label_of(found: Detections, index: int) -> str:
    return COLORS[int(found.class_ids[index])]


Load = Callable[..., Pipeline]


@pytest.fixture
def load(store: Path) -> Iterator[Load]:
    """Loads the detector followed by a model that is written with these arguments."""
    pipelines: list[Pipeline] = []

    def loaded(model: bytes, most: int = 1, **more: Any) -> Pipeline:
        settings = {name: more.pop(name) for name in ('only', 'max_objects', 'padding', 'square')
                    if name in more}  # fmt: skip
        for name in ('finder', 'second'):
            if name == 'second':
                write_model_folder(store, name, model=model, **{'labels': COLORS, **more})
            else:
                write_model_folder(
                    store, name, model=onnx_models.tiny_detector(), encode={'resize': 'stretch'}
                )
        loader = Loader(
            ExecutionSettings(intra_op_threads=1),
            BatchSettings(max_size=most),
            stages={'cascade': Cascade.Settings(model='second', **settings)},
            find=lambda name: read_package(store / name / '1'),
        )
        pipelines.append(loader.load(read_package(store / 'finder' / '1')))
        return pipelines[-1]

    yield loaded
    for pipeline in pipelines:
        pipeline.close()


@pytest.mark.parametrize('most', [1, 2, 8])
def test_each_object_has_the_class_that_its_own_crop_shows(load: Load, most: int) -> None:
    pipeline = load(onnx_models.classifier(free_batch=True), most, **CLASSIFIER)
    assert pipeline.seconds['cascade'].batch_size == most
    prediction = run(pipeline, picture(red=200, green=180, blue=160))
    found = prediction.result
    assert prediction.verdict.ok and not prediction.omitted and len(found) == 3
    for index, detail in enumerate(found.details):
        assert detail.classes[0].label == label_of(found, index)
    message = messages_of(pipeline, prediction)['cascade/detections']
    best = [one.results[0].hypothesis for one in message.detections]
    assert [one.class_id for one in best] == [label_of(found, index) for index in range(3)]
    assert [len(one.results) for one in message.detections] == [3, 3, 3]
    assert message.header.frame_id == 'camera'
    centers = [one.bbox.center.position.x for one in message.detections]
    assert centers == pytest.approx(((found.xyxy[:, 0] + found.xyxy[:, 2]) / 2).tolist())


@pytest.mark.parametrize('square', [True, False])
@pytest.mark.parametrize('most', [1, 8])
@pytest.mark.parametrize('padding', [0.0, 0.25, 0.6])
def test_points_of_crops_are_where_the_picture_has_them(
    load: Load, most: int, padding: float, square: bool
) -> None:
    model = onnx_models.channel_scores(32, 32, free_batch=True)
    pipeline = load(model, most, **MARKERS, padding=padding, square=square)
    prediction = run(pipeline, picture(red=200, green=180, blue=160))
    found = prediction.result
    assert prediction.verdict.ok and not prediction.omitted
    cloud = messages_of(pipeline, prediction)['cascade/keypoints']
    points = np.frombuffer(cloud.data, '<f4').reshape(cloud.height, cloud.width, 3)
    assert points.shape == (3, 3, 3)
    cell = 16 * 1.3 * (1 + 2 * padding) / 32
    for index, row in enumerate(points):
        name = label_of(found, index)
        channel = COLORS.index(name)
        expected = np.add(SQUARES[name], SPOT[name]) + 0.5
        assert row[channel, :2] == pytest.approx(expected, abs=cell + 0.5), name
        assert row[channel, 2] > 0.5
        assert np.array_equal(found.details[index].keypoints, row)
    drawn = annotated(prediction, pipeline)
    x, y = (int(place) for place in points[0, int(found.class_ids[0]), :2])
    plain = annotated(run_without(pipeline, prediction), pipeline)
    assert not np.array_equal(
        drawn[y - 2 : y + 3, x - 2 : x + 3], plain[y - 2 : y + 3, x - 2 : x + 3]
    )


def run_without(pipeline: Pipeline, prediction: Prediction) -> Prediction:
    """The same prediction without details."""
    return replace(prediction, result=replace(prediction.result, details=None))


def test_outputs_come_as_one_array_with_a_row_for_each_object(load: Load) -> None:
    pipeline = load(onnx_models.classifier(free_batch=True), 8, **TENSOR, max_objects=2)
    prediction = run(pipeline, picture(red=200, green=180, blue=160))
    found = prediction.result
    message = messages_of(pipeline, prediction)['cascade/tensor/scores']
    assert [(one.label, one.size) for one in message.layout.dim] == [
        ('detection', 3),
        ('scores.0', 3),
    ]
    rows = np.array(message.data).reshape(3, 3)
    assert rows[:2].argmax(axis=1).tolist() == found.class_ids[:2].tolist()
    assert np.isnan(rows[2]).all() and found.details[2] is None


def test_pictures_without_objects_have_empty_messages(load: Load) -> None:
    pipeline = load(onnx_models.channel_scores(32, 32), **MARKERS)
    prediction = run(pipeline, picture())
    assert prediction.verdict.ok and len(prediction.result) == 0
    cloud = messages_of(pipeline, prediction)['cascade/keypoints']
    assert (cloud.height, len(cloud.data)) == (0, 0)


def test_only_the_best_objects_of_the_wanted_classes_are_shown(load: Load) -> None:
    pipeline = load(onnx_models.classifier(), **CLASSIFIER, only=('red', 'blue'), max_objects=1)
    found = run(pipeline, picture(red=200, green=180, blue=160)).result
    seen = [label_of(found, index) for index, one in enumerate(found.details) if one]
    assert len(seen) == 1 and seen[0] in ('red', 'blue')


def test_the_second_model_is_named_and_its_time_is_a_stage_of_its_own(load: Load) -> None:
    pipeline = load(onnx_models.classifier(), **CLASSIFIER)
    prediction = run(pipeline, picture(red=200))
    assert str(prediction.model) == 'finder@1'
    assert str(prediction.seconds['cascade']) == 'second@1'
    assert prediction.seconds['cascade'].sha256 != prediction.model.sha256
    assert prediction.stage_ms['cascade'] > 0


@pytest.mark.parametrize(
    ('fault', 'kind', 'sentence'),
    [
        (Fault.FAILING, 'cascade: failed', 'second@1: .*inference failed'),
        (Fault.SPOILED, 'cascade: not_finite', 'second@1: class .* has score nan'),
    ],
)
def test_an_object_that_the_second_model_fails_on_costs_nobody_else_anything(
    load: Load, fault: Fault, kind: str, sentence: str
) -> None:
    pipeline = load(fragile_classifier(fault), golden=False, **CLASSIFIER)
    prediction = run(pipeline, picture(red=255, blue=180))
    assert prediction.verdict.ok and len(prediction.result) == 2
    details = {label_of(prediction.result, i): d for i, d in enumerate(prediction.result.details)}
    assert details['red'] is None and details['blue'].classes[0].label == 'blue'
    assert {reason.kind for reason in prediction.omitted} == {kind}
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(prediction.omitted[0].detail)
    message = messages_of(pipeline, prediction)['cascade/detections']
    assert sorted(len(one.results) for one in message.detections) == [0, 3]
    assert not run(pipeline, picture(blue=180)).omitted


def test_a_second_model_that_never_comes_back_is_asked_no_more(load: Load) -> None:
    WATCHDOG.start()
    pipeline = load(fragile_classifier(Fault.ENDLESS), golden=False, **CLASSIFIER)
    arrival = Arrival(message_of(picture(red=255)), 5, 0, 0)
    kinds = []
    for _ in range(4):
        work = pipeline.prepare(Observation('', arrival, {'images': (arrival,)}))
        pipeline.infer([work], monotonic_ns() + 200_000_000)
        prediction = pipeline.finish(work)
        assert prediction.verdict.ok and len(prediction.result) == 1
        kinds += [reason.kind for reason in prediction.omitted]
    assert kinds == ['cascade: late'] * 3 + ['cascade: given_up']
    assert prediction.stage_ms['cascade'] < 200


def test_a_model_whose_results_have_no_place_is_refused(load: Load) -> None:
    with pytest.raises(ModelMismatchError, match='results have no place beside the objects'):
        load(onnx_models.tiny_detector())


def test_a_second_model_that_is_missing_is_named(store: Path) -> None:
    write_model_folder(store, 'finder', encode={'resize': 'stretch'})
    settings = Cascade.Settings(model='second')
    loader = Loader(stages={'cascade': settings})
    with pytest.raises(ModelLoadError, match="its stage cascade cannot have the model 'second'"):
        loader.load(read_package(store / 'finder' / '1'))


class Shown:
    """A second model that notes the pictures it is shown, and says nothing."""

    def __init__(self, task: Any) -> None:
        self.task, self.description = task, task
        self.frames: list[Any] = []

    def run(self, frames: Sequence[Any]) -> list[None]:
        self.frames += frames
        return [None] * len(frames)


def test_a_crop_is_turned_such_that_the_line_between_two_points_is_level() -> None:
    first = SimpleNamespace(topics=(Topic('detections', FOUND), KEYPOINTS))
    model = ModelDescription(ModelIdentity('m', 1), (), (), (), {'images': (64, 64)})
    stage = Cascade(Cascade.Settings(model='second', level=(2, 0), padding=0.0), first, model)
    second = Shown(SimpleNamespace(topics=(KEYPOINTS,)))
    stage.follow(second)
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[22:26, 30:34] = 255  # above the middle: on the left once the line downwards is level
    points = np.array([[[32, 60, 1], [0, 0, 1], [32, 10, 1]]], np.float32)
    found = Detections(
        np.array([[22, 22, 42, 42]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32), 1,
        keypoints=points,
    )  # fmt: skip
    result = stage(found, None, {'images': (Frame(pixels, 'rgb8'),)}, 0)
    (shown,) = second.frames
    assert shown.data.shape == (20, 20, 3) and shown.data[8:12, :4].min() > 200
    assert result.details == (None,) and shown.data[:, 6:].max() == 0
    short = replace(found, keypoints=points[:, :2])
    with pytest.raises(FrameError, match='names a point that the model does not give'):
        stage(short, None, {'images': (Frame(pixels, 'rgb8'),)}, 0)


@pytest.mark.parametrize(
    ('settings', 'sentence'),
    [
        (Cascade.Settings(model='second', level=(0, 1)), "'cascade.level' is not valid"),
        (Cascade.Settings(), "'cascade.model' is not valid"),
        (Cascade.Settings(model='second', only=('rde',)), "'cascade.only' is not valid"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    store: Path, settings: Cascade.Settings, sentence: str
) -> None:
    write_model_folder(store, 'finder', encode={'resize': 'stretch'})
    with pytest.raises(SettingError, match=sentence):
        Loader(stages={'cascade': settings}).load(read_package(store / 'finder' / '1'))
