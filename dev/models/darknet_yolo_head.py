"""The YOLOv3 head: from raw convolution output to boxes in pixels of the network input."""

from __future__ import annotations

import numpy as np

from dev.models.darknet_layers import YoloHead
from dev.models.errors import DarknetError
from dev.models.onnx_graph import GraphBuilder, Value


def add_yolo_head(
    graph: GraphBuilder, name: str, layer: YoloHead, source: Value, images: Value
) -> Value:
    """Decode one head.

    Boxes stay channel-major until the very end, so that every step works on long runs of
    memory; one transpose then gives the rows.

    Returns:
        (1, anchors * rows * columns, 5 + classes): cx, cy, w, h [px], objectness, class scores.
    """
    _, channels, rows, columns = source.shape
    anchors, values = len(layer.anchors_wh), 5 + layer.classes
    if channels != anchors * values:
        raise DarknetError(
            f'{name} [yolo]: got {channels} channels, expected {anchors * values} '
            f'({anchors} anchors x (5 + {layer.classes} classes))'
        )
    cells = rows * columns
    shape = graph.integers(f'{name}.by_anchor', [1, anchors, values, cells])
    graph.node('Reshape', [source.name, shape], [f'{name}.raw'])
    sections = graph.integers(f'{name}.sections', [2, 2, values - 4])
    raw_parts = [f'{name}.raw_{part}' for part in ('xy', 'wh', 'scores')]
    graph.node('Split', [f'{name}.raw', sections], raw_parts, axis=2)

    _add_centers(graph, name, (rows, columns), (images.shape[2], images.shape[3]))
    _add_sizes(graph, name, layer.anchors_wh)
    graph.node('Sigmoid', [f'{name}.raw_scores'], [f'{name}.scores'])

    parts = [f'{name}.{part}' for part in ('xy', 'wh', 'scores')]
    graph.node('Concat', parts, [f'{name}.decoded'], axis=2)
    graph.node('Transpose', [f'{name}.decoded'], [f'{name}.cells'], perm=[0, 1, 3, 2])
    flat = graph.integers(f'{name}.flat', [1, anchors * cells, values])
    graph.node('Reshape', [f'{name}.cells', flat], [name])
    return Value(name, (1, anchors * cells, values))


def _add_centers(
    graph: GraphBuilder, name: str, grid_hw: tuple[int, int], image_hw: tuple[int, int]
) -> None:
    """(sigmoid(t) + cell) * cell size, as one product and one sum."""
    rows, columns = grid_hw
    cell_wh = np.array([image_hw[1] / columns, image_hw[0] / rows])
    y, x = np.divmod(np.arange(rows * columns), columns)
    corners = np.stack([x, y]) * cell_wh[:, None]
    graph.node('Sigmoid', [f'{name}.raw_xy'], [f'{name}.inside_cell'])
    cell = graph.floats(f'{name}.cell_wh', cell_wh[None, None, :, None])
    graph.node('Mul', [f'{name}.inside_cell', cell], [f'{name}.offset'])
    corner = graph.floats(f'{name}.corners', corners[None, None])
    graph.node('Add', [f'{name}.offset', corner], [f'{name}.xy'])


def _add_sizes(
    graph: GraphBuilder, name: str, anchors_wh: tuple[tuple[float, float], ...]
) -> None:
    graph.node('Exp', [f'{name}.raw_wh'], [f'{name}.growth'])
    anchors = graph.floats(f'{name}.anchors_wh', np.array(anchors_wh)[None, :, :, None])
    graph.node('Mul', [f'{name}.growth', anchors], [f'{name}.wh'])
