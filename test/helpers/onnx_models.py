"""Small real ONNX models for tests, good ones and broken ones.

The detector and the classifier compute something that a test can predict: the brighter a
color channel, the higher the score of the class with that index.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
CELL = 16
"""The detector looks at cells of this many pixels and gives one candidate for each."""

takes_external_weights = pytest.mark.skipif(
    not hasattr(onnxruntime.SessionOptions, 'add_external_initializers_from_files_in_memory'),
    reason='this ONNX Runtime cannot take external weights from memory',
)


def tiny_detector(
    size: int = 64, classes: int = 3, *, free_batch: bool = False, spoiled: bool = False
) -> bytes:
    """A detector with an output like YOLOv5's.

    `images` (1, 3, size, size) float32, RGB from 0 to 1 -> `detections` (1, N, 5 + classes)
    float32, N = (size / 16)^2: for each cell of 16 x 16 px its center x and y [px], width and
    height [px] (16 plus 8 times the mean of its color), objectness (sigmoid of 10 times the sum
    of its color minus 5) and the classes' scores (the same of the channel with their index).

    Args:
        free_batch: the batch dimension has no size.
        spoiled: every value is NaN.
    """
    count = (size // CELL) ** 2
    batch = 'batch' if free_batch else 1
    return _model(
        _detector_nodes(),
        [_tensor('images', TensorProto.FLOAT, [batch, 3, size, size])],
        [_tensor('detections', TensorProto.FLOAT, [batch, count, 5 + classes])],
        _detector_constants(size // CELL, classes, spoiled),
    )


def _detector_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node(
            'AveragePool', ['images'], ['pooled'], kernel_shape=[CELL, CELL], strides=[CELL, CELL]
        ),
        helper.make_node('Reshape', ['pooled', 'cell_shape'], ['channels_first']),
        helper.make_node('Transpose', ['channels_first'], ['cells'], perm=[0, 2, 1]),
        helper.make_node('MatMul', ['cells', 'size_weights'], ['growth']),
        helper.make_node('Add', ['growth', 'cell_size'], ['sizes']),
        helper.make_node('MatMul', ['cells', 'score_weights'], ['raw_scores']),
        helper.make_node('Add', ['raw_scores', 'score_bias'], ['logits']),
        helper.make_node('Sigmoid', ['logits'], ['scores']),
        helper.make_node('Mul', ['sizes', 'zero'], ['no_sizes']),
        helper.make_node('Add', ['no_sizes', 'centers'], ['all_centers']),
        helper.make_node('Concat', ['all_centers', 'sizes', 'scores'], ['boxes'], axis=2),
        helper.make_node('Mul', ['boxes', 'factor'], ['detections']),
    ]


def _detector_constants(side: int, classes: int, spoiled: bool) -> dict[str, Any]:
    """The detector's weights for side x side cells."""
    count = side * side
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    centers = (np.stack([x, y], -1).reshape(1, count, 2) + 0.5) * CELL
    channels = np.eye(3, dtype=np.float32)[np.arange(classes) % 3].T
    score_weights = 10 * np.concatenate([np.ones((3, 1), np.float32), channels], axis=1)
    return {
        'cell_shape': np.array([-1, 3, count], np.int64),
        'size_weights': np.full((3, 2), 8 / 3, np.float32),
        'cell_size': np.full((1, 1, 2), CELL, np.float32),
        'score_weights': score_weights.astype(np.float32),
        'score_bias': np.full((1, 1, 1 + classes), -5, np.float32),
        'zero': np.zeros((1, 1, 1), np.float32),
        'centers': centers.astype(np.float32),
        'factor': np.array(np.nan if spoiled else 1, np.float32),
    }


