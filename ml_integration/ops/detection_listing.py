"""Lists and draws objects that were found in a picture, for every task that finds some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.captions import caption
from ml_integration.ops.detections import Detections
from ml_integration.ops.drawing import Name, class_color, draw_names, draw_outline
from ml_integration.ops.rotated_boxes import corners


@dataclass(frozen=True, slots=True)
class BoxRow:
    """An object: name and number of its class, score, and edges of its box [px]."""

    label: str
    class_id: int
    score: float
    left: float
    top: float
    right: float
    bottom: float


def box_values(result: Detections, label: Callable[[int], str]) -> Iterator[tuple[Any, ...]]:
    """Yields the fields of a `BoxRow` of each object, best first."""
    for class_id, score, edges in zip(
        result.class_ids.tolist(), result.scores.tolist(), result.xyxy.tolist(), strict=True
    ):
        yield label(class_id), class_id, score, *edges


def draw_detections(canvas: Array, result: Detections, label: Callable[[int], str]) -> None:
    """Draws each box with its class and score into `canvas`, (H, W, 3) uint8 BGR."""
    turned = np.zeros(len(result), np.float32) if result.angles is None else result.angles
    boxes = corners(result.xyxy, turned)
    names = []
    for index, class_id in enumerate(result.class_ids.tolist()):
        text, color = caption(result, index, label(class_id)), class_color(class_id)
        names.append(Name(text, color, *draw_outline(canvas, boxes[index], color)))
    draw_names(canvas, names)
