"""A camera whose light can fail, and that knows what it shows."""

from __future__ import annotations

import cv2
from rclpy.node import Node
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from ml_integration.demos.scene_camera import (
    PICTURES,
    PICTURES_PER_S,
    SceneCamera,
    image_message,
    place_in_loop,
)
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import KINDS, LEAST_VISIBLE, Scene, truth
from ml_integration.ros.node import qos

DARKNESS = 0.1
"""Light that is left."""
PASSING_PER_S = 15.0
"""Pictures of the loop that pass per second, whatever the camera's rate: a loop takes 8 s."""


class LabeledCamera(SceneCamera):
    """Publishes each picture, and what it really shows with the same stamp.

    Args:
        node: owns the publishers.
        seed: of the scene.
        rate_hz: pictures per second [Hz].
        truth_topic: where truth goes (vision_msgs/Detection2DArray).

    Attributes:
        dark: whether there is hardly any light.
    """

    def __init__(self, node: Node, seed: int, rate_hz: float, truth_topic: str) -> None:
        super().__init__(node, seed, rate_hz)
        self.dark = False
        self._truth = node.create_publisher(Detection2DArray, truth_topic, qos.result())
        self._dark = [
            image_message(cv2.convertScaleAbs(picture, alpha=DARKNESS))
            for picture in self._pictures
        ]
        scene = make_scene(seed)
        self._truths = [truth_message(scene, n / PICTURES_PER_S) for n in range(PICTURES)]

    def show(self, number: int) -> None:
        """Publishes the picture of a number as the light has it, and its truth."""
        place = place_at(number, self._rate_hz)
        message = (self._dark if self.dark else self._messages)[place]
        message.header = Header(stamp=self._node.get_clock().now().to_msg(), frame_id=str(number))
        self._publisher.publish(message)
        self._truths[place].header = message.header
        self._truth.publish(self._truths[place])


def place_at(number: int, rate_hz: float) -> int:
    """Finds the picture of the loop that a number shows at a rate [Hz]."""
    return place_in_loop(round(number * PASSING_PER_S / rate_hz))


def truth_message(scene: Scene, time_s: float) -> Detection2DArray:
    """Makes the message of what a scene shows at a time."""
    known, message = truth(scene, time_s), Detection2DArray()
    for box, kind, visible in zip(known.xyxy, known.class_ids, known.visible, strict=True):
        if visible < LEAST_VISIBLE:
            continue
        found = Detection2D()
        x0, y0, x1, y1 = map(float, box)
        found.bbox.center.position.x, found.bbox.center.position.y = (x0 + x1) / 2, (y0 + y1) / 2
        found.bbox.size_x, found.bbox.size_y = x1 - x0, y1 - y0
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = KINDS[kind], 1.0
        found.results.append(hypothesis)
        message.detections.append(found)
    return message
