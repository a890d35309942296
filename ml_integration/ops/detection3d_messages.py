"""Makes vision_msgs/msg/Detection3DArray of objects whose place is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_integration.core.contracts import MessageTypes
from ml_integration.ops.detection_messages import Label
from ml_integration.ops.detections import Detections


def detection_3d_array(
    found: Detections, header: Any, messages: MessageTypes, label: Label
) -> Any:
    """Builds a Detection3DArray of the objects with a center; empty where there is none.

    Boxes are along the axes of the camera's frame; ids are those of the same objects in the
    Detection2DArray.
    """
    message = messages('vision_msgs/msg/Detection3DArray')()
    detection_type = messages('vision_msgs/msg/Detection3D')
    hypothesis_type = messages('vision_msgs/msg/ObjectHypothesisWithPose')
    message.header, message.detections = header, []
    if found.centers_m is None or found.sizes_m is None:
        return message
    detections, names = [], found.names
    for index in np.flatnonzero(np.isfinite(found.centers_m[:, 2])).tolist():
        detection, hypothesis = detection_type(), hypothesis_type()
        center = found.centers_m[index].tolist()
        detection.header = header
        for position in (hypothesis.pose.pose.position, detection.bbox.center.position):
            position.x, position.y, position.z = center
        for pose in (hypothesis.pose.pose, detection.bbox.center):
            pose.orientation.w = 1.0
        size = detection.bbox.size
        size.x, size.y, size.z = found.sizes_m[index].tolist()
        hypothesis.hypothesis.class_id = label(int(found.class_ids[index]))
        hypothesis.hypothesis.score = float(found.scores[index])
        detection.results = [hypothesis]
        detection.id = names[index]
        detections.append(detection)
    message.detections = detections
    return message