def laden_detector(weights_mb: int = 0, work_mb: int = 0) -> bytes:
    """The tiny detector with something to carry, which changes no result.

    Args:
        weights_mb: size of a weight of which it uses one row [MB].
        work_mb: size of a tensor that it makes in each run [MB].
    """
    model = onnx.load_from_string(tiny_detector())
    (last,) = (node for node in model.graph.node if node.output[0] == 'detections')
    last.output[0] = 'unladen'
    rows = max(1, weights_mb * 1000)
    constants = {
        'weights': np.random.default_rng(0).random((rows, 250), np.float32),
        'wide': np.array([max(1, work_mb * 1000), 250], np.int64),
        'no': np.zeros(1, np.float32),
        'flat': np.array([1], np.int64),
    }
    model.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in constants.items())
    model.graph.node.extend(
        [
            helper.make_node('ReduceMean', ['images'], ['mean'], keepdims=0),
            helper.make_node('Reshape', ['mean', 'flat'], ['means']),
            helper.make_node('Mul', ['means', 'no'], ['nothing']),
            helper.make_node('Cast', ['nothing'], ['first'], to=TensorProto.INT64),
            helper.make_node('Gather', ['weights', 'first'], ['row']),
            helper.make_node('Expand', ['row', 'wide'], ['work']),
            helper.make_node('Mul', ['work', 'means'], ['more']),
            helper.make_node('ReduceMax', ['more'], ['most'], keepdims=0),
            helper.make_node('Mul', ['most', 'no'], ['none']),
            helper.make_node('Add', ['unladen', 'none'], ['detections']),
        ]
    )
    return model.SerializeToString()


def chain() -> bytes:
    """`x` (?,) float32 -> `y` () float32, its largest value, by way of tensors as large as `x`."""
    return _model(
        [
            helper.make_node('Neg', ['x'], ['a']),
            helper.make_node('Cos', ['a'], ['b']),
            helper.make_node('Mul', ['b', 'zero'], ['c']),
            helper.make_node('Sub', ['c', 'a'], ['d']),
            helper.make_node('ReduceMax', ['d'], ['y'], keepdims=0),
        ],
        [_tensor('x', TensorProto.FLOAT, ['n'])],
        [_tensor('y', TensorProto.FLOAT, [])],
        {'zero': np.zeros(1, np.float32)},
    )


def rotated_detector(size: int = 64) -> bytes:
    """A detector with an output like that of Ultralytics' rotated boxes.

    `images` (1, 3, size, size) float32, RGB from 0 to 1 -> `output0` (1, 8, 1) float32: center
    (40, 24) and size (30, 10) of the only box [px], the mean of each channel as the score of the
    class with its index, and as the angle [rad] that of red.
    """
    nodes = [
        helper.make_node('GlobalAveragePool', ['images'], ['means']),
        helper.make_node('Reshape', ['means', 'column'], ['scores']),
        helper.make_node('Slice', ['scores', 'zero', 'one', 'one'], ['angle']),
        helper.make_node('Concat', ['box', 'scores', 'angle'], ['output0'], axis=1),
    ]
    return _model(
        nodes,
        [_tensor('images', TensorProto.FLOAT, [1, 3, size, size])],
        [_tensor('output0', TensorProto.FLOAT, [1, 8, 1])],
        {
            'column': np.array([1, 3, 1], np.int64),
            'zero': np.array([0], np.int64),
            'one': np.array([1], np.int64),
            'box': np.array([40, 24, 30, 10], np.float32).reshape(1, 4, 1),
        },
    )


def instance_segmenter(size: int = 64, *, right: bool = False) -> bytes:
    """The tiny detector with a mask: a half of the input for each object, in YOLO's layout.

    `images` as the detector's -> `output0` (1, N, 5 + 3 + 1), whose last number is 1, and
    `output1` (1, 1, size / 4, size / 4), which is 1 in the left half and -1 in the right one.

    Args:
        right: it is the other way around.
    """
    model = onnx.load_from_string(tiny_detector(size))
    side, count = size // 4, (size // CELL) ** 2
    halves = np.where(np.arange(side) < side // 2, 1, -1) * (-1 if right else 1)
    constants = {
        'ones': np.ones((1, count, 1), np.float32),
        'halves': np.tile(halves, (1, 1, side, 1)).astype(np.float32),
    }
    model.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in constants.items())
    model.graph.node.extend(
        [
            helper.make_node('Concat', ['detections', 'ones'], ['output0'], axis=2),
            helper.make_node('Identity', ['halves'], ['output1']),
        ]
    )
    del model.graph.output[:]
    model.graph.output.extend(
        [
            _tensor('output0', TensorProto.FLOAT, [1, count, 9]),
            _tensor('output1', TensorProto.FLOAT, [1, 1, side, side]),
        ]
    )
    data: bytes = model.SerializeToString()
    return data


def channel_scores(height: int = 32, width: int = 48, *, free_batch: bool = False) -> bytes:
    """`pixel_values` (1, 3, height, width) -> `logits`, the same: each color is a class."""
    shape = ['batch' if free_batch else 1, 3, height, width]
    return _model(
        [helper.make_node('Identity', ['pixel_values'], ['logits'])],
        [_tensor('pixel_values', TensorProto.FLOAT, shape)],
        [_tensor('logits', TensorProto.FLOAT, shape)],
    )


