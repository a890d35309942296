"""What an inference node publishes only while somebody looks: overlay and provenance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.node import Node
from sensor_msgs.msg import Image

from ml_integration.core.datatypes import Prediction
from ml_integration.core.health import Level
from ml_integration.core.pipeline import Pipeline
from ml_integration.ops.pixels import to_bgr8
from ml_integration.ros.messages.image_message import serialized_bgr8
from ml_integration.ros.node import qos


class SideOutputs:
    """Publishes `~/overlay` and `~/provenance`, each only while it has a subscriber.

    Args:
        node: the node that owns the topics.
        on_destroy: is told how to let go of each publisher.
        below: what their names begin with; '~/<camera>' where there are several cameras.
    """

    def __init__(self, node: Node, on_destroy: Callable[..., Any], below: str = '~') -> None:
        self._overlay = node.create_publisher(Image, f'{below}/overlay', qos.image_stream())
        on_destroy(node.destroy_publisher, self._overlay)
        self._provenance = node.create_publisher(
            DiagnosticStatus, f'{below}/provenance', qos.result()
        )
        on_destroy(node.destroy_publisher, self._provenance)

    def publish(self, pipeline: Pipeline, prediction: Prediction, header: Any) -> None:
        if self._overlay.get_subscription_count():
            self._overlay.publish(overlay(pipeline, prediction, header))
        if self._provenance.get_subscription_count():
            self._provenance.publish(provenance(pipeline, prediction))


def overlay(pipeline: Pipeline, prediction: Prediction, header: Any) -> bytes:
    """The input picture with the result drawn into it, a serialized Image in bgr8."""
    canvas = to_bgr8(prediction.frame.data, prediction.frame.format)
    if prediction.verdict.ok:
        pipeline.task.draw(canvas, prediction.result)
    return serialized_bgr8(header, canvas)


def provenance(pipeline: Pipeline, prediction: Prediction) -> DiagnosticStatus:
    """Which model produced a result, from which frame, how long it took, and the verdict."""
    frame, verdict = prediction.frame, prediction.verdict
    values = {
        'sha256': prediction.model.sha256,
        'stamp_ns': frame.stamp_ns,
        'frame_id': frame.frame_id,
        'sequence': frame.sequence,
        'frames_in_run': prediction.together,
        **{f'{stage}_ms': f'{spent:.3f}' for stage, spent in prediction.stage_ms.items()},
        **{f'invalid: {reason.kind}': reason.detail for reason in verdict.reasons},
    }
    return DiagnosticStatus(
        level=bytes([Level.OK if verdict.ok else Level.ERROR]),
        name=str(prediction.model),
        message='valid' if verdict.ok else 'invalid, held back',
        hardware_id=pipeline.session.device,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )
