"""Shows each found object to a second model: points, a finer class or an embedding of each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_integration.core.contracts import MessageTypes, Task, Topic
from ml_integration.core.datatypes import Array, Frame, ModelDescription, Prediction
from ml_integration.core.declaration import declared
from ml_integration.core.stage_contracts import Companion, SecondModel
from ml_integration.errors import FrameError, SettingError
from ml_integration.ops.camera_frames import the_frame
from ml_integration.ops.crops import Region, around_box, cut
from ml_integration.ops.detail_kinds import ARRAYS, KEYPOINTS, DetailKind, kind_of
from ml_integration.ops.details import Detail, stacked_keypoints
from ml_integration.ops.detections import Detections
from ml_integration.ops.drawing import class_color, draw_text
from ml_integration.ops.on_picture import meets
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.poses import Skeletal, draw_poses
from ml_integration.ops.staged_tasks import FOUND, require_objects


class Cascade:
    """Cuts the found objects out of the picture and runs another model of the store on them.

    That model's task is `keypoints`, `classification` or `tensor`. Its results come below
    `~/cascade/`, with a row for each of the published detections in their order.
    """

    companions: tuple[Companion, ...] = ()
    topics: tuple[Topic, ...] = (
        Topic('cascade/keypoints', KEYPOINTS.message_type),
        Topic('cascade/detections', FOUND),
        Topic('cascade/tensor/<output>', ARRAYS),
    )

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings of what the second model is shown."""

        model: str = declared(
            '',
            'The second model: name or name@version, in the stores of the first one. It has to '
            'show what the first one has to show.',
            at_configure=True,
            decides_what_runs=True,
        )
        padding: float = declared(
            0.25,
            'Share of the width and height of a box that is added on each side.',
            ge=0.0,
            le=2.0,
            at_configure=True,
        )
        square: bool = declared(
            True, 'Make each crop a square, as long as its longer side.', at_configure=True
        )
        level: tuple[int, ...] = declared(
            (),
            "Numbers of two of the first model's points, such as 0 and 1 for the eyes of a face: "
            'each crop is turned so that the line from one to the other is level and points to '
            'the right; empty: crops are turned like their boxes.',
            ge=0,
            at_configure=True,
        )
        max_objects: int = declared(
            8,
            'Most objects of a picture that the second model sees, the best ones.',
            ge=1,
            le=256,
            at_configure=True,
        )
        only: tuple[str, ...] = declared(
            (), 'Names of the classes whose objects it sees; empty: all.', at_configure=True
        )

    @dataclass(frozen=True, slots=True)
    class Addition:
        """What the second model says of an object: classes, points or values."""

        second_labels: tuple[str, ...] = ()
        second_scores: tuple[float, ...] = ()
        second_keypoints: tuple[float, ...] = ()
        second_values: tuple[float, ...] = ()

        def __str__(self) -> str:
            points, values = len(self.second_keypoints) // 3, len(self.second_values)
            parts = [
                *self.second_labels[:1],
                *([f'{points} points'] if points else ()),
                *([f'{values} values'] if values else ()),
            ]
            return ', '.join(parts)

    def __init__(self, settings: Settings, task: Task, model: ModelDescription) -> None:
        require_objects(task, model, 'cascade', 'shown to a second model')
        if not settings.model:
            expected = 'a model of the store, such as face_mesh@1'
            raise SettingError('cascade.model', settings.model, expected, where='cascade')
        unknown = [name for name in settings.only if model.labels and name not in model.labels]
        if unknown:
            labels = ', '.join(model.labels[:20])
            raise SettingError('cascade.only', unknown, f'labels of {model.identity}: {labels}',
                               where='cascade')  # fmt: skip
        if settings.level and (len(settings.level) != 2 or KEYPOINTS not in task.topics):
            expected = 'the numbers of two points of a model whose task is keypoints, or nothing'
            raise SettingError('cascade.level', list(settings.level), expected, where='cascade')
        self.wanted, self.most = settings.model, settings.max_objects
        self._settings = settings
        self._model = model
        self._picture = the_picture(model)

    def follow(self, second: SecondModel) -> None:
        """Takes the open second model.

        Raises:
            ModelMismatchError: nobody could say where its results would go.
        """
        self._kind: DetailKind = kind_of(second, 'cascade')
        self._second, self.topics = second, self._kind.topics

    def begin(self) -> None:
        """Remembers nothing of a stream."""

    def __call__(
        self,
        result: Detections,
        memory: None,
        frames: Mapping[str, Sequence[Frame]],
        stamp_ns: int,
    ) -> Detections:
        """Returns the objects with what the second model says of them."""
        picture = the_frame(frames, self._picture)
        chosen = self._chosen(result, picture)
        crops = [cut(picture.data, self._region(result, index)) for index in chosen]
        shown = [replace(picture, data=crop.pixels) for crop in crops]
        details: list[Detail | None] = [None] * len(result)
        for index, crop, found in zip(chosen, crops, self._second.run(shown), strict=True):
            details[index] = None if found is None else self._kind.read(found, crop)
        return replace(result, details=tuple(details))

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the messages, with a row for each detection."""
        yield from self._kind.encode(prediction.result, header, messages)

    def draw(self, canvas: Array, result: Detections) -> None:
        """Draws the points of each object, and its best classes below it."""
        task, details = self._second.task, result.details
        if details is None:
            return
        if isinstance(task, Skeletal):
            draw_poses(canvas, stacked_keypoints(details), task.bones, task.least_score)
        for box, one in zip(result.xyxy.tolist(), details, strict=True):
            if one is not None and one.classes:
                best = one.best()
                text = ', '.join(f'{each} {each.score:.2f}' for each in best)
                corner = round(box[0]), min(round(box[3]), len(canvas))
                draw_text(canvas, text, corner, class_color(best[0].class_id))

    def additions(self, result: Detections) -> list[Addition]:
        """Returns what is said of each object."""
        return [_addition(one) for one in result.details or (None,) * len(result)]

    def _chosen(self, found: Detections, picture: Frame) -> list[int]:
        """Returns the indices of the objects to look at; wrong boxes are for validation."""
        height, width = picture.data.shape[:2]
        with np.errstate(invalid='ignore'):
            sized = (found.xyxy[:, 2:] > found.xyxy[:, :2]).all(axis=1)
            there = sized & meets(found.xyxy, (width, height))
        there &= np.isfinite(found.xyxy).all(axis=1)
        if found.angles is not None:
            there &= np.isfinite(found.angles)
        only = self._settings.only
        wanted = [
            index
            for index in np.flatnonzero(there).tolist()
            if not only or self._model.label(int(found.class_ids[index])) in only
        ]
        return wanted[: self._settings.max_objects]

    def _region(self, found: Detections, index: int) -> Region:
        settings, points = self._settings, found.keypoints
        angle = 0.0 if found.angles is None else float(found.angles[index])
        if settings.level and points is not None:
            angle = _angle(points[index], settings.level, angle)
        return around_box(found.xyxy[index], angle, settings.padding, settings.square)


def _angle(points: Array, ends: Sequence[int], otherwise: float) -> float:
    """Returns the angle of the line between two of an object's points (K, 3) [rad].

    Raises:
        FrameError: there are not so many points.
    """
    if max(ends) >= len(points):
        raise FrameError(
            'cascade.level names a point that the model does not give',
            got=f'point {max(ends)}',
            expected=f'0 to {len(points) - 1}',
        )
    x, y = (points[ends[1], :2] - points[ends[0], :2]).tolist()
    return math.atan2(y, x) if math.isfinite(x) and math.isfinite(y) else otherwise


def _addition(one: Detail | None) -> Cascade.Addition:
    if one is None:
        return Cascade.Addition()
    points = () if one.keypoints is None else tuple(one.keypoints.reshape(-1).tolist())
    values = tuple(
        number for array in one.values.values() for number in array.reshape(-1).tolist()
    )
    labels = tuple(map(str, one.classes))
    scores = tuple(each.score for each in one.classes)
    return Cascade.Addition(labels, scores, points, values)
