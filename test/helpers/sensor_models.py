"""Models of several inputs and of other sensors than cameras, small enough to check by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
from model_folders import pin_files, read_manifest_document, write_manifest, write_model_folder
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
JOINTS = {
    'tensor': 'joints', 'kind': 'joint_state', 'topic': 'joint_states', 'dtype': 'float32',
    'shape': [1, 2], 'encode': {'joints': ['hip', 'knee'], 'fields': ['position']},
}  # fmt: skip
IMAGES = {
    'tensor': 'images', 'kind': 'image', 'topic': 'image', 'dtype': 'float32',
    'shape': [1, 3, 8, 8], 'encode': {'resize': 'stretch', 'scale': 255.0},
}  # fmt: skip
IMU = {
    'tensor': 'imu', 'kind': 'imu', 'topic': 'imu', 'dtype': 'float32', 'shape': [1, 20, 3],
    'keep': {'window_ms': 200}, 'encode': {'fields': ['angular_velocity'], 'rate_hz': 100},
}  # fmt: skip
HELD = {'keep': {'latest_ms': 300}}
NAMED = {'outputs': ['state'], 'dimensions': ['batch', 'values']}


def imu_mean() -> bytes:
    """`imu` (1, 20, 3) -> `mean` (1, 3) over time, `last` (1, 3)."""
    nodes = [
        helper.make_node('ReduceMean', ['imu'], ['mean'], axes=[1], keepdims=0),
        helper.make_node('Gather', ['imu', 'end'], ['last'], axis=1),
    ]
    return _model(
        nodes, [('imu', FLOAT, [1, 20, 3])], [('mean', [1, 3]), ('last', [1, 3])],
        {'end': np.array(19, np.int64)},
    )  # fmt: skip


def picture_and_joints() -> bytes:
    """`images` (1, 3, 8, 8) and `joints` (1, 2) -> `state` (1, 5): mean colors, joints."""
    nodes = [
        helper.make_node('ReduceMean', ['images'], ['colors'], axes=[2, 3], keepdims=0),
        helper.make_node('Concat', ['colors', 'joints'], ['state'], axis=1),
    ]
    inputs = [('images', FLOAT, [1, 3, 8, 8]), ('joints', FLOAT, [1, 2])]
    return _model(nodes, inputs, [('state', [1, 5])])


def adder() -> bytes:
    """`joints` (1, 2), `h_in` (1, 2), `gain` () -> `h_out` = h_in + gain * joints, `sum`."""
    nodes = [
        helper.make_node('Mul', ['joints', 'gain'], ['scaled']),
        helper.make_node('Add', ['h_in', 'scaled'], ['h_out']),
        helper.make_node('Identity', ['h_out'], ['sum']),
    ]
    inputs = [('joints', FLOAT, [1, 2]), ('h_in', FLOAT, [1, 2]), ('gain', FLOAT, [])]
    return _model(nodes, inputs, [('h_out', [1, 2]), ('sum', [1, 2])])


def sized() -> bytes:
    """`images` (1, 3, 8, 8) and `orig_size` (1, 2) int64 -> `size` (1, 2) float."""
    nodes = [
        helper.make_node('Cast', ['orig_size'], ['numbers'], to=FLOAT),
        helper.make_node('ReduceMean', ['images'], ['mean'], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node('Mul', ['mean', 'none'], ['nothing']),
        helper.make_node('Add', ['numbers', 'nothing'], ['size']),
    ]
    inputs = [('images', FLOAT, [1, 3, 8, 8]), ('orig_size', INT64, [1, 2])]
    return _model(nodes, inputs, [('size', [1, 2])], {'none': np.array(0, np.float32)})


def write_sensor_model(
    store: Path,
    name: str,
    model: bytes,
    inputs: Sequence[Mapping[str, Any]],
    *,
    trigger: object = None,
    settings: Mapping[str, Any] | None = None,
    version: int = 1,
) -> Path:
    """Writes a package of the task `tensor` with these inputs as its manifest has them."""
    folder = write_model_folder(
        store, name, version, model=model, labels=(), golden=False, task='tensor',
        settings=settings or {},
    )  # fmt: skip
    document = read_manifest_document(folder)
    document['inputs'] = [dict(item) for item in inputs]
    if trigger is not None:
        document['trigger'] = trigger
    write_manifest(folder, document)
    pin_files(folder)
    return folder


def _model(
    nodes: list[Any],
    inputs: Sequence[tuple[str, int, list[int]]],
    outputs: Sequence[tuple[str, list[int]]],
    weights: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    graph = helper.make_graph(
        nodes,
        'graph',
        [helper.make_tensor_value_info(*item) for item in inputs],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid('', onnx_models.OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=onnx_models.IR_VERSION)
    data: bytes = model.SerializeToString()
    return data


def write_sensor_store(store: Path) -> None:
    """Writes one model of each kind: `turning`, `seen`, `adding`, `steady` and `sized`."""
    state, gain = {'tensor': 'h_in', 'state_of': 'h_out'}, {'tensor': 'gain', 'constant': 2.0}
    size = {'tensor': 'orig_size', 'size_of': 'images', 'order': 'hw'}
    write_sensor_model(store, 'turning', imu_mean(), [IMU], trigger={'rate_hz': 20})
    seen = [IMAGES, {**JOINTS, **HELD}]
    write_sensor_model(store, 'seen', picture_and_joints(), seen, settings=NAMED)
    write_sensor_model(store, 'adding', adder(), [JOINTS, state, gain])
    steady = [{**JOINTS, **HELD}, state, gain]
    write_sensor_model(store, 'steady', adder(), steady, trigger={'rate_hz': 20})
    write_sensor_model(store, 'sized', sized(), [IMAGES, size])
