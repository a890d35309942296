"""What a manifest says of inputs that are no messages fits the model's tensors, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx_models
import pytest
from model_folders import read_manifest_document, write_manifest
from onnx import TensorProto, helper
from sensor_models import IMAGES, JOINTS, write_sensor_model

from ml_integration.deploy.loading import Loader
from ml_integration.errors import ModelMismatchError
from ml_integration.store.package.package import read_package

Load = Callable[..., Any]


def model(source: dict[str, Any], kind: int, shape: list[int]) -> bytes:
    """An input of messages and one `more`, which has no effect -> `y` (1,)."""
    size = helper.make_node('Size', ['more'], ['size'])
    nodes = [size, helper.make_node('Cast', ['size'], ['y'], to=TensorProto.FLOAT)]
    nodes.append(helper.make_node('Identity', [source['tensor']], ['same']))
    graph = helper.make_graph(
        nodes,
        'graph',
        [
            helper.make_tensor_value_info(source['tensor'], TensorProto.FLOAT, source['shape']),
            helper.make_tensor_value_info('more', kind, shape),
        ],
        [
            helper.make_tensor_value_info('y', TensorProto.FLOAT, []),
            helper.make_tensor_value_info('same', TensorProto.FLOAT, source['shape']),
        ],
    )
    opsets = [helper.make_opsetid('', 13)]
    data: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return data


@pytest.fixture
def load(store: Path) -> Load:
    """Loads a model with one input that says nothing but how it is filled."""

    def loaded(source: dict[str, Any], kind: int, shape: list[int], filled: dict[str, Any]) -> Any:
        data = model(source, kind, shape)
        folder = write_sensor_model(store, 'm', data, [source, {'tensor': 'more', **filled}])
        pipeline = Loader().load(read_package(folder))
        pipeline.close()
        return pipeline.wiring.rows['more']

    return loaded


@pytest.mark.parametrize(
    ('kind', 'value'),
    [
        (TensorProto.INT64, 3.5),
        (TensorProto.INT32, 2**31),
        (TensorProto.INT64, 2**63),
        (TensorProto.UINT8, -1),
        (TensorProto.FLOAT, 1e39),
        (TensorProto.FLOAT16, 70000),
        (TensorProto.BOOL, 2),
    ],
)
def test_a_constant_that_the_type_cannot_hold_is_refused(
    load: Load, kind: int, value: float
) -> None:
    with pytest.raises(ModelMismatchError, match="'more' cannot hold its constant"):
        load(JOINTS, kind, [2], {'constant': value})


@pytest.mark.parametrize(
    ('kind', 'value'),
    [
        (TensorProto.INT64, 3),
        (TensorProto.UINT8, 255),
        (TensorProto.FLOAT, 0.1),
        (TensorProto.FLOAT16, -0.5),
        (TensorProto.DOUBLE, 1e300),
        (TensorProto.BOOL, 1),
    ],
)
def test_a_constant_fills_its_tensor(load: Load, kind: int, value: float) -> None:
    assert load(JOINTS, kind, [2], {'constant': value}).tolist() == pytest.approx(
        [value] * 2, rel=1e-3
    )


@pytest.mark.parametrize(
    ('kind', 'shape'),
    [
        (TensorProto.INT64, [3]),  # such as a size with channels
        (TensorProto.INT64, []),
        (TensorProto.INT64, [2, 2]),
        (TensorProto.UINT8, [2]),  # no picture is so small
        (TensorProto.BOOL, [2]),
    ],
)
def test_a_tensor_that_cannot_hold_a_size_is_refused(
    load: Load, kind: int, shape: list[int]
) -> None:
    with pytest.raises(ModelMismatchError, match="'more' cannot hold the size of a picture"):
        load(IMAGES, kind, shape, {'size_of': 'images'})


def test_an_output_that_the_task_does_not_use_may_be_left_out_with_its_golden_sample(
    model_folder: Callable[..., Path],
) -> None:
    folder = model_folder(model=onnx_models.detector_with_more_outputs())
    document = read_manifest_document(folder)
    document['outputs'] = [o for o in document['outputs'] if o['tensor'] == 'detections']
    write_manifest(folder, document)
    package = read_package(folder)
    assert package.golden is not None
    assert set(package.golden.outputs) == {'detections', 'total'}  # the session still gives both
    pipeline = Loader().load(package)
    assert [spec.name for spec in pipeline.model.outputs] == ['detections']
    pipeline.close()


@pytest.mark.parametrize('name', ['more', 'detection'])
def test_an_output_that_the_model_does_not_have_is_refused(
    model_folder: Callable[..., Path], name: str
) -> None:
    folder = model_folder(golden=False)
    document = read_manifest_document(folder)
    if name == 'more':
        document['outputs'].append({'tensor': 'more', 'dtype': 'float32', 'shape': [1]})
    else:
        document['outputs'][0]['tensor'] = name
    write_manifest(folder, document)
    with pytest.raises(ModelMismatchError, match='does not state the outputs'):
        Loader().load(read_package(folder))
