"""Spectators: publish overlay and provenance of results, only while they have subscribers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from sensor_msgs.msg import Image

from ml_integration.core.arrivals import Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.findings import Level
from ml_integration.core.pipeline import Pipeline
from ml_integration.ros.inference.large_messages import LargeMessages
from ml_integration.ros.inference.result_publisher import header_of
from ml_integration.ros.messages.diagnostic_status import diagnostic_status
from ml_integration.ros.messages.image_message import serialized_bgr8
from ml_integration.ros.node import qos
from ml_integration.serving.annotation import annotated


class Overlay:
    """Publishes `overlay` (sensor_msgs/Image) while it has a subscriber; a sink.

    Args:
        node: the node that owns the topic.
        below: what its name begins with.
        resources: is told how to let go of the publisher.
    """

    name = 'overlay'

    def __init__(self, node: Node, below: str, resources: ExitStack) -> None:
        self._publisher = node.create_publisher(Image, f'{below}/overlay', qos.image_stream())
        resources.callback(node.destroy_publisher, self._publisher)
        self._large = LargeMessages(node)

    @property
    def topic_name(self) -> str:
        """Full name of the topic, after remapping."""
        return str(self._publisher.topic_name)

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Publishes the picture of a run; a run without one has no overlay."""
        if pipeline.picture and self._publisher.get_subscription_count():
            message = overlay(prediction, pipeline)
            self._publisher.publish(message)
            self._large.look(self.name, message)


class Provenance:
    """Publishes `provenance` (diagnostic_msgs/DiagnosticStatus) while subscribed; a sink.

    Args:
        node: the node that owns the topic.
        below: what its name begins with.
        resources: is told how to let go of the publisher.
    """

    name = 'provenance'

    def __init__(self, node: Node, below: str, resources: ExitStack) -> None:
        self._publisher = node.create_publisher(
            DiagnosticStatus, f'{below}/provenance', qos.result()
        )
        resources.callback(node.destroy_publisher, self._publisher)

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Publishes the origin of a result."""
        if self._publisher.get_subscription_count():
            self._publisher.publish(provenance(observation, prediction, pipeline))


def overlay(prediction: Prediction, pipeline: Pipeline) -> bytes:
    """Draws the result into the input picture; returns a serialized Image in bgr8."""
    return serialized_bgr8(header_of(prediction), annotated(prediction, pipeline))


def provenance(
    observation: Observation, prediction: Prediction, pipeline: Pipeline
) -> DiagnosticStatus:
    """Makes a status on a result's origin: model, frame, durations and verdict."""
    verdict = prediction.verdict
    values: dict[str, Any] = {
        'sha256': prediction.model.sha256,
        'stamp_ns': prediction.stamp_ns,
        'frame_id': prediction.frame_id,
        'sequence': observation.trigger.number,
        'frames_in_run': prediction.together,
        **{f'{stage}_ms': f'{spent:.3f}' for stage, spent in prediction.stage_ms.items()},
        **{f'{stage}: model': second for stage, second in prediction.seconds.items()},
        **{f'{stage}: sha256': second.sha256 for stage, second in prediction.seconds.items()},
        **{f'invalid: {reason.kind}': reason.detail for reason in verdict.reasons},
        **{f'omitted: {reason.kind}': reason.detail for reason in prediction.omitted},
    }
    return diagnostic_status(
        str(prediction.model),
        Level.OK if verdict.ok else Level.ERROR,
        'valid' if verdict.ok else 'invalid, held back',
        pipeline.session.device,
        values.items(),
    )
