"""The demo's own node: it watches what the others publish."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray

from ml_integration.core.datatypes import Array
from ml_integration.demos.demo.node_report import NodeReport, read_report
from ml_integration.demos.demo.results import Detection, Result, Results
from ml_integration.ros.node import qos
from ml_integration.ros.node.executor import make_executor, spin

CHECK_S = 0.1


class Observer:
    """Watches `detector` in a thread of its own.

    Args:
        detector: name of the inference node.

    Attributes:
        node: the node.
        results: what the detector published so far.
        report: the latest that it said about itself.
        pictures: annotated frames, (H, W, 3) uint8 BGR, as many as were wanted.
    """

    def __init__(self, detector: str) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._detector = detector
        self.node = rclpy.create_node('demo')
        self.results = Results()
        self.report = NodeReport()
        self.pictures: list[Array] = []
        self._wanted = 0
        self._overlay: Any = None
        self.node.create_subscription(
            Detection2DArray, f'{detector}/detections', self._on_result, qos.result()
        )
        self.node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.result()
        )
        self.node.create_timer(CHECK_S, self._watch_overlay)
        self._executor = make_executor('events', self.node)
        self._thread = threading.Thread(target=spin, args=(self._executor, self.node))
        self._thread.start()

    def want_pictures(self, count: int) -> None:
        """Asks for annotated frames, so that `pictures` will hold at least `count`."""
        self._wanted = count

    def close(self) -> None:
        rclpy.try_shutdown()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()

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
                self.node.destroy_subscription(self._overlay)
                self._overlay = None
        elif self._overlay is None:
            self._overlay = self.node.create_subscription(
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
