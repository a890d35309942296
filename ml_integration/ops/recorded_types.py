"""Types of messages in bags: those of ROS 2 itself, and those of vision_msgs for ground truth."""

from __future__ import annotations

from functools import cache

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

VISION = {
    'Point2D': 'float64 x\nfloat64 y',
    'Pose2D': 'vision_msgs/Point2D position\nfloat64 theta',
    'BoundingBox2D': 'vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'ObjectHypothesis': 'string class_id\nfloat64 score',
    'ObjectHypothesisWithPose': 'vision_msgs/ObjectHypothesis hypothesis\n'
    'geometry_msgs/PoseWithCovariance pose',
    'Detection2D': 'std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n'
    'vision_msgs/BoundingBox2D bbox\nstring id',
    'Detection2DArray': 'std_msgs/Header header\nvision_msgs/Detection2D[] detections',
    'Classification': 'std_msgs/Header header\nvision_msgs/ObjectHypothesis[] results',
}
"""Fields of vision_msgs 4, by the name of the type."""


@cache
def message_types() -> Typestore:
    """Returns the types; what a bag says of its own is not used, as it would become code."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, fields in VISION.items():
        store.register(get_types_from_msg(fields, f'vision_msgs/msg/{name}'))
    return store
