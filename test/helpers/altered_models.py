"""The tiny detector with something wrong or something added."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import onnx_models
from onnx import TensorProto, helper, numpy_helper

SIDE = 1024


def exaggerating_detector(factor: float) -> bytes:
    """Multiplies every number of the output, so that scores go beyond 1."""
    model = onnx.load_from_string(onnx_models.tiny_detector())
    (number,) = (item for item in model.graph.initializer if item.name == 'factor')
    number.CopyFrom(numpy_helper.from_array(np.array(factor, np.float32), 'factor'))
    data: bytes = model.SerializeToString()
    return data


def flattening_detector() -> bytes:
    """Puts the candidates of all pictures of a batch into one list."""
    model = onnx.load_from_string(onnx_models.tiny_detector(free_batch=True))
    model.graph.node[-1].output[0] = 'apart'
    model.graph.node.append(helper.make_node('Reshape', ['apart', 'one_list'], ['detections']))
    one_list = numpy_helper.from_array(np.array([1, -1, 8], np.int64), 'one_list')
    model.graph.initializer.append(one_list)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = 'candidates'
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def mixing_detector() -> bytes:
    """Sees the mean of all pictures of a batch in each of them."""
    model = onnx.load_from_string(onnx_models.tiny_detector(free_batch=True))
    model.graph.node[0].input[0] = 'mixed'
    mixing = [
        helper.make_node('ReduceMean', ['images'], ['mean'], axes=[0], keepdims=1),
        helper.make_node('Shape', ['images'], ['shape']),
        helper.make_node('Expand', ['mean', 'shape'], ['mixed']),
    ]
    nodes = [*mixing, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def slow_detector(rounds: int, *, free_batch: bool = False) -> bytes:
    """Multiplies big matrices first, for nothing: about 0.05 s of one core per round."""
    model = onnx.load_from_string(onnx_models.tiny_detector(free_batch=free_batch))
    model.graph.node[-1].output[0] = 'in_no_time'
    tiny = helper.make_tensor('value', TensorProto.FLOAT, [1], [1 / SIDE])
    matrices = [f'matrix_{number}' for number in range(rounds + 1)]
    model.graph.node.extend(
        [
            helper.make_node('ConstantOfShape', ['sides'], ['weights'], value=tiny),
            helper.make_node('ReduceMean', ['images'], ['mean'], keepdims=0),
            helper.make_node('Mul', ['weights', 'mean'], [matrices[0]]),
            *(
                helper.make_node('MatMul', [before, 'weights'], [after])
                for before, after in pairwise(matrices)
            ),
            helper.make_node('ReduceMean', [matrices[-1]], ['something'], keepdims=0),
            helper.make_node('Mul', ['something', 'zero'], ['nothing']),
            helper.make_node('Add', ['in_no_time', 'nothing'], ['detections']),
        ]
    )
    sides = numpy_helper.from_array(np.array([SIDE, SIDE], np.int64), 'sides')
    model.graph.initializer.append(sides)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
