"""Convert a TensorFlow Lite network (.tflite) of floats to ONNX with numpy and onnx only.

Inputs and outputs keep their names, their order and their layout (channels last), so whatever is
written about the original is true of the result. Inside, channels come first as ONNX wants them.
"""

from __future__ import annotations

from collections.abc import Callable

from dev.models import tflite_activations, tflite_convolutions, tflite_nodes
from dev.models.errors import TfliteError
from dev.models.onnx_graph import GraphBuilder, Value
from dev.models.tflite_file import Operator, read_network
from dev.models.tflite_signals import Signals

AddNodes = Callable[[GraphBuilder, str, Operator, Signals], None]

_WRITERS: dict[str, AddNodes] = {
    'ADD': tflite_nodes.add_sum,
    'AVERAGE_POOL_2D': tflite_convolutions.add_average_pool,
    'CONCATENATION': tflite_nodes.add_concatenation,
    'CONV_2D': tflite_convolutions.add_convolution,
    'Convolution2DTransposeBias': tflite_convolutions.add_transposed_with_bias,
    'DEPTHWISE_CONV_2D': tflite_convolutions.add_depthwise,
    'DEQUANTIZE': tflite_nodes.add_dequantize,
    'HARD_SWISH': tflite_activations.add_hard_swish,
    'LOGISTIC': tflite_activations.add_logistic,
    'MAX_POOL_2D': tflite_convolutions.add_max_pool,
    'MUL': tflite_nodes.add_product,
    'PAD': tflite_nodes.add_padding,
    'PRELU': tflite_activations.add_prelu,
    'RELU': tflite_activations.add_relu,
    'RESHAPE': tflite_nodes.add_reshape,
    'RESIZE_BILINEAR': tflite_nodes.add_bilinear,
}


def convert(content: bytes, name: str) -> bytes:
    """Convert a network.

    Args:
        content: The whole .tflite file.
        name: Name of the ONNX graph.

    Returns:
        The ONNX model, the same bytes every time.

    Raises:
        TfliteError: The file is damaged, or has something that is not known here.
    """
    network = read_network(content)
    graph = GraphBuilder(name)
    signals = Signals(graph, network)
    for number, operator in enumerate(network.operators):
        writer = _WRITERS.get(operator.kind)
        if writer is None:
            raise TfliteError(
                f'{operator.place} is not supported; supported: {", ".join(sorted(_WRITERS))}'
            )
        if len(operator.outputs) != 1:
            raise TfliteError(f'{operator.place}: {len(operator.outputs)} outputs, expected one')
        writer(graph, f'{operator.kind.lower()}_{number:03d}', operator, signals)
    inputs = [Value(network.tensors[one].name, signals.shape(one)) for one in network.inputs]
    outputs = [signals.as_written(number) for number in network.outputs]
    return graph.serialize(inputs, outputs)
