"""Gives detected objects numbers that they keep from picture to picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from ml_integration.core.contracts import Companion, MessageTypes, Task, Topic
from ml_integration.core.datatypes import Frame, ModelDescription, Prediction
from ml_integration.core.declaration import declared
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.detections import Detections
from ml_integration.ops.tracks import TrackingRules, Tracks

FOUND = 'vision_msgs/msg/Detection2DArray'
_NUMBERS = count(1)
"""Numbers of objects, each once in a process: none comes back after a swap or a jump in time."""


class Tracking:
    """Follows the objects of each stream; their numbers are the `id` of the published detections.

    It sees what the task's `score_threshold` lets pass: with a low one, objects that are half
    hidden are not lost so easily. An object has no number in the first picture that shows it, but
    for the first picture of a stream.
    """

    companions: tuple[Companion, ...] = ()
    topics: tuple[Topic, ...] = ()

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings of what is followed."""

        sure_score: float = declared(
            0.5,
            'Score from which on a detection may begin a track.',
            ge=0.0,
            le=1.0,
            at_configure=True,
        )
        lost_s: float = declared(
            1.0,
            'Time for which an object that is not seen keeps its number [s].',
            ge=0.0,
            le=3600.0,
            at_configure=True,
        )

    @dataclass(frozen=True, slots=True)
    class Row:
        """The number of an object; 0 if it has none yet."""

        id: int

    def __init__(self, settings: Settings, task: Task, model: ModelDescription) -> None:
        if all(topic.message_type != FOUND for topic in task.topics):
            raise ModelMismatchError(
                str(model.identity),
                'its results cannot be tracked',
                ', '.join(topic.message_type for topic in task.topics),
                f'a task that publishes {FOUND}',
                'Remove tracking from the stages of this node.',
            )
        self._rules = TrackingRules(settings.sure_score, settings.lost_s)

    def begin(self) -> Tracks:
        """Follows nothing yet."""
        return Tracks(self._rules, lambda: next(_NUMBERS))

    def __call__(
        self,
        result: Detections,
        memory: Tracks,
        frames: Mapping[str, Sequence[Frame]],
        stamp_ns: int,
    ) -> Detections:
        """Returns the objects with their numbers, 0 for those that have none yet."""
        ids = memory.follow(result.xyxy, result.scores, result.class_ids, stamp_ns)
        return replace(result, ids=ids)

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterable[tuple[str, Any]]:
        """Builds nothing: the task's own messages have the numbers."""
        return ()

    def rows(self, result: Detections) -> list[Row]:
        """Lists the numbers, best object first."""
        numbers = [0] * len(result) if result.ids is None else result.ids.tolist()
        return [self.Row(number) for number in numbers]
