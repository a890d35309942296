"""Detection as a plain script does it, written without a line of this package.

Reads a model folder, uses cv2, numpy and onnxruntime, and is slow and short on purpose.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnxruntime
import yaml


class Found(NamedTuple):
    """One detection: corners [px of the picture], score and class name."""

    xyxy: np.ndarray
    score: float
    label: str


def detect(folder: Path, picture_bgr: np.ndarray) -> list[Found]:
    """Runs the detector in a model folder on a picture (H, W, 3) uint8; best first."""
    manifest = yaml.safe_load((folder / 'manifest.yaml').read_text())
    settings, encode = manifest['settings'], manifest['inputs'][0].get('encode', {})
    labels = (folder / manifest['labels']).read_text().split('\n')
    session = onnxruntime.InferenceSession(
        str(folder / manifest['model']), providers=['CPUExecutionProvider']
    )
    (feed,) = session.get_inputs()
    height, width = feed.shape[2:]
    picture, scale, offset = _fitted(picture_bgr, width, height, encode)
    (output,) = session.run(None, {feed.name: picture})
    boxes, scores, classes = _decoded(output[0], settings['decoder'])
    keep = scores >= settings.get('score_threshold', 0.25)
    boxes, scores, classes = boxes[keep], scores[keep], classes[keep]
    boxes = (boxes - np.tile(offset, 2)) / np.tile(scale, 2)
    limits = np.tile([picture_bgr.shape[1], picture_bgr.shape[0]], 2)
    kept = _suppressed(boxes, scores, classes, settings.get('iou_threshold', 0.45))
    clipped = np.clip(boxes, 0, limits)
    return [
        Found(clipped[i], float(scores[i]), labels[classes[i]])
        for i in kept[: settings.get('max_detections', 100)]
        if (clipped[i][2:] > clipped[i][:2]).all()
    ]


def _fitted(
    picture_bgr: np.ndarray, width: int, height: int, settings: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The input (1, 3, height, width) float32; scale and offset (x, y) of the picture in it."""
    source_height, source_width = picture_bgr.shape[:2]
    sizes = [width, height]
    if settings.get('resize', 'letterbox') == 'letterbox':
        factor = min(width / source_width, height / source_height)
        sizes = [round(source_width * factor), round(source_height * factor)]
    resized = cv2.resize(picture_bgr, sizes)
    left, top = (width - sizes[0]) // 2, (height - sizes[1]) // 2
    canvas = np.full((height, width, 3), settings.get('pad_value', 114), np.uint8)
    canvas[top : top + sizes[1], left : left + sizes[0]] = resized
    if settings.get('color', 'rgb') == 'rgb':
        canvas = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB)
    values = canvas.astype(np.float32) / settings.get('scale', 255.0)
    values = (values - settings.get('mean', 0)) / settings.get('std', 1)
    tensor = values.transpose(2, 0, 1)[None].astype(np.float32)
    scale = np.array(sizes) / [source_width, source_height]
    return np.ascontiguousarray(tensor), scale, np.array([left, top])


def _decoded(rows: np.ndarray, decoder: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners [px of the input], scores and classes."""
    if decoder == 'yolo':
        products = rows[:, 4:5] * rows[:, 5:]
    else:
        assert decoder == 'yolov8'
        rows = rows.T
        products = rows[:, 4:]
    x, y, w, h = rows[:, :4].T
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)
    return corners, products.max(axis=1), products.argmax(axis=1)


def _suppressed(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, threshold: float
) -> list[int]:
    """Greedy suppression within each class; indices, best first."""
    kept: list[int] = []
    for index in np.argsort(-scores, kind='stable').tolist():
        rivals = [k for k in kept if classes[k] == classes[index]]
        if all(_overlap(boxes[index], boxes[k]) <= threshold for k in rivals):
            kept.append(index)
    return kept


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = np.prod(np.maximum(sides, 0))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))
