"""Publishes the results of a task."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header

from ml_integration.core.abilities import Announcing, Serializing
from ml_integration.core.arrivals import Observation
from ml_integration.core.contracts import Task, Topic
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.ros.inference.large_messages import LargeMessages
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.node import qos

PIXELS = ('Image', 'PointCloud2')
"""Types of messages that are a long list of numbers to a person."""


class ResultPublisher:
    """Publishes a task's results on their topics; a sink.

    One thread at a time gives it results; any may let it announce a task meanwhile.

    A task that serializes its results itself knows one version of the message definition. Its
    first telling result is made both ways; when they differ, the slower way is taken from then
    on.

    Args:
        node: the node that publishes.
        topics: of the results of the task and the stages.
        resources: is told how to let go of the publishers.
        below: what the topics' names begin with; '~/<stream>' where there are several streams.

    Attributes:
        sent: the messages of the last result, with the topic of each.
    """

    name = 'results'

    def __init__(
        self, node: Node, topics: Sequence[Topic], resources: ExitStack, below: str = '~'
    ) -> None:
        self.sent: list[tuple[str, Any]] = []
        self._publishers: dict[str, Any] = {}
        self._types: dict[str, Any] = {}
        for topic in topics:
            self._types[topic.name] = message_type(topic.message_type)
            publisher = node.create_publisher(
                self._types[topic.name],
                f'{below}/{topic.name}',
                _quality(topic),
                qos_overriding_options=qos.overridable(),
            )
            resources.callback(node.destroy_publisher, publisher)
            self._publishers[topic.name] = publisher
        self._logger = node.get_logger()
        self._large = LargeMessages(node)
        self._checked = False
        self._trusted = True
        self._announced: Task | None = None
        self._announcing = threading.Lock()

    @property
    def topic_names(self) -> tuple[str, ...]:
        """Full names of the topics, after remapping."""
        return tuple(publisher.topic_name for publisher in self._publishers.values())

    @property
    def readable_names(self) -> tuple[str, ...]:
        """Full names of those topics whose messages a person can read, unlike pixels."""
        return tuple(
            publisher.topic_name
            for name, publisher in self._publishers.items()
            if self._types[name].__name__ not in PIXELS
        )

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Publishes a valid result, stamped as what triggered it."""
        self.announce(pipeline.task)
        self.sent = []
        if prediction.verdict.ok:
            self.publish(pipeline.task, prediction)
            if pipeline.stages:
                header = header_of(prediction)
                self._send(pipeline.encode_stages(prediction, header, message_type))

    def announce(self, task: Task) -> None:
        """Publishes what a task tells about itself, unless it was the last one that did.

        A frame that the model before had begun brings that one's words back, which its result
        is read by.
        """
        with self._announcing:
            if task is self._announced:
                return
            self._announced = task
            if isinstance(task, Announcing):
                self._send(task.announce(message_type))

    def publish(self, task: Task, prediction: Prediction) -> None:
        header = header_of(prediction)
        if not isinstance(task, Serializing) or not self._trusted:
            self._send(task.encode(prediction, header, message_type))
            return
        serialized = tuple(task.serialize(prediction, header))
        if not self._checked:
            typed = task.encode(prediction, header, message_type)
            self._check(serialized, tuple(typed))
            self._checked = task.telling(prediction.result)
        if self._trusted:
            self._send(serialized)
        else:
            self.publish(task, prediction)

    def _send(self, messages: Iterable[tuple[str, Any]]) -> None:
        for topic, message in messages:
            self._publishers[topic].publish(message)
            self.sent.append((topic, message))
            self._large.look(topic, message)

    def _check(
        self, serialized: tuple[tuple[str, bytes], ...], typed: tuple[tuple[str, Any], ...]
    ) -> None:
        again = tuple((n, deserialize_message(data, self._types[n])) for n, data in serialized)
        self._trusted = again == typed
        if not self._trusted:
            names = ', '.join(self._types[name].__name__ for name, _ in serialized)
            self._logger.warning(f'{names} is defined differently here; making typed messages')


def _quality(topic: Topic) -> QoSProfile:
    """Returns the quality of service; of large messages the newest counts, as of pictures."""
    if topic.latched:
        return qos.latched()
    large = topic.message_type.rpartition('/')[2] in PIXELS
    return qos.image_stream() if large else qos.result()


def header_of(prediction: Prediction) -> Header:
    """Returns the header of the trigger of a run, for its result."""
    header = Header(frame_id=prediction.frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(prediction.stamp_ns, 1_000_000_000)
    return header
