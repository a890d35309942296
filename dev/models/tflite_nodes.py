"""The ONNX nodes of the TensorFlow Lite operators that join, move or resize values."""

from __future__ import annotations

import numpy as np

from dev.models.errors import TfliteError
from dev.models.onnx_graph import GraphBuilder
from dev.models.tflite_activations import add_activated
from dev.models.tflite_file import Operator
from dev.models.tflite_signals import FIRST_FROM_LAST, Signals


def add_dequantize(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Note a constant of half precision as one of single precision; that loses nothing."""
    values = signals.constant(operator, 0)
    if values.dtype != np.float16:
        raise TfliteError(f'{operator.place}: {values.dtype} values, expected float16')
    signals.set_constant(operator.outputs[0], values.astype(np.float32))


def add_sum(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add a sum of two tensors."""
    _add_joined(graph, name, operator, signals, 'Add')


def add_product(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add a product of two tensors, value by value."""
    _add_joined(graph, name, operator, signals, 'Mul')


def add_padding(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add a border of zeros, in the picture or in the channels."""
    number = signals.input(operator, 0)
    before, after = np.asarray(signals.constant(operator, 1), np.int64).reshape(-1, 2).T
    order = list(FIRST_FROM_LAST) if len(signals.shape(number)) == 4 else list(range(len(before)))
    pads = graph.integers(f'{name}.pads', np.concatenate([before[order], after[order]]))
    target = signals.define(operator.outputs[0], name).name
    graph.node('Pad', [signals.natural(number).name, pads], [target])


def add_reshape(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add another shape for the same values in the file's order."""
    source = signals.as_written(signals.input(operator, 0)).name
    target = signals.define_as_written(operator.outputs[0], name)
    shape = graph.integers(f'{name}.shape', target.shape)
    graph.node('Reshape', [source, shape], [target.name])


def add_concatenation(
    graph: GraphBuilder, name: str, operator: Operator, signals: Signals
) -> None:
    """Add a concatenation along one axis."""
    sources = [signals.natural(number) for number in operator.inputs]
    rank = len(sources[0].shape)
    axis = operator.option(0, 'i')
    axis += rank if axis < 0 else 0
    if rank == 4:
        axis = FIRST_FROM_LAST.index(axis)
    with add_activated(graph, name, operator, signals, operator.option(1, 'b')) as target:
        graph.node('Concat', [source.name for source in sources], [target], axis=axis)


def add_bilinear(graph: GraphBuilder, name: str, operator: Operator, signals: Signals) -> None:
    """Add a picture at another size, made by bilinear interpolation."""
    source = signals.channels_first(signals.input(operator, 0))
    target = signals.define(operator.outputs[0], name)
    aligned, half_pixels = operator.option(2, 'b'), operator.option(3, 'b')
    mode = 'align_corners' if aligned else 'half_pixel' if half_pixels else 'asymmetric'
    sizes = graph.integers(f'{name}.sizes', target.shape)
    graph.node(
        'Resize',
        [source.name, '', '', sizes],
        [target.name],
        mode='linear',
        coordinate_transformation_mode=mode,
    )


def _add_joined(
    graph: GraphBuilder, name: str, operator: Operator, signals: Signals, kind: str
) -> None:
    rank = len(signals.shape(operator.outputs[0]))
    sources = []
    for place in (0, 1):
        number = signals.input(operator, place)
        if signals.is_constant(number):
            values = signals.constant(operator, place)
            values = values.reshape((1,) * (rank - values.ndim) + values.shape)
            values = values.transpose(FIRST_FROM_LAST) if rank == 4 else values
            sources.append(graph.floats(f'{name}.{place}', np.ascontiguousarray(values)))
        elif len(signals.shape(number)) != rank:
            raise TfliteError(f'{operator.place}: tensors of different numbers of axes')
        else:
            sources.append(signals.natural(number).name)
    with add_activated(graph, name, operator, signals, operator.option(0, 'b')) as target:
        graph.node(kind, sources, [target])
