"""The least that a node over DDS can do with a picture; the limit the benchmarks compare with.

A raw subscription, handled where it arrives; one copy of the message; `session.run` on a tensor
made beforehand; a result serialized beforehand. The engine has the settings of the package's
nodes, and the allocator keeps its buffers. Deliberately not a line of ml_integration is in it.

`python -m benchmarks.bare_node --ros-args -p model:=model.onnx`
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time
from contextlib import suppress
from typing import Any

import numpy as np
import onnxruntime
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

DETECTIONS = 5
DIGITS = 7
STAMP = slice(4, 12)
FRAME_ID = slice(16, 16 + DIGITS)
SPIN_S = 0.2
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 1 << 30


class BareNode(Node):
    """Runs a model for each `image` and publishes the same `~/detections` with its header.

    Prints a line per frame: its stamp [ns] and how long the session ran [ms].
    """

    def __init__(self) -> None:
        super().__init__('bare_node')
        model = str(self.declare_parameter('model', '').value)
        self.session = onnxruntime.InferenceSession(
            model, engine_options(), providers=['CPUExecutionProvider']
        )
        item = self.session.get_inputs()[0]
        sizes = [size if isinstance(size, int) else 1 for size in item.shape]
        self.tensors = {item.name: np.full(sizes, 0.5, np.float32)}
        self.outputs = [item.name for item in self.session.get_outputs()]
        self.frame = np.empty(0, np.uint8)
        self.result = bytearray(serialize_message(example()))
        self.publisher = self.create_publisher(Detection2DArray, '~/detections', 10)
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(Image, 'image', self.on_image, newest, raw=True)

    def on_image(self, data: bytes) -> None:
        """Does everything, on the executor's thread."""
        if self.frame.size != len(data):
            self.frame = np.empty(len(data), np.uint8)
        np.copyto(self.frame, np.frombuffer(data, np.uint8))
        begin = time.perf_counter()
        self.session.run(self.outputs, self.tensors)
        spent_ms = (time.perf_counter() - begin) * 1e3
        stamp_ns = copy_header(data, self.result)
        self.publisher.publish(bytes(self.result))
        print(stamp_ns, spent_ms, flush=True)


def copy_header(data: bytes, result: bytearray) -> int:
    """Copies stamp and number of a serialized picture into a serialized result.

    Returns:
        The stamp [ns].
    """
    seconds, nanoseconds, length = struct.unpack_from('<iII', data, 4)
    result[STAMP] = data[STAMP]
    result[FRAME_ID] = data[16 : 16 + length - 1].zfill(DIGITS)
    return int(seconds * 1_000_000_000 + nanoseconds)


def engine_options() -> Any:
    """Threads that sleep between two frames, on CPUs of their own where there are more than one.

    Also keeps the calling thread on the first CPU.
    """
    first, *others = sorted(os.sched_getaffinity(0))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1 + len(others)
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    if others:
        os.sched_setaffinity(0, {first})
        groups = ';'.join(str(cpu + 1) for cpu in others)
        options.add_session_config_entry('session.intra_op_thread_affinities', groups)
    return options


def example() -> Detection2DArray:
    """A result with some detections."""
    message = Detection2DArray()
    message.header.frame_id = '0' * DIGITS
    for _ in range(DETECTIONS):
        detection = Detection2D(header=message.header, results=[ObjectHypothesisWithPose()])
        detection.results[0].hypothesis.class_id = 'person'
        message.detections.append(detection)
    return message


def main() -> int:
    """Entry point."""
    for name in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
        ctypes.CDLL(None).mallopt(name, KEPT_BYTES)
    rclpy.init()
    executor = EventsExecutor()
    executor.add_node(BareNode())
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        while rclpy.ok():
            executor.spin_once(timeout_sec=SPIN_S)
    return 0


if __name__ == '__main__':
    sys.exit(main())
