"""The tiny detector with something wrong or something added."""

from __future__ import annotations

from enum import Enum
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


def failing_detector() -> bytes:
    """Looks for a number where there is none, each time it runs."""
    model = onnx.load_from_string(onnx_models.tiny_detector())
    model.graph.node[-1].output[0] = 'in_no_time'
    model.graph.node.extend(
        [
            helper.make_node('Cast', ['images'], ['whole'], to=TensorProto.INT64),
            helper.make_node('ReduceMax', ['whole'], ['brightest'], keepdims=0),
            helper.make_node('Add', ['brightest', 'beyond'], ['place']),
            helper.make_node('Gather', ['numbers', 'place'], ['number']),
            helper.make_node('Add', ['in_no_time', 'number'], ['detections']),
        ]
    )
    constants = {'beyond': np.array(99, np.int64), 'numbers': np.zeros(3, np.float32)}
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


class Endless(Enum):
    """When an endless detector never comes back."""

    ALWAYS = 'always'
    BRIGHT = 'bright'
    TOGETHER = 'together'


def endless_detector(when: Endless) -> bytes:
    """Turns in a loop 2^62 times first.

    Args:
        when: for every picture, for those whose mean is above 0.5, or for several at once.
    """
    model = onnx.load_from_string(onnx_models.tiny_detector(free_batch=when is Endless.TOGETHER))
    model.graph.node[-1].output[0] = 'in_no_time'
    model.graph.node.extend(
        [
            *_condition(when),
            helper.make_node('Loop', ['most', 'go', 'idle'], ['spent'], body=_idle_turn()),
            helper.make_node('Add', ['in_no_time', 'spent'], ['detections']),
        ]
    )
    constants = {
        'most': np.array(2**62, np.int64),
        'idle': np.zeros(1, np.float32),
        'threshold': np.array({'always': -1.0, 'bright': 0.5}.get(when.value, 1.0), np.float32),
        'first': np.array(0, np.int64),
    }
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _condition(when: Endless) -> list[onnx.NodeProto]:
    if when is not Endless.TOGETHER:
        measure = [helper.make_node('ReduceMean', ['images'], ['measure'], keepdims=0)]
    else:
        measure = [
            helper.make_node('Shape', ['images'], ['sides']),
            helper.make_node('Gather', ['sides', 'first'], ['count']),
            helper.make_node('Cast', ['count'], ['measure'], to=TensorProto.FLOAT),
        ]
    return [*measure, helper.make_node('Greater', ['measure', 'threshold'], ['go'])]


def _idle_turn() -> onnx.GraphProto:
    def tensor(name: str, element: int, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, element, shape)

    return helper.make_graph(
        [
            helper.make_node('Identity', ['goes'], ['goes_on']),
            helper.make_node('Add', ['sum', 'idle'], ['next']),
        ],
        'turn',
        [
            tensor('turn', TensorProto.INT64, []),
            tensor('goes', TensorProto.BOOL, []),
            tensor('sum', TensorProto.FLOAT, [1]),
        ],
        [tensor('goes_on', TensorProto.BOOL, []), tensor('next', TensorProto.FLOAT, [1])],
    )


class Fault(Enum):
    """What a fragile classifier does when it sees something bright."""

    FAILING = 'failing'
    SPOILED = 'spoiled'
    ENDLESS = 'endless'


def fragile_classifier(fault: Fault) -> bytes:
    """A classifier of one picture, which something bright (a channel above 0.9) makes faulty.

    Args:
        fault: the engine fails, the scores are no numbers, or it turns in a loop 2^62 times.
    """
    model = onnx.load_from_string(onnx_models.classifier())
    model.graph.node[-1].output[0] = 'good'
    model.graph.node.extend(
        [
            helper.make_node('ReduceMax', ['images'], ['brightest'], keepdims=0),
            helper.make_node('Greater', ['brightest', 'limit'], ['go']),
            *_fault(fault),
            helper.make_node('Add', ['good', 'spent'], ['scores']),
        ]
    )
    constants = {
        'limit': np.array(0.9, np.float32),
        'most': np.array(2**62, np.int64),
        'idle': np.zeros(1, np.float32),
    }
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _fault(fault: Fault) -> list[onnx.NodeProto]:
    """Nodes that make `spent`, which is 0, of `go` and `brightest`."""
    if fault is Fault.ENDLESS:
        return [helper.make_node('Loop', ['most', 'go', 'idle'], ['spent'], body=_idle_turn())]
    if fault is Fault.FAILING:
        return [
            helper.make_node('Cast', ['go'], ['place'], to=TensorProto.INT64),
            helper.make_node('Gather', ['idle', 'place'], ['spent']),
        ]
    return [
        helper.make_node('Sub', ['limit', 'brightest'], ['rest']),
        helper.make_node('Sqrt', ['rest'], ['root']),
        helper.make_node('Sub', ['root', 'root'], ['spent']),
    ]
