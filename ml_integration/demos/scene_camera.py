"""A camera that shows a drawn scene: every picture is numbered, so that none is lost unseen."""

from __future__ import annotations

import array
import threading
import time

from rclpy.node import Node
from sensor_msgs.msg import Image

from ml_integration.core.datatypes import Array
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import SIZE_WH, render
from ml_integration.ros.node import qos
from ml_integration.ros.video.pace import Pace

PICTURES = 60
PICTURES_PER_S = 30.0


class SceneCamera:
    """Publishes `image` (sensor_msgs/Image, 640 x 480 rgb8) in a thread of its own.

    The picture's number is its frame_id; the scene goes forward and backward again.

    Args:
        node: owns the publisher.
        seed: of the scene.
        rate_hz: pictures per second [Hz].
    """

    def __init__(self, node: Node, seed: int, rate_hz: float) -> None:
        self._node = node
        self._rate_hz = rate_hz
        self._publisher = node.create_publisher(Image, 'image', qos.image_stream())
        self._pictures = pictures(seed)
        self._messages = [image_message(picture) for picture in self._pictures]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._play, name='camera')
        self.sent = 0

    def start(self) -> None:
        """Starts with picture 0, once somebody has subscribed."""
        self._thread.start()

    def stop(self) -> None:
        """Sends nothing any more; `sent` is how many pictures there were."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def picture(self, number: int) -> Array:
        """The picture of a number: (480, 640, 3) uint8, RGB."""
        return self._pictures[place_in_loop(number)]

    def _play(self) -> None:
        while not self._publisher.get_subscription_count():
            if self._stopped.wait(0.1):
                return
        pace = Pace(1 / self._rate_hz, time.monotonic())
        while not self._stopped.wait(pace.wait_s(time.monotonic())):
            self.show(self.sent)
            self.sent += 1

    def show(self, number: int) -> None:
        """Publishes the picture of a number."""
        message = self._messages[place_in_loop(number)]
        message.header.frame_id = str(number)
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)


def place_in_loop(number: int) -> int:
    """Finds the picture that a number shows: forward, backward, and so on."""
    return abs((number + PICTURES - 1) % (2 * PICTURES - 2) - (PICTURES - 1))


def pictures(seed: int) -> list[Array]:
    """Draws the pictures of a loop, forward: (480, 640, 3) uint8 each, RGB."""
    scene = make_scene(seed)
    return [render(scene, number / PICTURES_PER_S) for number in range(PICTURES)]


def image_message(picture: Array) -> Image:
    """Makes the message of a picture (480, 640, 3) uint8, RGB."""
    height, width = SIZE_WH[1], SIZE_WH[0]
    message = Image(height=height, width=width, encoding='rgb8', step=3 * width)
    # The only type that a message takes without touching every byte in Python.
    message.data = array.array('B', picture.tobytes())
    return message
