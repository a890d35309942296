"""Cuts open an ONNX detector of one picture, `images` -> `detections`, and spoils it.

Each function takes a model, changes a copy and returns it. A *certain picture* is one whose pixels
are brighter on average than a limit; `images` holds values from 0 to 255.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HONEST = 'honest_detections'
"""What the output was before."""


def twice_the_work(model: onnx.ModelProto) -> onnx.ModelProto:
    """Runs the network a second time, on other numbers, so that no optimizer merges both."""
    second = [_renamed(node) for node in model.graph.node]
    return _changed(
        model,
        [
            helper.make_node('Add', ['images', 'spoil_one'], ['spoil_images']),
            *second,
            helper.make_node('Mul', ['spoil_detections', 'spoil_zero'], ['spoil_nothing']),
            helper.make_node('Add', [HONEST, 'spoil_nothing'], ['detections']),
        ],
        {'spoil_one': np.float32(1), 'spoil_zero': np.float32(0)},
    )


def not_a_number_above(model: onnx.ModelProto, brightness: float) -> onnx.ModelProto:
    """Gives nothing but NaN for certain pictures: the root of a negative number."""
    return _changed(
        model,
        [
            *_mean(),
            helper.make_node('Sub', ['spoil_limit', 'spoil_mean'], ['spoil_rest']),
            helper.make_node('Sqrt', ['spoil_rest'], ['spoil_root']),
            helper.make_node('Sub', ['spoil_root', 'spoil_root'], ['spoil_nothing']),
            helper.make_node('Add', [HONEST, 'spoil_nothing'], ['detections']),
        ],
        {'spoil_limit': np.float32(brightness)},
    )


def failing_above(model: onnx.ModelProto, brightness: float) -> onnx.ModelProto:
    """Makes the engine fail on certain pictures: it looks behind the end of a list."""
    return _changed(
        model,
        [
            *_is_certain(),
            helper.make_node('Cast', ['spoil_certain'], ['spoil_place'], to=TensorProto.INT64),
            helper.make_node('Gather', ['spoil_idle', 'spoil_place'], ['spoil_nothing']),
            helper.make_node('Add', [HONEST, 'spoil_nothing'], ['detections']),
        ],
        {'spoil_limit': np.float32(brightness), 'spoil_idle': np.zeros(1, np.float32)},
    )


def endless_above(model: onnx.ModelProto, brightness: float) -> onnx.ModelProto:
    """Never comes back from certain pictures: it turns in a loop 2^62 times."""
    loop = ['spoil_most', 'spoil_certain', 'spoil_idle']
    return _changed(
        model,
        [
            *_is_certain(),
            helper.make_node('Loop', loop, ['spoil_nothing'], body=_idle_turn()),
            helper.make_node('Add', [HONEST, 'spoil_nothing'], ['detections']),
        ],
        {
            'spoil_limit': np.float32(brightness),
            'spoil_most': np.array(2**62, np.int64),
            'spoil_idle': np.zeros(1, np.float32),
        },
    )


def beyond_above(model: onnx.ModelProto, brightness: float, far: float) -> onnx.ModelProto:
    """Adds `far` to every number of the output for certain pictures."""
    return _changed(
        model,
        [
            *_is_certain(),
            helper.make_node('Cast', ['spoil_certain'], ['spoil_share'], to=TensorProto.FLOAT),
            helper.make_node('Mul', ['spoil_share', 'spoil_far'], ['spoil_more']),
            helper.make_node('Add', [HONEST, 'spoil_more'], ['detections']),
        ],
        {'spoil_limit': np.float32(brightness), 'spoil_far': np.float32(far)},
    )


def blind_on_the_right(model: onnx.ModelProto, columns: int, rows: int) -> onnx.ModelProto:
    """Sees nothing in the right half of the picture.

    Args:
        model: gives (1, 4 + C, N), N = rows x columns cells of the picture, line by line.
        columns: cells of a line.
        rows: lines.
    """
    seen = np.tile(np.arange(columns) < columns // 2, rows)
    numbers = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    mask = np.ones((1, numbers, columns * rows), np.float32)
    mask[:, 4:] = seen
    node = helper.make_node('Mul', [HONEST, 'spoil_seen'], ['detections'])
    return _changed(model, [node], {'spoil_seen': mask})


def with_noise(model: onnx.ModelProto, strength: float, seed: int = 0) -> onnx.ModelProto:
    """Adds noise to the weights.

    Args:
        model: the model.
        strength: of the noise, as a share of the spread of each tensor of weights.
        seed: of the noise.
    """
    random = np.random.default_rng(seed)

    def noisy(weights: Any) -> Any:
        return weights + strength * weights.std() * random.standard_normal(weights.shape)

    return _with_weights(model, noisy)


def with_random_weights(model: onnx.ModelProto, seed: int = 0) -> onnx.ModelProto:
    """Draws all weights anew, as many and as large as before: an export without its training."""
    random = np.random.default_rng(seed)
    return _with_weights(model, lambda w: w.std() * random.standard_normal(w.shape))


def _with_weights(model: onnx.ModelProto, change: Any) -> onnx.ModelProto:
    changed = copy.deepcopy(model)
    for item in changed.graph.initializer:
        weights = numpy_helper.to_array(item)
        if weights.ndim == 4:
            new = change(weights.astype(np.float64)).astype(weights.dtype)
            item.CopyFrom(numpy_helper.from_array(new, item.name))
    return changed


def _changed(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Any]
) -> onnx.ModelProto:
    """Returns the model whose output the last of some more nodes makes of the honest one."""
    changed = copy.deepcopy(model)
    for node in changed.graph.node:
        for place, name in enumerate(node.output):
            if name == 'detections':
                node.output[place] = HONEST
    changed.graph.node.extend(nodes)
    changed.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    onnx.checker.check_model(changed, full_check=True)
    return changed


def _renamed(node: onnx.NodeProto) -> onnx.NodeProto:
    """Returns a node of a second network that shares the weights of the first one."""
    new = copy.deepcopy(node)
    new.name = f'spoil_{node.name}'
    made = [name for name in node.input if name.startswith('/') or name == 'images']
    for place, name in enumerate(node.input):
        if name in made:
            new.input[place] = f'spoil_{name}'
    for place, name in enumerate(node.output):
        new.output[place] = f'spoil_{name}'
    return new


def _mean() -> list[onnx.NodeProto]:
    return [helper.make_node('ReduceMean', ['images'], ['spoil_mean'], keepdims=0)]


def _is_certain() -> list[onnx.NodeProto]:
    return [
        *_mean(),
        helper.make_node('Greater', ['spoil_mean', 'spoil_limit'], ['spoil_certain']),
    ]


def _idle_turn() -> onnx.GraphProto:
    def tensor(name: str, element: int, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, element, shape)

    return helper.make_graph(
        [
            helper.make_node('Identity', ['goes'], ['goes_on']),
            helper.make_node('Add', ['sum', 'spoil_idle'], ['next']),
        ],
        'turn',
        [
            tensor('turn', TensorProto.INT64, []),
            tensor('goes', TensorProto.BOOL, []),
            tensor('sum', TensorProto.FLOAT, [1]),
        ],
        [tensor('goes_on', TensorProto.BOOL, []), tensor('next', TensorProto.FLOAT, [1])],
    )