def depth_map(height: int = 32, width: int = 48) -> bytes:
    """`pixel_values` (1, 3, height, width) -> `predicted_depth` (1, height, width) float32."""
    return _model(
        [
            helper.make_node(
                'ReduceMean', ['pixel_values'], ['predicted_depth'], axes=[1], keepdims=0
            )
        ],
        [_tensor('pixel_values', TensorProto.FLOAT, [1, 3, height, width])],
        [_tensor('predicted_depth', TensorProto.FLOAT, [1, height, width])],
    )


def optical_flow() -> bytes:
    """`images` (1, 3, 32, 48) -> `flow` (1, 2, 32, 48) float32, which no task reads."""
    return _model(
        [helper.make_node('Gather', ['images', 'two'], ['flow'], axis=1)],
        [_tensor('images', TensorProto.FLOAT, [1, 3, 32, 48])],
        [_tensor('flow', TensorProto.FLOAT, [1, 2, 32, 48])],
        {'two': np.array([0, 1], np.int64)},
    )


def detector_with_more_outputs(*, free_batch: bool = False) -> bytes:
    """The tiny detector and, beside its detections, `total` (1,): the sum of them all."""
    model = onnx.load_from_string(tiny_detector(free_batch=free_batch))
    model.graph.node.append(helper.make_node('ReduceSum', ['detections'], ['sum'], keepdims=0))
    model.graph.node.append(helper.make_node('Reshape', ['sum', 'one'], ['total']))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), 'one'))
    model.graph.output.append(_tensor('total', TensorProto.FLOAT, [1]))
    data: bytes = model.SerializeToString()
    return data


def detector_told_the_size(height: int, width: int, *, free_batch: bool = False) -> bytes:
    """`images` (1, 3, height, width), `orig_target_sizes` (1, 2) int64 -> as RT-DETR is exported.

    `labels` [0, 1] int64, `boxes` and `scores` [0.9, 0.8]; the boxes are 0.25, 0.25, 0.5, 0.75 and
    0.5, 0.5, 1, 1 times the size, which is the width and height of a picture.
    """
    batch = 'N' if free_batch else 1
    nodes = [
        helper.make_node('ReduceMean', ['images'], ['mean'], keepdims=0),
        helper.make_node('Mul', ['mean', 'zero'], ['none']),
        helper.make_node('Cast', ['orig_target_sizes'], ['size'], to=TensorProto.FLOAT),
        helper.make_node('Concat', ['size', 'size'], ['sizes'], axis=1),
        helper.make_node('Unsqueeze', ['sizes', 'one'], ['factors']),
        helper.make_node('Mul', ['fractions', 'factors'], ['placed']),
        helper.make_node('Add', ['placed', 'none'], ['boxes']),
        helper.make_node('Identity', ['all_labels'], ['labels']),
        helper.make_node('Identity', ['all_scores'], ['scores']),
    ]
    return _model(
        nodes,
        [
            _tensor('images', TensorProto.FLOAT, [batch, 3, height, width]),
            _tensor('orig_target_sizes', TensorProto.INT64, [batch, 2]),
        ],
        [
            _tensor('labels', TensorProto.INT64, [1, 2]),
            _tensor('boxes', TensorProto.FLOAT, [1, 2, 4]),
            _tensor('scores', TensorProto.FLOAT, [1, 2]),
        ],
        {
            'zero': np.array(0, np.float32),
            'one': np.array([1], np.int64),
            'fractions': np.array([[[0.25, 0.25, 0.5, 0.75], [0.5, 0.5, 1, 1]]], np.float32),
            'all_labels': np.array([[0, 1]], np.int64),
            'all_scores': np.array([[0.9, 0.8]], np.float32),
        },
    )


def classifier(
    size: int = 32, classes: int = 3, *, softmax: bool = False, free_batch: bool = False
) -> bytes:
    """`images` (1, 3, size, size) float32 -> `scores` (1, classes) float32.

    The score is 10 times the mean of the channel with the class's index modulo 3.
    """
    last = 'logits' if softmax else 'scores'
    batch = 'batch' if free_batch else 1
    nodes = [
        helper.make_node('GlobalAveragePool', ['images'], ['means']),
        helper.make_node('Flatten', ['means'], ['flat']),
        helper.make_node('MatMul', ['flat', 'weights'], [last]),
    ]
    if softmax:
        nodes.append(helper.make_node('Softmax', ['logits'], ['scores'], axis=1))
    weights = 10 * np.eye(3, dtype=np.float32)[np.arange(classes) % 3].T
    return _model(
        nodes,
        [_tensor('images', TensorProto.FLOAT, [batch, 3, size, size])],
        [_tensor('scores', TensorProto.FLOAT, [batch, classes])],
        {'weights': weights},
    )


