"""A model whose picture has no fixed size runs on pictures of every size, and its boxes fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx_models
import pytest
from model_folders import pin_files, read_manifest_document, write_manifest, write_model_folder
from onnx import TensorProto, helper, numpy_helper

from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.batching import BatchSettings
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.errors import FrameError, GoldenError, ModelMismatchError
from ml_integration.store.package.package import read_package

FREE = [None, 3, None, None]
EDGE = {'resize': 'shortest_edge', 'shortest_edge': 48, 'longest_edge': 100, 'pad_multiple': 32}


def middle_finder(masked: bool = False) -> bytes:
    """A detector that sees one object, in the middle half of whatever it is given.

    `images` (batch, 3, height, width) float32 -> `detections` (batch, 1, 8): the box as
    fractions, objectness 1, and the mean color as scores of three classes.

    Args:
        masked: it multiplies the picture with a `mask` (batch, height, width) int64 first.
    """
    nodes = [
        helper.make_node('Cast', ['mask'], ['floats'], to=TensorProto.FLOAT),
        helper.make_node('Unsqueeze', ['floats', 'one'], ['planes']),
        helper.make_node('Mul', ['images', 'planes'], ['seen']),
    ] * masked + [
        helper.make_node(
            'ReduceMean', ['seen' if masked else 'images'], ['colors'], axes=[2, 3], keepdims=0
        ),
        helper.make_node('Unsqueeze', ['colors', 'one'], ['scores']),
        helper.make_node('ReduceMean', ['scores'], ['mean'], axes=[2], keepdims=1),
        helper.make_node('Mul', ['mean', 'nothing'], ['zeros']),
        helper.make_node('Add', ['zeros', 'box'], ['boxes']),
        helper.make_node('Concat', ['boxes', 'scores'], ['detections'], axis=2),
    ]
    constants = {
        'one': np.array([1], np.int64),
        'nothing': np.zeros(1, np.float32),
        'box': np.array([[[0.5, 0.5, 0.5, 0.5, 1]]], np.float32),
    }
    sizes = ['batch', 3, 'height', 'width']
    graph = helper.make_graph(
        nodes,
        'graph',
        [
            helper.make_tensor_value_info('images', TensorProto.FLOAT, sizes),
            helper.make_tensor_value_info('mask', TensorProto.INT64, ['batch', *sizes[2:]]),
        ][: 1 + masked],
        [helper.make_tensor_value_info('detections', TensorProto.FLOAT, ['batch', 1, 8])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid('', onnx_models.OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=onnx_models.IR_VERSION)
    data: bytes = model.SerializeToString()
    return data


Write = Callable[..., Path]


@pytest.fixture
def write(store: Path) -> Write:
    """Writes a package of the model with an `encode:`, and a golden sample if one is given."""

    def written(
        encode: dict[str, Any],
        sample: np.ndarray | None = None,
        off: float = 0,
        sizes: list[int | None] = FREE,
        constant: float | None = None,
    ) -> Path:
        masked = constant is not None
        folder = write_model_folder(
            store, 'masked' if masked else 'middle', 1, model=middle_finder(masked), golden=False,
            settings={'decoder': 'yolo', 'decoder_options': {'normalized': True}},
        )  # fmt: skip
        document = read_manifest_document(folder)
        document['inputs'][0].update(shape=sizes, encode=encode)
        if masked:
            document['inputs'][1:] = [{'tensor': 'mask', 'constant': constant}]
        document['outputs'][0].update(shape=[None, 1, 8])
        if sample is not None:
            scores = sample.mean(axis=(0, 2, 3)) + off
            expected = np.array([[[0.5, 0.5, 0.5, 0.5, 1, *scores]]], np.float32)
            tolerances = {'rtol': np.array(1e-4), 'atol': np.array(1e-4)}
            stored = {'input.images': sample, 'output.detections': expected, **tolerances}
            np.savez_compressed(folder / 'golden.npz', **stored)
            document['golden'] = 'golden.npz'
        write_manifest(folder, document)
        pin_files(folder)
        return folder

    return written


@pytest.fixture
def load(write: Write) -> Iterator[Callable[..., Pipeline]]:
    pipelines: list[Pipeline] = []

    def loaded(encode: dict[str, Any], **more: Any) -> Pipeline:
        loader = Loader(batch=BatchSettings(max_size=4), streams=2)
        pipelines.append(loader.load(read_package(write(encode, **more))))
        return pipelines[-1]

    yield loaded
    for pipeline in pipelines:
        pipeline.close()


def run(pipeline: Pipeline, width: int, height: int) -> Prediction:
    """Runs it on a bright picture."""
    message = SimpleNamespace(
        header=SimpleNamespace(frame_id='camera'), width=width, height=height, encoding='rgb8',
        is_bigendian=0, step=3 * width, data=bytes([200, 100, 50]) * (width * height),
    )  # fmt: skip
    arrival = Arrival(message, 0, 0, 0)
    return pipeline.run(Observation('', arrival, {'images': (arrival,)}))


def test_the_boxes_of_each_picture_are_those_of_its_own_size(load: Any) -> None:
    pipeline = load(EDGE)
    for width, height, resized, padded in (
        (96, 72, (64, 48), (64, 64)),
        (72, 96, (48, 64), (64, 64)),
        (300, 60, (100, 20), (128, 32)),
        (96, 72, (64, 48), (64, 64)),
        (50, 50, (48, 48), (64, 64)),
    ):
        prediction = run(pipeline, width, height)
        assert prediction.verdict.ok
        corners = np.array([0.25, 0.25, 0.75, 0.75]) * (padded * 2)
        expected = corners * ((width, height) * 2) / (resized * 2)
        expected = expected.clip(0, (width, height) * 2)
        np.testing.assert_allclose(prediction.result.xyxy, [expected], atol=1e-3)


def test_a_picture_of_the_same_size_uses_the_same_tensor(load: Any) -> None:
    pipeline = load(EDGE)
    (source,) = pipeline.wiring.inputs
    run(pipeline, 96, 72)
    first = source.encoders[0].tensor
    run(pipeline, 96, 72)
    assert source.encoders[0].tensor is first
    run(pipeline, 300, 60)
    assert source.encoders[0].tensor.shape == (1, 3, 32, 128)


def test_pictures_of_several_sizes_do_not_run_together(load: Any) -> None:
    assert load(EDGE).batch_size == 1


def test_a_picture_that_would_fill_the_memory_costs_one_frame(load: Any) -> None:
    pipeline = load({'resize': 'none', 'max_pixels': 10000})
    with pytest.raises(FrameError, match=r'200 x 100 px after resizing.*at most 10000 pixels'):
        run(pipeline, 200, 100)
    assert run(pipeline, 100, 100).verdict.ok


def test_the_golden_sample_may_have_any_size(load: Any, store: Path) -> None:
    sample = np.random.default_rng(0).random((1, 3, 21, 34), np.float32)
    load(EDGE, sample=sample)


def test_a_golden_sample_of_free_size_is_compared(load: Any) -> None:
    sample = np.random.default_rng(0).random((1, 3, 21, 34), np.float32)
    with pytest.raises(GoldenError):
        load(EDGE, sample=sample, off=0.1)


@pytest.mark.parametrize('resize', ['letterbox', 'letterbox_topleft', 'stretch', 'crop'])
def test_an_input_without_any_size_is_refused_when_it_is_loaded(load: Any, resize: str) -> None:
    with pytest.raises(ModelMismatchError, match=f"'encode.resize: {resize}' could aim at"):
        load({'resize': resize})


@pytest.mark.parametrize(
    ('encode', 'sizes'),
    [(EDGE, FREE), ({'resize': 'stretch'}, [None, 3, 32, 48])],
    ids=['size of each picture', 'fixed size'],
)
def test_a_constant_of_free_size_is_as_large_as_the_picture(
    load: Any, encode: dict[str, Any], sizes: list[int | None]
) -> None:
    plain, masked = load(encode, sizes=sizes), load(encode, sizes=sizes, constant=1)
    for width, height in ((96, 72), (300, 60), (300, 60), (72, 96)):
        expected, prediction = run(plain, width, height), run(masked, width, height)
        np.testing.assert_allclose(prediction.result.xyxy, expected.result.xyxy)
        np.testing.assert_allclose(prediction.result.scores, expected.result.scores, atol=1e-6)


def test_each_element_of_a_constant_of_free_size_has_its_value(load: Any) -> None:
    pipeline = load(EDGE, constant=0.0)
    assert len(run(pipeline, 300, 60).result.scores) == 0
