"""A camera in a process of its own that sends one picture again and again, as it is told to.

The messages are made beforehand: what is measured is not the camera. Each frame has its number as
its frame_id, so that none is lost unseen.
"""

from __future__ import annotations

import array
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field

import cv2
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from benchmarks.side_by_side.line_process import serve
from ml_integration.ros.video.pace import Pace

MODULE = 'benchmarks.side_by_side.frame_source'


@dataclass(frozen=True, slots=True)
class Stream:
    """Pictures to send from now on.

    Attributes:
        topics: each frame goes to all of them.
        picture: the file to show.
        rate_hz: frames per second and topic; 0: be silent; below 0: go on as before.
    """

    topics: list[str] = field(default_factory=list)
    picture: str = ''
    rate_hz: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """The number of the next frame, and the median time that `publish` took [ms]."""

    frames: int
    publish_ms: float


SILENCE = Stream()
GO_ON = Stream(rate_hz=-1.0)


class FrameSource:
    """Publishes in a thread of its own."""

    def __init__(self) -> None:
        self._node = rclpy.create_node('frame_source')
        self._publishers: dict[str, object] = {}
        self._messages: dict[str, Image] = {}
        self._publish_ms: list[float] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._number = 0

    def answer(self, stream: Stream) -> Sent:
        """Begins what is asked for and reports on what was until now."""
        if stream.rate_hz >= 0:
            self.stop()
        spent_ms = self._publish_ms[-1000:]
        report = Sent(self._number, statistics.median(spent_ms) if spent_ms else 0.0)
        if stream.rate_hz > 0:
            self._start(stream)
        return report

    def stop(self) -> None:
        """Sends nothing any more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self, stream: Stream) -> None:
        profile = QoSProfile(depth=1)  # reliable, so that every subscriber matches
        for topic in stream.topics:
            if topic not in self._publishers:
                self._publishers[topic] = self._node.create_publisher(Image, topic, profile)
        if stream.picture not in self._messages:
            self._messages[stream.picture] = _message(stream.picture)
        self._publish_ms = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, args=(stream,), daemon=True)
        self._thread.start()

    def _send(self, stream: Stream) -> None:
        message = self._messages[stream.picture]
        publishers = [self._publishers[topic] for topic in stream.topics]
        pace = Pace(1 / stream.rate_hz, time.monotonic())
        while not self._stop.wait(pace.wait_s(time.monotonic())):
            message.header.frame_id = str(self._number)
            for publisher in publishers:
                now_ns = time.time_ns()
                stamp = message.header.stamp
                stamp.sec, stamp.nanosec = divmod(now_ns, 1_000_000_000)
                publisher.publish(message)
                self._publish_ms.append((time.time_ns() - now_ns) / 1e6)
            self._number += 1


def _message(file: str) -> Image:
    pixels = cv2.imread(file, cv2.IMREAD_COLOR)
    height, width = pixels.shape[:2]
    message = Image(height=height, width=width, encoding='bgr8', step=3 * width)
    message.data = array.array('B', pixels.tobytes())
    return message


def main() -> int:
    """Entry point."""
    rclpy.init()
    source = FrameSource()
    try:
        serve(Stream, source.answer)
    finally:
        source.stop()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
