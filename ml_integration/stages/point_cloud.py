"""Publishes estimated depth as points in space, with the camera info of the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_integration.core.contracts import MessageTypes, Task, Topic
from ml_integration.core.datatypes import Frame, ModelDescription, Prediction
from ml_integration.core.declaration import declared
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops.camera_frames import CAMERA_INFO, camera_of, size_of, the_frame
from ml_integration.ops.camera_model import CameraModel
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.point_clouds import IN_SPACE, point_cloud, points_of

MOST_POINTS = 2**24
"""Points of the largest cloud: twice those of a 4K picture, 200 MB."""
METERS = Topic('depth', 'sensor_msgs/msg/Image')
"""Topic of a task whose results are depths in meters; those without a unit have another name."""


class PointCloud:
    """Makes an organized cloud, one point for each pixel, of metric depth.

    Where the depth is unknown the point is NaN.
    """

    companions = (CAMERA_INFO,)
    topics = (Topic('points', 'sensor_msgs/msg/PointCloud2'),)

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that belong to the robot's camera."""

        rectified: bool = declared(
            False,
            'The picture is undistorted, as image_proc makes it: P of the camera info holds, '
            'and not K and D.',
            at_configure=True,
        )

    def __init__(self, settings: Settings, task: Task, model: ModelDescription) -> None:
        if METERS not in task.topics:
            raise ModelMismatchError(
                str(model.identity),
                'no points can be made of its results',
                ', '.join(f'{topic.name} ({topic.message_type})' for topic in task.topics),
                'depth in meters: the task depth_estimation with kind: metric',
                'Remove point_cloud from the stages of this node. Depth that is known up to its '
                'scale has no place in space.',
            )
        self._settings = settings
        self._picture = the_picture(model)

    def begin(self) -> None:
        """Remembers nothing of a stream."""

    def __call__(
        self, result: Any, memory: None, frames: Mapping[str, Sequence[Frame]], stamp_ns: int
    ) -> Any:
        """Returns the result as it is, once the camera info is found to belong to the picture.

        Raises:
            FrameError: it does not, or the cloud would be too large.
        """
        self._camera(frames)
        width, height = size_of(the_frame(frames, self._picture))
        if width * height > MOST_POINTS:
            raise FrameError(
                'the picture is too large for a cloud of its points',
                got=f'{width} x {height} px',
                expected=f'at most {MOST_POINTS} points',
                hint='Publish smaller pictures, or remove point_cloud from the stages.',
            )
        return result

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the cloud."""
        (topic,) = self.topics
        points = points_of(prediction.result.depth, self._camera(prediction.frames))
        yield topic.name, point_cloud(points, IN_SPACE, False, header, messages)

    def _camera(self, frames: Mapping[str, Sequence[Frame]]) -> CameraModel:
        info, picture = the_frame(frames, CAMERA_INFO.name), the_frame(frames, self._picture)
        return camera_of(info, picture, self._settings.rectified)
