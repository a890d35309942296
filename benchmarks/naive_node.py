"""The detector node that everyone writes first; the one the benchmarks compare with.

Typed subscription, everything in the callback, rclpy.spin, a queue of ten, ONNX Runtime as it
comes, numpy for the rest. Deliberately not a line of ml_integration is in it.

`python -m benchmarks.naive_node --ros-args -p model:=model.onnx -p labels:=labels.txt`
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

SCORE_THRESHOLD = 0.3
IOU_THRESHOLD = 0.45


class NaiveDetector(Node):
    """Detects with a YOLO model on `image` and publishes `~/detections`.

    Prints a line per frame: its stamp [ns] and how long the session ran [ms].
    """

    def __init__(self) -> None:
        super().__init__('naive_detector')
        self.labels = Path(self._text('labels')).read_text(encoding='utf-8').splitlines()
        self.session = onnxruntime.InferenceSession(
            self._text('model'), providers=['CPUExecutionProvider']
        )
        self.input = self.session.get_inputs()[0]
        self.publisher = self.create_publisher(Detection2DArray, '~/detections', 10)
        self.create_subscription(Image, 'image', self.on_image, 10)

    def on_image(self, message: Image) -> None:
        """Does everything, on the executor's thread."""
        picture = np.frombuffer(message.data, np.uint8)
        picture = picture.reshape(message.height, message.width, 3)
        tensor, scale, shift = preprocess(picture, self.input.shape[2:])
        begin = time.perf_counter()
        rows = self.session.run(None, {self.input.name: tensor})[0][0]
        spent_ms = (time.perf_counter() - begin) * 1e3
        stamp = message.header.stamp
        print(stamp.sec * 1_000_000_000 + stamp.nanosec, spent_ms, flush=True)
        boxes, scores, class_ids = decode(rows)
        boxes[:, :2] -= shift
        self.publisher.publish(self._message(message.header, boxes / scale, scores, class_ids))

    def _message(self, header: Any, boxes: Any, scores: Any, class_ids: Any) -> Detection2DArray:
        message = Detection2DArray(header=header)
        for box, score, class_id in zip(boxes, scores, class_ids, strict=True):
            detection = Detection2D(header=header)
            detection.bbox.center.position.x = float(box[0])
            detection.bbox.center.position.y = float(box[1])
            detection.bbox.size_x = float(box[2])
            detection.bbox.size_y = float(box[3])
            hypothesis = ObjectHypothesisWithPose()
            hypothesis.hypothesis.class_id = self.labels[class_id]
            hypothesis.hypothesis.score = float(score)
            detection.results.append(hypothesis)
            message.detections.append(detection)
        return message

    def _text(self, name: str) -> str:
        return str(self.declare_parameter(name, '').value)


def preprocess(picture: Any, size_hw: Any) -> tuple[Any, float, Any]:
    """Letterboxes; returns (1, 3, H, W) float32 RGB, 0 to 1, the scale and the shift (x, y)."""
    height, width = picture.shape[:2]
    scale = min(size_hw[0] / height, size_hw[1] / width)
    new_h, new_w = round(height * scale), round(width * scale)
    resized = cv2.resize(picture, (new_w, new_h), interpolation=cv2.INTER_LINEAR)
    canvas = np.full((*size_hw, 3), 114, np.uint8)
    top, left = (size_hw[0] - new_h) // 2, (size_hw[1] - new_w) // 2
    canvas[top : top + new_h, left : left + new_w] = resized
    rgb = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB)
    tensor = np.transpose(rgb.astype(np.float32) / 255.0, (2, 0, 1))[None]
    return np.ascontiguousarray(tensor), scale, np.array([left, top], np.float32)


def decode(rows: Any) -> tuple[Any, Any, Any]:
    """Turns (N, 5 + classes) into boxes (M, 4) cx, cy, w, h, scores (M,) and class ids (M,)."""
    scores = rows[:, 4:5] * rows[:, 5:]
    class_ids = scores.argmax(axis=1)
    best = scores.max(axis=1)
    keep = best > SCORE_THRESHOLD
    boxes, best, class_ids = rows[keep, :4], best[keep], class_ids[keep]
    kept: list[int] = []
    for index in np.argsort(-best):
        if all(
            class_ids[index] != class_ids[other]
            or overlap(boxes[index], boxes[other]) < IOU_THRESHOLD
            for other in kept
        ):
            kept.append(int(index))
    return boxes[kept], best[kept], class_ids[kept]


def overlap(one: Any, other: Any) -> float:
    """Intersection over union of two boxes cx, cy, w, h."""
    low = np.maximum(one[:2] - one[2:] / 2, other[:2] - other[2:] / 2)
    high = np.minimum(one[:2] + one[2:] / 2, other[:2] + other[2:] / 2)
    shared = np.prod(np.clip(high - low, 0, None))
    return float(shared / (np.prod(one[2:]) + np.prod(other[2:]) - shared))


def main() -> None:
    """Entry point."""
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(NaiveDetector())


if __name__ == '__main__':
    main()
