"""Frames that run together give what each one gives alone; models that cannot do it are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import altered_models
import cv2
import numpy as np
import onnx_models
import pytest
from model_folders import read_manifest_document, write_manifest
from onnx import TensorProto, helper, numpy_helper

from ml_integration.core.arrivals import Observation, of_one
from ml_integration.core.batching import BatchSettings, split_rows
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.errors import GoldenError, InferenceError, MessageError, ModelMismatchError
from ml_integration.store.package.package import read_package

SIZES = ((64, 64), (101, 77), (40, 200), (320, 240))
Load = Callable[..., Pipeline]


def loader(together: int) -> Loader:
    """Loads models for so many frames at once, as many as there are streams."""
    return Loader(batch=BatchSettings(max_size=together), streams=together)


def message_of(pixels: np.ndarray, encoding: str = 'bgr8') -> Any:
    """What a sensor reads of a message."""
    stamp = SimpleNamespace(sec=1, nanosec=2)
    height, width, channels = pixels.shape
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id='camera'),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=width * channels,
        data=pixels.reshape(-1),
    )


def picture(number: int) -> Any:
    """A different picture of a different size for each number; every third one is rgb8."""
    random = np.random.default_rng(number)
    spots = random.integers(0, 256, (5, 6, 3), np.uint8)
    pixels = cv2.resize(spots, SIZES[number % len(SIZES)], interpolation=cv2.INTER_CUBIC)
    return message_of(pixels, 'bgr8' if number % 3 else 'rgb8')


@pytest.fixture
def load(model_folder: Callable[..., Path]) -> Iterator[Load]:
    """Writes a model and loads it for so many frames at once."""
    with ExitStack() as resources:

        def loaded(together: int, **folder: Any) -> Pipeline:
            package = read_package(model_folder(f'm{together}', **folder))
            pipeline = loader(together).load(package)
            resources.callback(pipeline.close)
            return pipeline

        yield loaded


def seen(message: Any) -> Observation:
    return of_one('images', message)


def run_together(pipeline: Pipeline, messages: list[Any]) -> list[Any]:
    works = [pipeline.prepare(seen(message), row) for row, message in enumerate(messages)]
    pipeline.infer(works)
    return [pipeline.finish(work) for work in works]


def numbers_of(result: Any) -> list[np.ndarray]:
    return [
        getattr(result, name) for name in ('xyxy', 'scores', 'class_ids') if hasattr(result, name)
    ]


@pytest.mark.parametrize(
    'folder',
    [
        {'model': onnx_models.tiny_detector(free_batch=True)},
        {
            'model': onnx_models.classifier(free_batch=True),
            'task': 'classification',
            'settings': {'softmax': True},
        },
    ],
    ids=['object_detection', 'classification'],
)
def test_frames_that_run_together_give_what_each_gives_alone(
    load: Load, folder: dict[str, Any]
) -> None:
    alone, together = load(1, **folder), load(4, **folder)
    assert (alone.batch_size, together.batch_size) == (1, 4)
    for count in (4, 1, 3, 2, 4):  # so that rows get pictures of other sizes and other cameras
        messages = [picture(count * 10 + number) for number in range(count)]
        predictions = run_together(together, messages)
        for message, prediction in zip(messages, predictions, strict=True):
            expected = alone.run(seen(message))
            assert prediction.verdict == expected.verdict
            assert prediction.together == count
            assert len(expected.result.scores)
            for got, want in zip(
                numbers_of(prediction.result), numbers_of(expected.result), strict=True
            ):
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_a_frame_that_cannot_be_read_costs_only_itself_and_its_row_is_used_again(
    load: Load,
) -> None:
    model = onnx_models.tiny_detector(free_batch=True)
    alone, together = load(1, model=model), load(3, model=model)
    bad = message_of(np.zeros((8, 8, 3), np.uint8), 'nv99')
    works = [together.prepare(seen(picture(1)), row=0)]
    with pytest.raises(MessageError):
        together.prepare(seen(bad), row=1)
    works.append(together.prepare(seen(picture(2)), row=1))
    together.infer(works)
    for number, work in enumerate(works, 1):
        got, want = together.finish(work).result, alone.run(seen(picture(number))).result
        np.testing.assert_allclose(got.xyxy, want.xyxy, rtol=1e-5, atol=1e-5)


def rows_of_seven() -> bytes:
    """`images` (n, 3, 32, 32) -> `rows` (any, 7): what counts them is not said to be pictures."""
    nodes = [
        helper.make_node('ReduceMean', ['images'], ['means'], axes=[2, 3], keepdims=0),
        helper.make_node('Concat', ['means', 'means', 'means'], ['nine'], axis=1),
        helper.make_node('Split', ['nine'], ['rows', 'rest'], axis=1),
    ]
    weights = [numpy_helper.from_array(np.array([7, 2], np.int64), 'sizes')]
    nodes[-1].input.append('sizes')
    inputs = [helper.make_tensor_value_info('images', TensorProto.FLOAT, ['n', 3, 32, 32])]
    outputs = [helper.make_tensor_value_info('rows', TensorProto.FLOAT, ['rows', 7])]
    graph = helper.make_graph(nodes, 'graph', inputs, outputs, weights)
    opsets = [helper.make_opsetid('', onnx_models.OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=onnx_models.IR_VERSION)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(
    'folder',
    [
        {'model': onnx_models.tiny_detector()},  # a fixed batch
        {'model': rows_of_seven(), 'settings': {'decoder': 'end_to_end'}},  # rows count detections
    ],
    ids=['fixed', 'rows'],
)
def test_where_rows_are_no_frames_they_run_one_after_another(
    load: Load, folder: dict[str, Any]
) -> None:
    assert load(4, **folder).batch_size == 1


@pytest.mark.parametrize('together', [1, 3])
def test_an_output_that_no_task_uses_is_left_out_also_where_it_counts_no_frames(
    model_folder: Callable[..., Path], together: int
) -> None:
    plain = loader(1).load(read_package(model_folder('plain')))
    whole = onnx_models.detector_with_more_outputs(free_batch=True)
    folder = model_folder('more', model=whole, golden=False)
    document = read_manifest_document(folder)
    document['outputs'] = [o for o in document['outputs'] if o['tensor'] == 'detections']
    write_manifest(folder, document)
    pipeline = loader(together).load(read_package(folder))
    messages = [picture(number) for number in range(together)]
    try:
        assert pipeline.batch_size == together
        alone = [run_together(plain, [message])[0] for message in messages]
        for one, other in zip(alone, run_together(pipeline, messages), strict=True):
            np.testing.assert_allclose(one.result.xyxy, other.result.xyxy, rtol=1e-5)
            assert len(one.result) > 0
    finally:
        pipeline.close()
        plain.close()


def test_a_model_that_computes_something_else_in_a_batch_is_refused_where_it_has_to(
    load: Load,
) -> None:
    model = altered_models.mixing_detector()
    assert load(1, model=model).batch_size == 1
    with pytest.raises(GoldenError, match='differs from the golden sample'):
        load(4, model=model)


@pytest.mark.parametrize(
    ('model', 'got'),
    [
        (onnx_models.tiny_detector(), 'got the input images: float32[2, 3, 64, 64]'),  # fixed
        (altered_models.flattening_detector(), 'got detections: [1, 32, 8]'),  # one list for all
    ],
    ids=['fixed', 'flattening'],
)
def test_a_manifest_that_frees_a_batch_which_is_not_free_is_refused_where_it_matters(
    model_folder: Callable[..., Path], model: bytes, got: str
) -> None:
    folder = model_folder(model=model)
    document = read_manifest_document(folder)
    for item in (*document['inputs'], *document['outputs']):
        item['shape'][0] = None
    write_manifest(folder, document)
    package = read_package(folder)
    Loader().load(package).close()
    with pytest.raises(ModelMismatchError, match='cannot run several frames at once') as caught:
        loader(2).load(package)
    assert got in str(caught.value)
    assert 'Write 1 instead of null' in str(caught.value)


def test_outputs_that_nobody_can_tell_apart_are_an_error() -> None:
    outputs = {'rows': np.zeros((3, 7), np.float32)}
    with pytest.raises(InferenceError, match=r"output 'rows' is \[3, 7\] for 2 frames"):
        list(split_rows(outputs, 2, 'm@1'))
