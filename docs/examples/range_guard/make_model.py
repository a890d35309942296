"""Makes models/stop_or_go/1/model.onnx: the nearer the nearest of 8 beams, the higher the risk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FILE = Path(__file__).parent / 'models/stop_or_go/1/model.onnx'


def model() -> onnx.ModelProto:
    """Builds risk = sigmoid(4 - 4 * min(scan)): 0.5 at one meter."""
    nodes = [
        helper.make_node('ReduceMin', ['scan'], ['nearest'], axes=[1], keepdims=1),
        helper.make_node('Mul', ['nearest', 'factor'], ['scaled']),
        helper.make_node('Sub', ['four', 'scaled'], ['sum']),
        helper.make_node('Sigmoid', ['sum'], ['risk']),
    ]
    four = np.array(4.0, np.float32)
    graph = helper.make_graph(
        nodes,
        'stop_or_go',
        [helper.make_tensor_value_info('scan', TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info('risk', TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(four, 'factor'), numpy_helper.from_array(four, 'four')],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)


if __name__ == '__main__':
    FILE.write_bytes(model().SerializeToString())
