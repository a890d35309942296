"""Small models with the outputs of face detectors, and weights of a fixed seed."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STRIDES = (8, 16, 32)
_OUTPUTS = {'cls': 1, 'obj': 1, 'bbox': 4, 'kps': 10}


def like_yunet(width: int, height: int) -> bytes:
    """A model of pictures [1, 3, height, width] with the twelve outputs of OpenCV's YuNet."""
    dice = np.random.default_rng(3)
    nodes, constants, outputs = [], [], []
    for name, numbers in _OUTPUTS.items():
        for stride in STRIDES:
            output, count = f'{name}_{stride}', (width // stride) * (height // stride)
            weights = dice.normal(0, 1, (numbers, 3, stride, stride)) / (40 * stride**2)
            weights *= 30 if numbers == 1 else 1
            held = {
                'weights': weights.astype(np.float32),
                'bias': dice.normal(0, 0.3, numbers).astype(np.float32),
                'shape': np.array([1, count, numbers]),
            }
            constants += [
                numpy_helper.from_array(value, f'{output} {key}') for key, value in held.items()
            ]
            nodes += _head(output, stride, activated=numbers == 1)
            outputs.append(
                helper.make_tensor_value_info(output, TensorProto.FLOAT, (1, count, numbers))
            )
    picture = helper.make_tensor_value_info('input', TensorProto.FLOAT, (1, 3, height, width))
    graph = helper.make_graph(nodes, 'faces', [picture], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _head(output: str, stride: int, activated: bool) -> list[onnx.NodeProto]:
    """Nodes from the picture to one output, [1, cells, numbers]."""
    inputs = ['input', f'{output} weights', f'{output} bias']
    made = [
        helper.make_node(
            'Conv', inputs, [f'{output} map'], strides=(stride,) * 2, kernel_shape=(stride,) * 2
        )
    ]
    last = f'{output} map'
    if activated:
        made.append(helper.make_node('Sigmoid', [last], [f'{output} score']))
        last = f'{output} score'
    made.append(helper.make_node('Transpose', [last], [f'{output} rows'], perm=(0, 2, 3, 1)))
    made.append(helper.make_node('Reshape', [f'{output} rows', f'{output} shape'], [output]))
    return made
