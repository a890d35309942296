"""Models of kinds that no task reads, with outputs shaped like those of detectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_models
from onnx import TensorProto, helper, numpy_helper

SIZE = 64


def _projected(
    rows: int, columns: int, low: float, high: float, seed: int = 1
) -> tuple[list[onnx.NodeProto], dict[str, Any]]:
    """Nodes that make `values` (1, rows, columns) between low and high of `images`."""
    random = np.random.default_rng(seed)
    nodes = [
        helper.make_node('AveragePool', ['images'], ['pooled'], kernel_shape=[16, 16],
                         strides=[16, 16]),
        helper.make_node('Flatten', ['pooled'], ['flat']),
        helper.make_node('MatMul', ['flat', 'mixing'], ['mixed']),
        helper.make_node('Tanh', ['mixed'], ['bounded']),
        helper.make_node('Reshape', ['bounded', 'shape'], ['unit']),
        helper.make_node('Mul', ['unit', 'half'], ['scaled']),
        helper.make_node('Add', ['scaled', 'middle'], ['values']),
    ]  # fmt: skip
    constants = {
        'mixing': random.normal(0, 0.3, (48, rows * columns)).astype(np.float32),
        'shape': np.array([1, rows, columns], np.int64),
        'half': np.array((high - low) / 2, np.float32),
        'middle': np.array((high + low) / 2, np.float32),
    }
    return nodes, constants


def _model(
    nodes: list[onnx.NodeProto], constants: dict[str, Any], **outputs: tuple[int, ...]
) -> bytes:
    weights = [numpy_helper.from_array(a, name) for name, a in constants.items()]
    graph = helper.make_graph(
        nodes,
        'graph',
        [helper.make_tensor_value_info('images', TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        weights,
    )
    opset = [helper.make_opsetid('', onnx_models.OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=onnx_models.IR_VERSION)
    data: bytes = model.SerializeToString()
    return data


def detr(queries: int = 100, classes: int = 12) -> bytes:
    """A DETR that sees nothing: `logits` (1, Q, C + 1), the last class by far the largest."""
    nodes, constants = _projected(queries, classes + 5, -1.0, 1.0)
    nothing = np.zeros((1, 1, classes + 1), np.float32)
    nothing[..., -1] = 8.0
    constants |= {'nothing': nothing, 'sizes': np.array([classes + 1, 4], np.int64)}
    nodes += [
        helper.make_node('Split', ['values', 'sizes'], ['raw', 'boxes'], axis=2),
        helper.make_node('Add', ['raw', 'nothing'], ['logits']),
        helper.make_node('Sigmoid', ['boxes'], ['pred_boxes']),
    ]
    return _model(nodes, constants, logits=(1, queries, classes + 1), pred_boxes=(1, queries, 4))


def depth() -> bytes:
    """A depth map (1, 48, 64), from 0.3 to 0.6."""
    nodes, constants = _projected(48, 64, 0.3, 0.6)
    return _model([*nodes, _named('predicted_depth')], constants, predicted_depth=(1, 48, 64))


def segmentation() -> bytes:
    """Probabilities of 12 classes for 8 x 8 cells, (1, 12, 64)."""
    nodes, constants = _projected(12, 64, 0.3, 1.0)
    constants['far'] = np.array([40] * 4 + [1] * 8, np.float32).reshape(1, 12, 1)
    nodes.append(helper.make_node('Mul', ['values', 'far'], ['output0']))
    return _model(nodes, constants, output0=(1, 12, 64))


def embedding(size: int = 64) -> bytes:
    """An embedding (1, size) of length 1."""
    nodes, constants = _projected(1, size, -1.0, 1.0)
    constants['flat_shape'] = np.array([1, size], np.int64)
    nodes += [
        helper.make_node('Reshape', ['values', 'flat_shape'], ['long']),
        helper.make_node('LpNormalization', ['long'], ['embedding'], axis=1, p=2),
    ]
    return _model(nodes, constants, embedding=(1, size))


def pose() -> bytes:
    """Box, score and 17 key points [px] of cells, (1, 56, 84)."""
    nodes, constants = _projected(56, 84, 10.0, 60.0)
    return _model([*nodes, _named('output0')], constants, output0=(1, 56, 84))


def oriented_boxes() -> bytes:
    """Center, size, score, class and angle of 30 boxes, (1, 30, 7)."""
    nodes, constants = _projected(30, 7, 0.0, 0.0)
    row = np.array([30, 40, 12, 8, 0.9, 0, 0.3], np.float32)
    constants['boxes'] = row.reshape(1, 1, 7)
    nodes.append(helper.make_node('Add', ['values', 'boxes'], ['output0']))
    return _model(nodes, constants, output0=(1, 30, 7))


def _named(output: str) -> onnx.NodeProto:
    return helper.make_node('Identity', ['values'], [output])
