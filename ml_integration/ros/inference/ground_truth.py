"""Takes ground truth for the results of a node, on `~/ground_truth`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.subscription import Subscription

from ml_integration.core.abilities import Reading, Scoring
from ml_integration.core.accuracy import Accuracy
from ml_integration.core.accuracy_stream import AccuracyStream
from ml_integration.core.contracts import Topic
from ml_integration.deploy.second_model import OpenSecondModel
from ml_integration.deploy.teacher import Teacher, TeacherRules
from ml_integration.errors import MessageError
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.messages.reader import reader
from ml_integration.ros.messages.stamps import stamp_reader
from ml_integration.ros.node import qos
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters

NAME = 'ground_truth'
DEPTH = 50
"""Messages that may come at once, as from a teacher that works through a recording."""


class GroundTruth:
    """Subscribes to ground truth while a node is active, where its task can be scored.

    The messages are those that the task publishes: of one topic on `~/ground_truth`, of several
    on one topic each below it. With several cameras they are below the camera's name. Messages
    are not looked into on the executor's thread, but for their stamp.

    Args:
        node: the node that subscribes.
        accuracy: gets what comes.
        task: of the model that serves; others that take its place publish the same topics.
        streams: the names of its streams.
        resources: is told how to end it.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[InferenceNodeParameters],
        accuracy: Accuracy,
        task: Any,
        streams: Iterable[str],
        resources: ExitStack,
    ) -> None:
        self._node, self._accuracy = node, accuracy
        wanted = task.truths if isinstance(task, Reading) and isinstance(task, Scoring) else ()
        kinds = {topic.name: message_type(topic.message_type) for topic in wanted}
        read = _Reader({name: reader(kind) for name, kind in kinds.items()})
        for name in streams:
            stream = accuracy.open(name, task, read)
            place = f'~/{name}/{NAME}' if name else f'~/{NAME}'
            publishers = dict.fromkeys(kinds, 0)
            for topic in wanted:
                own = place if len(wanted) == 1 else f'{place}/{topic.name}'
                made = self._subscribe(name, stream, topic, own, publishers)
                resources.callback(node.destroy_subscription, made)

    def _subscribe(
        self,
        name: str,
        stream: AccuracyStream,
        topic: Topic,
        place: str,
        publishers: dict[str, int],
    ) -> Subscription:
        kind = message_type(topic.message_type)
        receive = partial(self._receive, name, stream, topic.name, stamp_reader(kind))
        profile = qos.result()
        profile.depth = DEPTH
        arguments = (kind, place, self._node.guarded(receive), profile)

        def matched(event: Any) -> None:
            publishers[topic.name] = event.current_count
            stream.expects = all(publishers.values())

        events = SubscriptionEventCallbacks(matched=self._node.guarded(matched))
        try:
            return self._node.create_subscription(*arguments, raw=True, event_callbacks=events)
        except UnsupportedEventTypeError:  # this middleware cannot tell: results are kept always
            stream.expects = True
            return self._node.create_subscription(*arguments, raw=True)

    def _receive(
        self, name: str, stream: AccuracyStream, topic: str, stamp: Any, message: bytes
    ) -> None:
        try:
            stamp_ns = stamp(message)
        except MessageError as error:
            stream.refuse(str(error))
            return
        self._accuracy.truth(name, stamp_ns, topic, message, len(message))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads serialized messages by the name of their topic."""

    readers: dict[str, Any]

    def __call__(self, topic: str, message: bytes) -> Any:
        return self.readers[topic](message)


def open_teacher(
    node: GuardedLifecycleNode[InferenceNodeParameters],
    accuracy: Accuracy,
    open_model: Callable[[], OpenSecondModel],
    resources: ExitStack,
) -> None:
    """Lets a second model see some of the frames, until the resources are closed."""

    def rules() -> TeacherRules:
        settings = node.parameters.accuracy
        return TeacherRules(settings.teacher_every, settings.window, settings.teacher_spare_cpus)

    teacher = Teacher(open_model, message_type, rules)
    accuracy.teacher = teacher
    resources.callback(teacher.close)
    resources.callback(setattr, accuracy, 'teacher', None)
