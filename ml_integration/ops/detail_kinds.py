"""Makes details of a second model's results, and messages of details: one class per kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ml_integration.core.abilities import Listing
from ml_integration.core.contracts import MessageTypes, Topic
from ml_integration.core.datatypes import Array
from ml_integration.core.stage_contracts import SecondModel
from ml_integration.errors import ModelMismatchError
from ml_integration.ops import array_messages
from ml_integration.ops.array_messages import multi_array
from ml_integration.ops.crops import Crop
from ml_integration.ops.details import Detail, NamedScore, stacked_keypoints, stacked_values
from ml_integration.ops.detection_messages import classes_array
from ml_integration.ops.detections import Detections
from ml_integration.ops.poses import keypoint_cloud
from ml_integration.ops.staged_tasks import FOUND

CLASSES = 'vision_msgs/msg/Classification'
KEYPOINTS = Topic('keypoints', 'sensor_msgs/msg/PointCloud2')
ARRAYS = array_messages.MESSAGE_TYPE


class DetailKind(Protocol):
    """Kind of detail that second models of some task give."""

    topics: tuple[Topic, ...]
    """Topics of such details."""

    def read(self, found: Any, crop: Crop) -> Detail | None:
        """Makes a detail of a result for a crop; None if it says nothing."""

    def encode(
        self, result: Detections, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the messages, with a row for each object."""


class Points:
    """Points of the best object in each crop."""

    def __init__(self, below: str) -> None:
        self.topics: tuple[Topic, ...] = (Topic(f'{below}/keypoints', KEYPOINTS.message_type),)

    def read(self, found: Detections, crop: Crop) -> Detail | None:
        """Moves the points to the picture."""
        if not len(found) or found.keypoints is None:
            return None
        points = found.keypoints[0].copy()
        points[:, :2] = crop.to_picture(points[:, :2])
        return Detail(keypoints=points)

    def encode(
        self, result: Detections, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds a cloud with a row of points for each object."""
        points = stacked_keypoints(result.details or ())
        yield self.topics[0].name, keypoint_cloud(points, header, messages)


class FinerClasses:
    """Classes of each crop, on a topic for each head of the classifier."""

    def __init__(self, below: str, task: Listing, topics: Sequence[Topic]) -> None:
        self._task = task
        self._heads = [topic.name.partition('/')[2] for topic in topics]
        names = ['/'.join(filter(None, (below, head, 'detections'))) for head in self._heads]
        self.topics: tuple[Topic, ...] = tuple(Topic(name, FOUND) for name in names)

    def read(self, found: Any, crop: Crop) -> Detail:
        """Takes the classes from the rows in which the task lists them."""
        return Detail(
            classes=tuple(
                NamedScore(row.label, row.class_id, row.score, getattr(row, 'head', ''))
                for row in self._task.rows(found)
            )
        )

    def encode(
        self, result: Detections, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the same objects with other classes."""
        for head, topic in zip(self._heads, self.topics, strict=True):
            yield topic.name, classes_array(result, head, header, messages)


class Values:
    """Outputs for each crop as they are, such as an embedding."""

    def __init__(self, below: str, topics: Sequence[Topic]) -> None:
        self.topics: tuple[Topic, ...] = tuple(
            Topic(f'{below}/{topic.name}', topic.message_type) for topic in topics
        )

    def read(self, found: Mapping[str, Array], crop: Crop) -> Detail:
        """Takes the outputs without their first axis, which counts the crop alone."""
        rows = {name: one[0] if one.shape[:1] == (1,) else one for name, one in found.items()}
        return Detail(values=rows)

    def encode(
        self, result: Detections, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds an array for each output, whose first axis counts the objects."""
        for place, topic in enumerate(self.topics):
            values = stacked_values(result.details or (), place)
            name = topic.name.rpartition('/')[2]
            labels = ['detection', *(f'{name}.{axis}' for axis in range(values.ndim - 1))]
            yield topic.name, multi_array(values, labels, messages)


def kind_of(second: SecondModel, below: str) -> DetailKind:
    """Returns what the results of a second model become.

    Args:
        second: the model.
        below: what the names of the topics begin with.

    Raises:
        ModelMismatchError: nobody could say where they would go.
    """
    task, topics = second.task, second.task.topics
    types = {topic.message_type for topic in topics}
    if KEYPOINTS in topics:
        return Points(below)
    if types == {CLASSES} and isinstance(task, Listing):
        return FinerClasses(below, task, topics)
    if types == {ARRAYS}:
        return Values(below, topics)
    raise ModelMismatchError(
        str(second.description.identity),
        'as a second model its results have no place beside the objects',
        ', '.join(f'{topic.name} ({topic.message_type})' for topic in topics),
        'the task keypoints, classification or tensor',
        'Choose another second model.',
    )
