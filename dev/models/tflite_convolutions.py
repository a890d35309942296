"""The ONNX nodes of TensorFlow Lite's convolutions and pools, with its way of padding."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dev.models.errors import TfliteError
from dev.models.onnx_graph import GraphBuilder
from dev.models.tflite_activations import add_activated
from dev.models.tflite_file import Operator
from dev.models.tflite_signals import Signals

SAME, VALID = 0, 1
# The custom operator counts from 1.
CUSTOM_SAME = 1


def add_convolution(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add a convolution; its kernel is (out, height, width, in)."""
    kernel = signals.constant(operator, 1).transpose(0, 3, 1, 2)
    stride_hw = (operator.option(2, 'i'), operator.option(1, 'i'))
    dilation_hw = (operator.option(5, 'i', 1), operator.option(4, 'i', 1))
    channels = signals.shape(signals.input(operator, 0))[3]
    if channels % kernel.shape[1]:
        raise TfliteError(
            f'{operator.place}: {channels} channels do not fit a kernel of {kernel.shape[1]}'
        )
    _add_convolved(
        graph, name, operator, signals, kernel, channels // kernel.shape[1],
        stride_hw, dilation_hw, operator.option(3, 'b'),
    )  # fmt: skip


def add_depthwise(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add a convolution of each channel alone; its kernel is (1, height, width, out)."""
    kernel = signals.constant(operator, 1).transpose(3, 0, 1, 2)
    stride_hw = (operator.option(2, 'i'), operator.option(1, 'i'))
    dilation_hw = (operator.option(6, 'i', 1), operator.option(5, 'i', 1))
    channels = signals.shape(signals.input(operator, 0))[3]
    _add_convolved(
        graph, name, operator, signals, kernel, channels, stride_hw, dilation_hw,
        operator.option(4, 'b'),
    )  # fmt: skip


def add_transposed_with_bias(
    graph: GraphBuilder, name: str, operator: Operator, signals: Signals
) -> None:
    """Add MediaPipe's own Convolution2DTransposeBias; its kernel is (out, height, width, in).

    Its settings are three int32: padding, stride in width and stride in height
    (mediapipe/util/tflite/operations/transpose_conv_bias.cc). Only windows that touch but do not
    overlap are known here: no padding is left to be placed then.
    """
    if len(operator.custom_options) < 12:
        raise TfliteError(f'{operator.place}: {len(operator.custom_options)} bytes of settings')
    padding, stride_width, stride_height = struct.unpack_from('<3i', operator.custom_options)
    kernel = signals.constant(operator, 1).transpose(3, 0, 1, 2)
    if padding != CUSTOM_SAME or kernel.shape[2:] != (stride_height, stride_width):
        raise TfliteError(
            f'{operator.place}: padding {padding} with strides {stride_height, stride_width} and '
            f'a kernel of {kernel.shape[2:]}; expected padding 1 and strides like the kernel'
        )
    source = signals.channels_first(signals.input(operator, 0))
    weight = graph.floats(f'{name}.weight', np.ascontiguousarray(kernel))
    bias = graph.floats(f'{name}.bias', signals.constant(operator, 2))
    graph.node(
        'ConvTranspose',
        [source.name, weight, bias],
        [signals.define(operator.outputs[0], name).name],
        kernel_shape=list(kernel.shape[2:]),
        strides=[stride_height, stride_width],
    )


def add_max_pool(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add the largest of a window."""
    _add_pool(graph, name, operator, signals, 'MaxPool')


def add_average_pool(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add the mean of a window; padded places do not count, in both formats."""
    _add_pool(graph, name, operator, signals, 'AveragePool')


def _add_convolved(
    graph: GraphBuilder, name: str, operator: Operator, signals: Signals,
    kernel: NDArray[Any], groups: int, stride_hw: tuple[int, int], dilation_hw: tuple[int, int],
    activation: int,
) -> None:  # fmt: skip
    source = signals.channels_first(signals.input(operator, 0))
    window_hw = (
        (kernel.shape[2] - 1) * dilation_hw[0] + 1,
        (kernel.shape[3] - 1) * dilation_hw[1] + 1,
    )
    weight = graph.floats(f'{name}.weight', np.ascontiguousarray(kernel))
    inputs = [source.name, weight]
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        inputs.append(graph.floats(f'{name}.bias', signals.constant(operator, 2)))
    with add_activated(graph, name, operator, signals, activation) as target:
        graph.node(
            'Conv',
            inputs,
            [target],
            kernel_shape=list(kernel.shape[2:]),
            strides=list(stride_hw),
            dilations=list(dilation_hw),
            group=groups,
            pads=_pads(operator, source.shape[2:], window_hw, stride_hw),
        )


def _add_pool(
    graph: GraphBuilder, name: str, operator: Operator, signals: Signals, kind: str
) -> None:
    source = signals.channels_first(signals.input(operator, 0))
    stride_hw = (operator.option(2, 'i'), operator.option(1, 'i'))
    window_hw = (operator.option(4, 'i'), operator.option(3, 'i'))
    with add_activated(graph, name, operator, signals, operator.option(5, 'b')) as target:
        graph.node(
            kind,
            [source.name],
            [target],
            kernel_shape=list(window_hw),
            strides=list(stride_hw),
            pads=_pads(operator, source.shape[2:], window_hw, stride_hw),
        )


def _pads(
    operator: Operator, size_hw: tuple[int, ...], window_hw: tuple[int, int],
    stride_hw: tuple[int, int],
) -> list[int]:  # fmt: skip
    """Return ONNX's pads (top, left, bottom, right); an odd pixel goes to the end."""
    padding = operator.option(0, 'b')
    if padding not in (SAME, VALID) or min(*stride_hw, *window_hw) < 1:
        raise TfliteError(
            f'{operator.place}: padding {padding}, window {window_hw}, strides {stride_hw}'
        )
    if padding == VALID:
        return [0, 0, 0, 0]
    sums = [
        max((-(-size // stride) - 1) * stride + window - size, 0)
        for size, window, stride in zip(size_hw, window_hw, stride_hw, strict=True)
    ]
    return [*(total // 2 for total in sums), *(total - total // 2 for total in sums)]
