"""Checks that a stage can work on the results of a task."""

from __future__ import annotations

from ml_integration.core.contracts import Task
from ml_integration.core.datatypes import ModelDescription
from ml_integration.errors import ModelMismatchError

FOUND = 'vision_msgs/msg/Detection2DArray'


def require_objects(task: Task, model: ModelDescription, stage: str, done: str) -> None:
    """Checks that a task finds objects, which are `ml_integration.ops.detections.Detections`.

    Args:
        task: whose results the stage gets.
        model: for the error.
        stage: its name.
        done: what it does with objects, such as 'tracked'.

    Raises:
        ModelMismatchError: the task finds no objects.
    """
    if any(topic.message_type == FOUND for topic in task.topics):
        return
    raise ModelMismatchError(
        str(model.identity),
        f'its results cannot be {done}',
        ', '.join(topic.message_type for topic in task.topics),
        f'a task that publishes {FOUND}',
        f'Remove {stage} from the stages of this node.',
    )
