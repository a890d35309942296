"""Gives detected objects numbers that they keep from picture to picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from ml_integration.core.contracts import MessageTypes, Task, Topic
from ml_integration.core.datatypes import Frame, ModelDescription, Prediction
from ml_integration.core.declaration import declared
from ml_integration.core.stage_contracts import Companion
from ml_integration.ops.detections import Detections
from ml_integration.ops.staged_tasks import require_objects
from ml_integration.ops.tracks import TrackingRules, Tracks

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

    def __init__(self, settings: Settings, task: Task, model: ModelDescription) -> None:
        require_objects(task, model, 'tracking', 'tracked')
        self._rules = TrackingRules(settings.sure_score, settings.lost_s)

    @dataclass(frozen=True, slots=True)
    class Addition:
        """Number of an object that was followed; 0 for one that has none yet."""

        track: int

        def __str__(self) -> str:
            return f'#{self.track}' if self.track else ''

    def additions(self, result: Detections) -> list[Addition]:
        """Returns the numbers of the objects."""
        ids = [0] * len(result) if result.ids is None else result.ids.tolist()
        return [self.Addition(number) for number in ids]

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
