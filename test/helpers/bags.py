"""Bags that the tests write with rosbags, as `ros2 bag record` would."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys.stores.ros2_jazzy import builtin_interfaces__msg__Time as Time

from ml_integration.ops.recorded_types import message_types

STORE = message_types()
IMAGE, IMU, JOINTS = (f'sensor_msgs/msg/{name}' for name in ('Image', 'Imu', 'JointState'))
SECOND = 1_000_000_000


def typed(name: str) -> Any:
    """Class of a message, such as 'sensor_msgs/msg/Image'."""
    return STORE.types[name]


def header(stamp_ns: int, frame_id: str = 'front') -> Any:
    stamp = Time(*divmod(stamp_ns, SECOND))
    return typed('std_msgs/msg/Header')(stamp, frame_id)


def image(
    pixels: np.ndarray, stamp_ns: int, encoding: str = 'bgr8', is_bigendian: bool = False
) -> Any:
    height, width = pixels.shape[:2]
    data = np.frombuffer(pixels.tobytes(), np.uint8)
    step = len(data) // height
    return typed(IMAGE)(header(stamp_ns), height, width, encoding, int(is_bigendian), step, data)


def imu(value: float, stamp_ns: int) -> Any:
    vector, zeros = typed('geometry_msgs/msg/Vector3'), np.zeros(9)
    pose = typed('geometry_msgs/msg/Quaternion')(0.0, 0.0, 0.0, 1.0)
    turning, pushing = vector(value, 0.0, 0.0), vector(0.0, 0.0, 9.81)
    return typed(IMU)(header(stamp_ns), pose, zeros, turning, zeros, pushing, zeros)


def joints(names: list[str], positions: list[float], stamp_ns: int) -> Any:
    nothing = np.zeros(0)
    return typed(JOINTS)(header(stamp_ns), names, np.array(positions), nothing, nothing)


def detections(xyxy: np.ndarray, names: Iterable[str], stamp_ns: int) -> Any:
    """A vision_msgs/Detection2DArray of boxes (N, 4) [px]."""

    def vision(name: str) -> Any:
        return typed(f'vision_msgs/msg/{name}')

    def detection(box: np.ndarray, name: str) -> Any:
        (x, y), (width, height) = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        center = vision('Pose2D')(vision('Point2D')(float(x), float(y)), 0.0)
        bounds = vision('BoundingBox2D')(center, float(width), float(height))
        hypothesis = vision('ObjectHypothesis')(name, 1.0)
        point = typed('geometry_msgs/msg/Point')(0.0, 0.0, 0.0)
        turned = typed('geometry_msgs/msg/Quaternion')(0.0, 0.0, 0.0, 1.0)
        pose = typed('geometry_msgs/msg/Pose')(point, turned)
        placed = typed('geometry_msgs/msg/PoseWithCovariance')(pose, np.zeros(36))
        found = vision('ObjectHypothesisWithPose')(hypothesis, placed)
        return vision('Detection2D')(header(stamp_ns), [found], bounds, '')

    found = [detection(box, name) for box, name in zip(xyxy, names, strict=True)]
    return vision('Detection2DArray')(header(stamp_ns), found)


def write_bag(
    folder: Path, messages: Iterable[tuple[str, Any, int]], storage: str = 'mcap'
) -> Path:
    """Writes messages as (topic, message, when it was recorded [ns])."""
    plugin = StoragePlugin.MCAP if storage == 'mcap' else StoragePlugin.SQLITE3
    with Writer(folder, version=9, storage_plugin=plugin) as writer:
        connections: dict[str, Any] = {}
        for topic, message, recorded_ns in messages:
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            data = STORE.serialize_cdr(message, kind)
            writer.write(connections[topic], recorded_ns, data)
    return folder
