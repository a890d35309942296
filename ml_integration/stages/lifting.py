"""Places found objects in space with a registered depth image: boxes in the camera's frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.contracts import MessageTypes, Task, Topic
from ml_integration.core.datatypes import Frame, ModelDescription, Prediction
from ml_integration.core.declaration import declared
from ml_integration.errors import ModelMismatchError, SettingError
from ml_integration.ops.camera_frames import (
    CAMERA_INFO,
    camera_of,
    depth_companion,
    depth_of,
    the_frame,
)
from ml_integration.ops.detection3d_messages import detection_3d_array
from ml_integration.ops.detections import Detections
from ml_integration.ops.lifting import LiftingRules, lift
from ml_integration.ops.picture_input import the_picture

FOUND = 'vision_msgs/msg/Detection2DArray'


class Lifting:
    """Lifts detections to 3D with a depth image of the same camera and the picture's camera info.

    The depth image may have another resolution than the picture, but shows the same: it is
    registered to it. An object with too few valid depths stays in the 2D message and is left out
    of the 3D one.
    """

    topics = (Topic('detections_3d', 'vision_msgs/msg/Detection3DArray'),)

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that belong to the robot's depth camera."""

        tolerance_ms: float = declared(
            50.0,
            'How far the stamps of picture and depth image may be apart [ms].',
            ge=0.0,
            at_configure=True,
        )
        min_depth_m: float = declared(
            0.1,
            'Smallest depth that is a measurement [m].',
            ge=0.001,
            le=1000.0,
            at_configure=True,
        )
        max_depth_m: float = declared(
            100.0,
            'Largest depth that is a measurement [m].',
            ge=0.001,
            le=1000.0,
            at_configure=True,
        )
        min_valid_share: float = declared(
            0.1,
            'Smallest share of the pixels of an object that have a depth.',
            ge=0.0,
            le=1.0,
            at_configure=True,
        )
        box_core: float = declared(
            0.6,
            'Share of the width and height of a box that is looked at where there is no mask.',
            ge=0.05,
            le=1.0,
            at_configure=True,
        )
        rectified: bool = declared(
            False,
            'The picture is undistorted, as image_proc makes it: P of the camera info holds, '
            'and not K and D.',
            at_configure=True,
        )

    @dataclass(frozen=True, slots=True)
    class Row:
        """Center and size of an object in the camera's frame [m]; empty where unknown."""

        center_m: tuple[float, ...]
        size_m: tuple[float, ...]

    def __init__(self, settings: Settings, task: Task, model: ModelDescription) -> None:
        if settings.max_depth_m <= settings.min_depth_m:
            expected = f'more than min_depth_m, which is {settings.min_depth_m:g}'
            raise SettingError('max_depth_m', settings.max_depth_m, expected, where='lifting')
        if all(topic.message_type != FOUND for topic in task.topics):
            raise ModelMismatchError(
                str(model.identity),
                'its results cannot be lifted to 3D',
                ', '.join(topic.message_type for topic in task.topics),
                f'a task that publishes {FOUND}',
                'Remove lifting from the stages of this node.',
            )
        self._settings = settings
        self._model = model
        self._picture = the_picture(model)
        self._rules = LiftingRules(
            settings.min_depth_m,
            settings.max_depth_m,
            settings.min_valid_share,
            settings.box_core,
        )
        self.companions = (depth_companion(settings.tolerance_ms), CAMERA_INFO)

    def begin(self) -> None:
        """Remembers nothing of a stream."""

    def __call__(
        self,
        result: Detections,
        memory: None,
        frames: Mapping[str, Sequence[Frame]],
        stamp_ns: int,
    ) -> Detections:
        """Returns the objects with their centers and sizes in space.

        Raises:
            FrameError: depth image, camera info and picture do not belong together.
        """
        picture = the_frame(frames, self._picture)
        info = the_frame(frames, CAMERA_INFO.name)
        camera = camera_of(info, picture, self._settings.rectified)
        depth = depth_of(the_frame(frames, 'depth'), picture)
        return lift(result, depth, camera, self._rules)

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the message, with an empty list when nothing could be placed."""
        (topic,) = self.topics
        yield (
            topic.name,
            detection_3d_array(prediction.result, header, messages, self._model.label),
        )

    def rows(self, result: Detections) -> list[Row]:
        """Lists the places, best object first."""
        if result.centers_m is None or result.sizes_m is None:
            return [self.Row((), ())] * len(result)
        pairs = zip(result.centers_m.tolist(), result.sizes_m.tolist(), strict=True)
        return [
            self.Row(tuple(center), tuple(size)) if np.isfinite(center).all() else self.Row((), ())
            for center, size in pairs
        ]
