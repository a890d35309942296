"""Makes vision_msgs/msg/Detection2DArray of objects, typed or serialized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ml_integration.core.contracts import MessageTypes
from ml_integration.ops.detections import Detections
from ml_integration.ops.detections_cdr import serialize_detections

Label = Callable[[int], str]
"""Returns the name of a class."""
Classes = tuple[tuple[str, float], ...]
"""Name and score of each class that an object may have, best first."""


def detection_array(found: Detections, header: Any, messages: MessageTypes, label: Label) -> Any:
    """Builds a Detection2DArray, with an empty list when there is nothing to report."""
    pairs = zip(found.class_ids.tolist(), found.scores.tolist(), strict=True)
    return _array(found, [((label(n), score),) for n, score in pairs], header, messages)


def classes_array(found: Detections, head: str, header: Any, messages: MessageTypes) -> Any:
    """Builds a Detection2DArray of the same objects with the classes of a second model.

    An object that it says nothing of has no `results`.

    Args:
        found: the objects with their details.
        head: of the second model; empty if it has one.
        header: of the message.
        messages: gives the types.
    """
    details = found.details or (None,) * len(found)
    classes = [
        tuple((c.label, c.score) for c in (one.classes if one else ()) if c.head == head)
        for one in details
    ]
    return _array(found, classes, header, messages)


def _array(
    found: Detections, classes: Sequence[Classes], header: Any, messages: MessageTypes
) -> Any:
    message = messages('vision_msgs/msg/Detection2DArray')()
    detection_type = messages('vision_msgs/msg/Detection2D')
    hypothesis_type = messages('vision_msgs/msg/ObjectHypothesisWithPose')
    sizes = (found.xyxy[:, 2:] - found.xyxy[:, :2]).tolist()
    centers = ((found.xyxy[:, 2:] + found.xyxy[:, :2]) / 2).tolist()
    angles = [0.0] * len(found) if found.angles is None else found.angles.tolist()
    detections = []
    for center, size, angle, hypotheses, name in zip(
        centers, sizes, angles, classes, found.names, strict=True
    ):
        detection = detection_type()
        detection.header = header
        detection.id = name
        detection.bbox.center.position.x, detection.bbox.center.position.y = center
        detection.bbox.center.theta = angle
        detection.bbox.size_x, detection.bbox.size_y = size
        detection.results = [hypothesis_type() for _ in hypotheses]
        for result, (class_id, score) in zip(detection.results, hypotheses, strict=True):
            result.hypothesis.class_id, result.hypothesis.score = class_id, score
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
