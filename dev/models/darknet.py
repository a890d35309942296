"""Convert a Darknet YOLOv3-style network (.cfg and .weights) to ONNX with numpy and onnx only.

The graph takes `images` (1, 3, H, W) float32 RGB 0..1 and gives `detections` (1, N, 5 + C)
float32: center x, center y, width and height in pixels of the network input, then objectness and
C class scores, each 0..1. Rows are ordered by head, anchor, grid row, grid column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dev.models.darknet_cfg import Network, parse_cfg
from dev.models.darknet_layers import Convolution, MaxPool, Route, Shortcut, Upsample, YoloHead
from dev.models.darknet_nodes import (
    add_concatenation,
    add_convolution,
    add_max_pool,
    add_shortcut,
    add_upsample,
)
from dev.models.darknet_weights import WeightReader
from dev.models.darknet_yolo_head import add_yolo_head
from dev.models.errors import DarknetError
from dev.models.onnx_graph import GraphBuilder, Value


def convert(
    cfg: str, weights: bytes, name: str, head_masks: Mapping[int, str] | None = None
) -> bytes:
    """Convert a network and its weights.

    Args:
        cfg: Text of the .cfg file.
        weights: Content of the .weights file; every value of it must be used.
        name: Name of the ONNX graph.
        head_masks: See `parse_cfg`.

    Returns:
        The ONNX model, the same bytes every time.
    """
    network = parse_cfg(cfg, head_masks)
    reader = WeightReader(weights)
    graph = GraphBuilder(name)
    images = Value('images', (1, network.channels, network.height, network.width))
    detections = _add_layers(graph, network, images, reader)
    reader.finish()
    return graph.serialize([images], [detections])


def _add_layers(
    graph: GraphBuilder, network: Network, images: Value, reader: WeightReader
) -> Value:
    values: list[Value] = []
    heads: list[Value] = []
    for number, layer in enumerate(network.layers):
        name = f'layer_{number:03d}'
        previous = values[-1] if values else images
        if isinstance(layer, Convolution):
            value = add_convolution(graph, name, layer, previous, reader)
        elif isinstance(layer, MaxPool):
            value = add_max_pool(graph, name, layer, previous)
        elif isinstance(layer, Upsample):
            value = add_upsample(graph, name, layer, previous)
        elif isinstance(layer, Route):
            value = _routed(graph, name, layer, values)
        elif isinstance(layer, Shortcut):
            value = add_shortcut(graph, name, layer, previous, values[layer.source])
        elif isinstance(layer, YoloHead):
            value = previous
            heads.append(add_yolo_head(graph, name, layer, previous, images))
        values.append(value)
    return _all_detections(graph, heads)


def _routed(graph: GraphBuilder, name: str, layer: Route, values: Sequence[Value]) -> Value:
    sources = [values[source] for source in layer.sources]
    if len(sources) == 1:
        return sources[0]
    if len({source.shape[2:] for source in sources}) > 1:
        shapes = [source.shape for source in sources]
        raise DarknetError(f'{name} [route]: layers of different sizes cannot be joined: {shapes}')
    return add_concatenation(graph, name, sources, axis=1)


def _all_detections(graph: GraphBuilder, heads: Sequence[Value]) -> Value:
    if not heads:
        raise DarknetError('cfg: no [yolo] section, so there is nothing to detect with')
    if len({head.shape[2] for head in heads}) > 1:
        raise DarknetError('cfg: the [yolo] sections have different numbers of classes')
    return add_concatenation(graph, 'detections', heads, axis=1)