def two_headed_classifier(size: int = 32) -> bytes:
    """`images` (1, 3, size, size) float32 -> `color` (1, 3) and `light` (1, 2), logits.

    Those of the color are 10 times the mean of its channel; those of the light are 0 for dark, and
    20 times the mean of red less 5 for bright.
    """
    nodes = [
        helper.make_node('GlobalAveragePool', ['images'], ['means']),
        helper.make_node('Flatten', ['means'], ['flat']),
        helper.make_node('MatMul', ['flat', 'channels'], ['color']),
        helper.make_node('MatMul', ['flat', 'red'], ['brightness']),
        helper.make_node('Add', ['brightness', 'offsets'], ['light']),
    ]
    red = np.zeros((3, 2), np.float32)
    red[0, 1] = 20
    return _model(
        nodes,
        [_tensor('images', TensorProto.FLOAT, [1, 3, size, size])],
        [
            _tensor('color', TensorProto.FLOAT, [1, 3]),
            _tensor('light', TensorProto.FLOAT, [1, 2]),
        ],
        {
            'channels': 10 * np.eye(3, dtype=np.float32),
            'red': red,
            'offsets': np.array([0, -5], np.float32),
        },
    )


def identity(
    element: int = TensorProto.FLOAT, *, opset: int = OPSET, ir_version: int = IR_VERSION
) -> bytes:
    """`x` (n, 3) of any element type -> the same as `y`."""
    return _model(
        [helper.make_node('Identity', ['x'], ['y'])],
        [_tensor('x', element, ['n', 3])],
        [_tensor('y', element, ['n', 3])],
        opset=opset,
        ir_version=ir_version,
    )


def one_node(operator: str, *, domain: str = '', output: int = TensorProto.FLOAT) -> bytes:
    """`x` (n, 3) float32 -> operator -> `y` (n, 3)."""
    return _model(
        [helper.make_node(operator, ['x'], ['y'], domain=domain)],
        [_tensor('x', TensorProto.FLOAT, ['n', 3])],
        [_tensor('y', output, ['n', 3])],
        domain=domain,
    )


def sequence_output() -> bytes:
    """`x` (n, 3) float32 -> `y`, a sequence of tensors."""
    return _model(
        [helper.make_node('SequenceConstruct', ['x'], ['y'])],
        [_tensor('x', TensorProto.FLOAT, ['n', 3])],
        [helper.make_tensor_sequence_value_info('y', TensorProto.FLOAT, None)],
    )


def pairs_of_rows() -> bytes:
    """`x` (n, 3) float32 -> `y` (n / 2, 6); fails when it runs on an odd number of rows."""
    return _model(
        [helper.make_node('Reshape', ['x', 'shape'], ['y'])],
        [_tensor('x', TensorProto.FLOAT, ['n', 3])],
        [_tensor('y', TensorProto.FLOAT, ['pairs', 6])],
        {'shape': np.array([-1, 6], np.int64)},
    )


def lying_about_its_output() -> bytes:
    """`x` (1, 3) -> `y`, stated as (1, 3): the columns that are not 0, of which there may be 2."""
    nodes = [
        helper.make_node('ReduceMax', ['x'], ['columns'], axes=[0], keepdims=0),
        helper.make_node('Cast', ['columns'], ['wanted'], to=TensorProto.BOOL),
        helper.make_node('Compress', ['x', 'wanted'], ['y'], axis=1),
    ]
    return _model(
        nodes,
        [_tensor('x', TensorProto.FLOAT, [1, 3])],
        [_tensor('y', TensorProto.FLOAT, [1, 3])],
    )


def lookup() -> bytes:
    """`x` (1, 1) int64 -> `y` (1, 1) float32: entry x of [10, 11, 12]; fails for others."""
    return _model(
        [helper.make_node('Gather', ['table', 'x'], ['y'])],
        [_tensor('x', TensorProto.INT64, [1, 1])],
        [_tensor('y', TensorProto.FLOAT, [1, 1])],
        {'table': np.array([10, 11, 12], np.float32)},
    )


