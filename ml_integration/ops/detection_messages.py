"""Makes vision_msgs/msg/Detection2DArray of objects, typed or serialized."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_integration.core.contracts import MessageTypes
from ml_integration.ops.detections import Detections
from ml_integration.ops.detections_cdr import serialize_detections

Label = Callable[[int], str]
"""Returns the name of a class."""


def detection_array(found: Detections, header: Any, messages: MessageTypes, label: Label) -> Any:
    """Builds a Detection2DArray, with an empty list when there is nothing to report."""
    message = messages('vision_msgs/msg/Detection2DArray')()
    detection_type = messages('vision_msgs/msg/Detection2D')
    hypothesis_type = messages('vision_msgs/msg/ObjectHypothesisWithPose')
    sizes = (found.xyxy[:, 2:] - found.xyxy[:, :2]).tolist()
    centers = ((found.xyxy[:, 2:] + found.xyxy[:, :2]) / 2).tolist()
    angles = [0.0] * len(found) if found.angles is None else found.angles.tolist()
    detections = []
    scores, class_ids = found.scores.tolist(), found.class_ids.tolist()
    for center, size, angle, score, class_id, name in zip(
        centers, sizes, angles, scores, class_ids, found.names, strict=True
    ):
        detection, hypothesis = detection_type(), hypothesis_type()
        detection.header = header
        detection.id = name
        detection.bbox.center.position.x, detection.bbox.center.position.y = center
        detection.bbox.center.theta = angle
        detection.bbox.size_x, detection.bbox.size_y = size
        hypothesis.hypothesis.class_id = label(class_id)
        hypothesis.hypothesis.score = score
        detection.results = [hypothesis]
        detections.append(detection)
    message.header = header
    message.detections = detections
    return message


def serialized_detection_array(found: Detections, header: Any, label: Label) -> bytes:
    """Builds the same message in serialized form, fast even for many objects."""
    return serialize_detections(
        (header.stamp.sec, header.stamp.nanosec),
        header.frame_id,
        found.xyxy,
        found.scores,
        found.classes(label),
        found.angles,
        found.names if found.ids is not None else (),
    )
