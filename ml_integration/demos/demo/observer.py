"""The demo's own node: it watches what the others publish."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray

from ml_integration.core.datatypes import Array
from ml_integration.demos.demo.node_report import NodeReport, read_report
from ml_integration.demos.demo.results import Detection, Result, Results
from ml_integration.ros.client.client import Client
from ml_integration.ros.node import qos

CHECK_S = 0.1


class Observer:
    """Watches an inference node.

    Args:
        detector: name of the inference node.
        check: is called while waiting; what it raises ends the wait.

    Attributes:
        client: asks services.
        results: what the detector published so far.
        report: the latest that it said about itself.
        pictures: annotated frames, (H, W, 3) uint8 BGR, as many as were wanted.
    """

    def __init__(self, detector: str, check: Callable[[], object]) -> None:
        self._detector = detector
        self.client = Client('demo', 'events', check)
        self.results = Results()
        self.report = NodeReport()
        self.pictures: list[Array] = []
        self._wanted = 0
        self._overlay: Any = None
        for kind, topic, callback in (
            (Detection2DArray, f'{detector}/detections', self._on_result),
            (DiagnosticArray, '/diagnostics', self._on_diagnostics),
        ):
            self.client.node.create_subscription(kind, topic, callback, qos.result())
        self.client.node.create_timer(CHECK_S, self._watch_overlay)

    def want_pictures(self, count: int) -> None:
        """Asks for annotated frames, so that `pictures` will hold at least `count`."""
        self._wanted = count

    def close(self) -> None:
        """Stops watching."""
        self.client.close()

    def _on_result(self, message: Detection2DArray) -> None:
        now_ns = time.time_ns()
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        detections = tuple(map(_detection, message.detections))
        self.results.all.append(Result(stamp_ns, (now_ns - stamp_ns) / 1e6, detections))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.report = read_report(message, self._detector) or self.report

    def _watch_overlay(self) -> None:
        # The detector draws only while somebody looks, so nobody looks for longer than needed.
        if len(self.pictures) >= self._wanted:
            if self._overlay is not None:
                self.client.node.destroy_subscription(self._overlay)
                self._overlay = None
        elif self._overlay is None:
            self._overlay = self.client.node.create_subscription(
                Image, f'{self._detector}/overlay', self._on_overlay, qos.image_stream()
            )

    def _on_overlay(self, message: Image) -> None:
        if len(self.pictures) < self._wanted:
            pixels = np.frombuffer(message.data, np.uint8)
            self.pictures.append(pixels.reshape(message.height, message.width, 3))


def _detection(message: Detection2D) -> Detection:
    best = max((item.hypothesis for item in message.results), key=lambda item: item.score)
    box = message.bbox
    x, y = box.center.position.x, box.center.position.y
    half_width, half_height = box.size_x / 2, box.size_y / 2
    corners = (x - half_width, y - half_height, x + half_width, y + half_height)
    return Detection(best.class_id, best.score, corners)
