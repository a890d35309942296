"""The node that plays a video as if it were a camera."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from time import monotonic
from typing import Any

import cv2
from std_msgs.msg import Header

from ml_integration.core.datatypes import Array
from ml_integration.errors import SettingError
from ml_integration.ros.messages import fast_dds
from ml_integration.ros.messages.intra_process import ImagePublisher
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import VideoPlayerParameters
from ml_integration.ros.node.program import run_node
from ml_integration.ros.video.pace import Pace
from ml_integration.ros.video.player_arguments import largest_picture
from ml_integration.ros.video.video_source import VideoSource, open_source, picture_bytes


class VideoPlayer(GuardedLifecycleNode[VideoPlayerParameters]):
    """Publishes a video file, a picture or a folder of pictures at a steady rate.

    Activation starts where the last deactivation stopped. The rate is one of real time, stamps
    are the node's clock at the moment of publication.

    Publications:
        `image` (sensor_msgs/Image, bgr8): remap it.
    Parameters:
        see `VideoPlayerParameters`.
    """

    accepts_intra_process = True

    def __init__(self, **options: Any) -> None:
        super().__init__('video_player', VideoPlayerParameters, options)

    def configure(self, resources: ExitStack) -> None:
        where = self.get_fully_qualified_name()
        _check_size(self.parameters.size, where)
        self._source: VideoSource = open_source(self.parameters.source, where)
        resources.callback(self._source.close)
        self._warn_of_a_shortage()
        self._rate_hz = self.parameters.rate_hz or self._source.rate_hz
        self._publisher = ImagePublisher(self, 'image', self.intra_process, resources)
        self.get_logger().info(
            f'{self.parameters.source} at {self._rate_hz:g} Hz on {self._publisher.topic_name}'
        )

    def activate(self, resources: ExitStack) -> None:
        self._stopped = threading.Event()
        thread = threading.Thread(target=self.guarded(self._play), name='player', daemon=True)
        thread.start()
        resources.callback(thread.join)
        resources.callback(self._stopped.set)

    def introduce(self) -> str:
        topic = self._publisher.topic_name
        return (
            f'active: publishes {topic} (sensor_msgs/msg/Image); '
            f'look at it: ros2 run rqt_image_view rqt_image_view {topic}'
        )

    def _warn_of_a_shortage(self) -> None:
        size = picture_bytes(self.parameters.source, self.parameters.size)
        if not self.intra_process and (sentence := fast_dds.shortage(size)):
            self.get_logger().warning(sentence)

    def _play(self) -> None:
        pace = Pace(1 / self._rate_hz, monotonic())
        while (frame := self._next_frame()) is not None:
            if self._stopped.wait(pace.wait_s(monotonic())) or not self.context.ok():
                return
            header = Header(stamp=self.get_clock().now().to_msg())
            header.frame_id = self.parameters.frame_id
            self._publisher.publish(header, frame)

    def _next_frame(self) -> Array | None:
        frame = self._source.read()
        if frame is None:
            self._source.rewind()
            if not self.parameters.loop:
                self.get_logger().info(f'{self.parameters.source}: played to the end')
                return None
            frame = self._source.read()
        if frame is None:
            self.get_logger().error(f'{self.parameters.source}: can no longer be read')
            return None
        return _resized(frame, self.parameters.size)


def _check_size(size: tuple[int, ...], where: str) -> None:
    if any(size) and not all(size):
        raise SettingError('size', list(size), 'both numbers above 0, or both 0', where=where)


def _resized(frame: Array, size: tuple[int, ...]) -> Array:
    if not any(size) or frame.shape[1::-1] == size:
        return frame
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def main() -> int:
    """Runs the node as a process; returns the exit code."""
    return run_node(VideoPlayer, largest_bytes=largest_picture(sys.argv))


if __name__ == '__main__':
    sys.exit(main())
