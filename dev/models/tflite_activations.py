"""The ONNX nodes of TensorFlow Lite's activations, alone or as the end of another operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from dev.models.errors import TfliteError
from dev.models.onnx_graph import GraphBuilder
from dev.models.tflite_file import Operator
from dev.models.tflite_signals import Signals

NONE, RELU, RELU6 = 0, 1, 3


@contextmanager
def add_activated(
    graph: GraphBuilder, name: str, operator: Operator, signals: Signals, activation: int
) -> Iterator[str]:
    """Yield what the operator's own node has to write, and add the activation behind it."""
    target = signals.define(operator.outputs[0], name).name
    if activation == NONE:
        yield target
        return
    before = f'{target}.before'
    yield before
    if activation == RELU:
        graph.node('Relu', [before], [target])
    elif activation == RELU6:
        limits = [graph.floats(f'{target}.{limit}', np.float32(limit)) for limit in (0, 6)]
        graph.node('Clip', [before, *limits], [target])
    else:
        raise TfliteError(f'{operator.place}: activation number {activation} is not known')


def add_relu(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add what lets only positive values pass."""
    _add_plain(graph, name, operator, signals, 'Relu')


def add_logistic(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add 1 / (1 + exp(-x))."""
    _add_plain(graph, name, operator, signals, 'Sigmoid')


def add_hard_swish(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add x * min(max(x + 3, 0), 6) / 6."""
    source = signals.natural(signals.input(operator, 0)).name
    gate = f'{name}.gate'
    graph.node('HardSigmoid', [source], [gate], alpha=1 / 6, beta=0.5)
    graph.node('Mul', [source, gate], [signals.define(operator.outputs[0], name).name])


def add_prelu(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add what scales negative values, by a factor of each channel."""
    source = signals.channels_first(signals.input(operator, 0))
    slope = signals.constant(operator, 1).reshape(-1)
    if len(slope) not in (1, source.shape[1]):
        raise TfliteError(
            f'{operator.place}: {len(slope)} slopes for {source.shape[1]} channels; '
            'expected one of each channel'
        )
    slopes = graph.floats(f'{name}.slope', slope.reshape(-1, 1, 1))
    target = signals.define(operator.outputs[0], name).name
    graph.node('PRelu', [source.name, slopes], [target])


def _add_plain(
    graph: GraphBuilder, name: str, operator: Operator, signals: Signals, kind: str
) -> None:
    source = signals.natural(signals.input(operator, 0)).name
    graph.node(kind, [source], [signals.define(operator.outputs[0], name).name])
