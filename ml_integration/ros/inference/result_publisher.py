"""Publishes what a model found."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from rclpy.node import Node
from rclpy.serialization import deserialize_message

from ml_integration.core.contracts import Serializing, Task
from ml_integration.core.datatypes import Prediction
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.node import qos


class ResultPublisher:
    """The topic of a task's results. Used by one thread at a time.

    A task that serializes its results itself knows one version of the message definition. Its
    first result with anything in it is made both ways; when they differ, the slower way is taken
    from then on.

    Args:
        node: the node that publishes.
        task: gives type and name of the topic.
        resources: is told how to let go of the publisher.
        below: what the topic's name begins with; '~/<camera>' where there are several cameras.
    """

    def __init__(self, node: Node, task: Task, resources: ExitStack, below: str = '~') -> None:
        self._type = message_type(task.message_type)
        self._publisher = node.create_publisher(
            self._type,
            f'{below}/{task.topic}',
            qos.result(),
            qos_overriding_options=qos.overridable(),
        )
        resources.callback(node.destroy_publisher, self._publisher)
        self.topic_name: str = self._publisher.topic_name
        self._logger = node.get_logger()
        self._checked = False
        self._trusted = True

    def publish(self, task: Task, prediction: Prediction, header: Any) -> None:
        """Publishes a valid result, stamped with `header` (std_msgs/msg/Header)."""
        if not isinstance(task, Serializing) or not self._trusted:
            self._publisher.publish(task.encode(prediction, header, message_type))
            return
        serialized = task.serialize(prediction, header)
        if not self._checked:
            self._check(serialized, task.encode(prediction, header, message_type))
            self._checked = bool(prediction.result)
        if self._trusted:
            self._publisher.publish(serialized)
        else:
            self.publish(task, prediction, header)

    def _check(self, serialized: bytes, message: Any) -> None:
        self._trusted = deserialize_message(serialized, self._type) == message
        if not self._trusted:
            self._logger.warning(
                f'{self._type.__name__} is defined differently here; making typed messages'
            )