def half_precision_classifier() -> bytes:
    """The classifier with float16 tensors and weights."""
    model = onnx.load_from_string(classifier())
    for item in (*model.graph.input, *model.graph.output):
        item.type.tensor_type.elem_type = TensorProto.FLOAT16
    for weights in model.graph.initializer:
        half = numpy_helper.to_array(weights).astype(np.float16)
        weights.CopyFrom(numpy_helper.from_array(half, weights.name))
    data: bytes = model.SerializeToString()
    return data


def quantized_classifier() -> bytes:
    """The classifier with its MatMul in int8: QuantizeLinear and DequantizeLinear around it."""
    means, weights = 1 / 127, 10 / 127
    nodes = [
        helper.make_node('GlobalAveragePool', ['images'], ['means']),
        helper.make_node('Flatten', ['means'], ['flat']),
        helper.make_node('QuantizeLinear', ['flat', 'mean_scale', 'zero'], ['small']),
        helper.make_node('DequantizeLinear', ['small', 'mean_scale', 'zero'], ['rough']),
        helper.make_node('DequantizeLinear', ['weights', 'weight_scale', 'zero'], ['matrix']),
        helper.make_node('MatMul', ['rough', 'matrix'], ['scores']),
    ]
    return _model(
        nodes,
        [_tensor('images', TensorProto.FLOAT, [1, 3, 32, 32])],
        [_tensor('scores', TensorProto.FLOAT, [1, 3])],
        {
            'mean_scale': np.array(means, np.float32),
            'weight_scale': np.array(weights, np.float32),
            'zero': np.array(0, np.int8),
            'weights': (127 * np.eye(3)).astype(np.int8),
        },
    )


def with_external_weights(folder: Path, weights: str = 'weights.bin') -> tuple[bytes, bytes]:
    """`x` (n, 3) -> `y` (n, 4), y = x @ [[0..3], [4..7], [8..11]]; the matrix in its own file.

    Returns:
        The model's bytes and the weights' bytes.
    """
    whole = _model(
        [helper.make_node('MatMul', ['x', 'w'], ['y'])],
        [_tensor('x', TensorProto.FLOAT, ['n', 3])],
        [_tensor('y', TensorProto.FLOAT, ['n', 4])],
        {'w': np.arange(12, dtype=np.float32).reshape(3, 4)},
    )
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save_model(
        onnx.load_from_string(whole),
        str(folder / 'model.onnx'),
        save_as_external_data=True,
        location=weights,
        size_threshold=0,
    )
    return (folder / 'model.onnx').read_bytes(), (folder / weights).read_bytes()


def _tensor(name: str, element: int, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape)


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, Any] | None = None,
    *,
    opset: int = OPSET,
    ir_version: int = IR_VERSION,
    domain: str = '',
) -> bytes:
    weights = [numpy_helper.from_array(a, name) for name, a in (constants or {}).items()]
    graph = helper.make_graph(nodes, 'graph', inputs, outputs, weights)
    opsets = [helper.make_opsetid('', opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    model = helper.make_model(
        graph, opset_imports=opsets, ir_version=ir_version, producer_name='test'
    )
    data: bytes = model.SerializeToString()
    return data


def endless_where_positive() -> bytes:
    """`x` (1,) -> `y` (1,), the same; where it is positive, after 2^62 turns of a loop."""
    turn = helper.make_graph(
        [
            helper.make_node('Identity', ['go'], ['again']),
            helper.make_node('Add', ['sum', 'none'], ['next']),
        ],
        'turn',
        [
            _tensor('turn', TensorProto.INT64, []),
            _tensor('go', TensorProto.BOOL, []),
            _tensor('sum', TensorProto.FLOAT, [1]),
        ],
        [_tensor('again', TensorProto.BOOL, []), _tensor('next', TensorProto.FLOAT, [1])],
    )
    nodes = [
        helper.make_node('Squeeze', ['x'], ['number']),
        helper.make_node('Greater', ['number', 'zero'], ['bright']),
        helper.make_node('Loop', ['most', 'bright', 'x'], ['y'], body=turn),
    ]
    constants = {
        'zero': np.array(0, np.float32),
        'none': np.zeros(1, np.float32),
        'most': np.array(2**62, np.int64),
    }
    inputs, outputs = (
        [_tensor('x', TensorProto.FLOAT, [1])],
        [_tensor('y', TensorProto.FLOAT, [1])],
    )
    return _model(nodes, inputs, outputs, constants)
