"""The ONNX nodes that compute what one Darknet layer computes; the head has its own file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dev.models.darknet_layers import Convolution, MaxPool, Shortcut, Upsample
from dev.models.darknet_weights import WeightReader
from dev.models.errors import DarknetError
from dev.models.onnx_graph import GraphBuilder, Value

# Darknet adds this to the standard deviation, not to the variance.
BATCH_NORM_EPSILON = 1e-6
LEAKY_SLOPE = 0.1


def add_convolution(
    graph: GraphBuilder, name: str, layer: Convolution, source: Value, reader: WeightReader
) -> Value:
    """Add a convolution with its batch normalization folded in, and its activation."""
    _, channels, height, width = source.shape
    if channels % layer.groups:
        raise DarknetError(
            f'{name} [convolutional]: {channels} channels cannot be parted into '
            f'groups={layer.groups}'
        )
    kernel, bias = _folded_weights(name, layer, channels // layer.groups, reader)
    convolved = f'{name}.conv' if layer.activation != 'linear' else name
    graph.node(
        'Conv',
        [
            source.name,
            graph.floats(f'{name}.weight', kernel),
            graph.floats(f'{name}.bias', bias),
        ],
        [convolved],
        kernel_shape=[layer.size] * 2,
        strides=[layer.stride] * 2,
        pads=[layer.padding] * 4,
        group=layer.groups,
    )
    _add_activation(graph, layer.activation, convolved, name)
    out_hw = [
        (size + 2 * layer.padding - layer.size) // layer.stride + 1 for size in (height, width)
    ]
    return Value(name, (1, layer.filters, *out_hw))


def add_max_pool(graph: GraphBuilder, name: str, layer: MaxPool, source: Value) -> Value:
    """Add a max pool; Darknet pads at the right and bottom first, with minus infinity."""
    _, channels, height, width = source.shape
    begin, end = layer.padding // 2, layer.padding - layer.padding // 2
    out_hw = [(size + layer.padding - layer.size) // layer.stride + 1 for size in (height, width)]
    graph.node(
        'MaxPool',
        [source.name],
        [name],
        kernel_shape=[layer.size] * 2,
        strides=[layer.stride] * 2,
        pads=[begin, begin, end, end],
    )
    return Value(name, (1, channels, *out_hw))


def add_upsample(graph: GraphBuilder, name: str, layer: Upsample, source: Value) -> Value:
    """Add a nearest-neighbor enlargement."""
    _, channels, height, width = source.shape
    scales = graph.floats(f'{name}.scales', [1, 1, layer.stride, layer.stride])
    graph.node(
        'Resize',
        [source.name, '', scales],
        [name],
        mode='nearest',
        coordinate_transformation_mode='asymmetric',
        nearest_mode='floor',
    )
    return Value(name, (1, channels, height * layer.stride, width * layer.stride))


def add_shortcut(
    graph: GraphBuilder, name: str, layer: Shortcut, previous: Value, earlier: Value
) -> Value:
    """Add a residual sum."""
    if previous.shape != earlier.shape:
        raise DarknetError(
            f'{name} [shortcut]: layers of different shapes cannot be added: '
            f'{previous.shape} and {earlier.shape}'
        )
    summed = f'{name}.sum' if layer.activation != 'linear' else name
    graph.node('Add', [previous.name, earlier.name], [summed])
    _add_activation(graph, layer.activation, summed, name)
    return Value(name, previous.shape)


def add_concatenation(
    graph: GraphBuilder, name: str, sources: Sequence[Value], axis: int
) -> Value:
    """Add a concatenation; all other axes must agree."""
    graph.node('Concat', [source.name for source in sources], [name], axis=axis)
    shape = list(sources[0].shape)
    shape[axis] = sum(source.shape[axis] for source in sources)
    return Value(name, tuple(shape))


def _folded_weights(
    name: str, layer: Convolution, channels: int, reader: WeightReader
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel (filters, channels, size, size) and bias (filters,), normalization included."""
    bias = reader.take(layer.filters, place=f'{name} bias').astype(np.float64)
    factor = np.ones(layer.filters)
    if layer.batch_normalize:
        gain = reader.take(layer.filters, place=f'{name} scale').astype(np.float64)
        mean = reader.take(layer.filters, place=f'{name} mean').astype(np.float64)
        variance = reader.take(layer.filters, place=f'{name} variance').astype(np.float64)
        factor = gain / (np.sqrt(variance) + BATCH_NORM_EPSILON)
        bias = bias - mean * factor
    shape = (layer.filters, channels, layer.size, layer.size)
    kernel = reader.take(*shape, place=f'{name} kernel') * factor[:, None, None, None]
    return kernel.astype(np.float32), bias.astype(np.float32)


def _add_activation(graph: GraphBuilder, activation: str, source: str, target: str) -> None:
    if activation == 'leaky':
        graph.node('LeakyRelu', [source], [target], alpha=LEAKY_SLOPE)
    elif activation == 'relu':
        graph.node('Relu', [source], [target])
    elif activation == 'logistic':
        graph.node('Sigmoid', [source], [target])
