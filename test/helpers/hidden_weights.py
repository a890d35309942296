"""Models with external weights at every place that a model has for a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.array([10, 11, 12], np.float32)
"""Weights in the file; a model that reads them adds them to its input."""

Path = tuple[str, ...]
"""Fields that lead from a model to a tensor."""


def paths(message: Any = onnx.ModelProto.DESCRIPTOR, seen: Path = ()) -> Iterator[Path]:
    """Yields every way from a model to a tensor that enters no kind of message three times."""
    for field in message.fields:
        into = field.message_type
        if into is None or seen.count(into.name) == 2:
            continue
        if into is TensorProto.DESCRIPTOR:
            yield (field.name,)
        else:
            yield from ((field.name, *rest) for rest in paths(into, (*seen, into.name)))


def with_tensor(path: Path, tensor: TensorProto) -> bytes:
    """The serialized model that has a tensor at the end of a path."""
    model = onnx.ModelProto(ir_version=8)
    message: Any = model
    for name in path:
        message = getattr(message, name)
        if not _is_message(message):
            message = message.add()
    message.CopyFrom(tensor)
    return model.SerializeToString()


def external(location: str = 'weights.bin', **entries: str) -> TensorProto:
    """The tensor `w` (3,) float32, in a file."""
    tensor = TensorProto(
        name='w', dims=[3], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL
    )
    for key, value in {'location': location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def references(message: Any) -> Iterator[str]:
    """Yields the location of every external tensor, whatever holds it: the naive way."""
    if isinstance(message, TensorProto) and message.data_location == TensorProto.EXTERNAL:
        yield {entry.key: entry.value for entry in message.external_data}.get('location', '')
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in [value] if _is_message(value) else value:
                yield from references(item)


def _is_message(value: Any) -> bool:
    return hasattr(value, 'ListFields')


def hidden(place: str, tensor: TensorProto | None = None) -> bytes:
    """A model that adds `w` to `x` (3,) and runs, if the engine finds the weights.

    Args:
        place: where it has them: 'initializer', 'constant', 'branch', 'function' or 'sparse'.
        tensor: the weights; the ones of `external` if not given.
    """
    weights = tensor or external()
    add = helper.make_node('Add', ['x', 'w'], ['y'])
    constant = helper.make_node('Constant', [], ['w'], value=weights)
    initializers = [weights] if place == 'initializer' else []
    nodes, functions, sparse = [add], [], []
    if place == 'constant':
        nodes = [constant, add]
    elif place == 'function':
        opset = [helper.make_opsetid('', 17)]
        functions = [helper.make_function('my', 'F', ['x'], ['y'], [constant, add], opset)]
        nodes = [helper.make_node('F', ['x'], ['y'], domain='my')]
    elif place == 'sparse':
        indices = numpy_helper.from_array(np.arange(3))
        sparse = [helper.make_sparse_tensor(weights, indices, [3])]
    elif place == 'branch':
        nodes = _branches(weights)
    floats = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in 'xy']
    graph = helper.make_graph(
        nodes, 'g', floats[:1], floats[1:], initializers, sparse_initializer=sparse
    )
    opsets = [helper.make_opsetid('', 17), helper.make_opsetid('my', 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)
    data: bytes = model.SerializeToString()
    return data


def _branches(weights: TensorProto) -> list[onnx.NodeProto]:
    """Nodes that add the weights in a branch, which is taken unless the sum of x is 0."""

    def branch(node: onnx.NodeProto, initializers: list[TensorProto]) -> onnx.GraphProto:
        output = helper.make_tensor_value_info('z', TensorProto.FLOAT, [3])
        return helper.make_graph([node], 'branch', [], [output], initializers)

    return [
        helper.make_node('ReduceSum', ['x'], ['sum'], keepdims=0),
        helper.make_node('Cast', ['sum'], ['any'], to=TensorProto.BOOL),
        helper.make_node(
            'If', ['any'], ['y'],
            then_branch=branch(helper.make_node('Add', ['x', 'w'], ['z']), [weights]),
            else_branch=branch(helper.make_node('Identity', ['x'], ['z']), []),
        ),
    ]  # fmt: skip
