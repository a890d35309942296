"""Hands messages over inside a process: by reference, neither serialized nor copied.

The receiver gets the very object that the publisher made, so it may only read it, and so may the
publisher from then on. Subscribers outside the process get the message over the network as ever.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Image

from ml_integration.core.datatypes import Array
from ml_integration.errors import MessageError
from ml_integration.ros.messages.image_message import serialized_bgr8
from ml_integration.ros.messages.reader import read_header, record_class
from ml_integration.ros.node import qos

Receiver = Callable[[Any], None]
REMEMBERED = 32
"""Messages whose copies from the network are recognized; more than any queue of ours holds."""

_lock = threading.Lock()
_receivers: dict[tuple[int, str], tuple[Receiver, ...]] = {}


def receive_inside(node: Node, topic: str, receive: Receiver, resources: ExitStack) -> Receiver:
    """Registers `receive` for messages that publishers in this process hand over.

    Args:
        node: the node that subscribes.
        topic: its name for the topic, before remapping.
        receive: takes a message on the publisher's thread, and has to return at once.
        resources: is told how to end it.

    Returns:
        The function that the node's subscription has to call instead of `receive`: it drops the
        copies of messages that were handed over, which come if somebody outside subscribes too.
    """
    inbox = _Inbox(receive)
    key = _key(node, node.resolve_topic_name(topic))
    with _lock:
        _receivers[key] = (*_receivers.get(key, ()), inbox.from_process)
    resources.callback(_forget, key, inbox.from_process)
    return inbox.from_network


class ImagePublisher:
    """Publishes pictures: handed over inside the process, serialized only for those outside.

    Args:
        node: the node that publishes.
        topic: the topic's name, before remapping.
        intra_process: whether to hand pictures over.
        resources: is told how to let go of the publisher.
    """

    def __init__(self, node: Node, topic: str, intra_process: bool, resources: ExitStack) -> None:
        self._publisher = node.create_publisher(
            Image, topic, qos.image_stream(), qos_overriding_options=qos.overridable()
        )
        resources.callback(node.destroy_publisher, self._publisher)
        self.topic_name: str = self._publisher.topic_name
        self._key = _key(node, self.topic_name)
        self._intra_process = intra_process

    def publish(self, header: Any, pixels: Array) -> None:
        """Publishes (H, W, 3) uint8 BGR pixels, which must not be written to any more.

        Args:
            header: std_msgs/msg/Header. Its stamp and frame tell a message from others; one
                without a stamp goes over the network to everybody.
            pixels: the picture.
        """
        receivers = _receivers.get(self._key, ()) if self._intra_process else ()
        if not (header.stamp.sec or header.stamp.nanosec):
            receivers = ()
        if receivers:
            message = _as_read(header, pixels)
            for receive in receivers:
                receive(message)
        if self._publisher.get_subscription_count() > len(receivers):
            self._publisher.publish(serialized_bgr8(header, pixels))


class _Inbox:
    """Inbox of one subscription, for messages from inside and from outside."""

    def __init__(self, receive: Receiver) -> None:
        self._receive = receive
        self._handed_over: deque[tuple[int, int, str]] = deque(maxlen=REMEMBERED)

    def from_process(self, message: Any) -> None:
        self._handed_over.append(_identity(message.header))
        self._receive(message)

    def from_network(self, message: Any) -> None:
        if self._handed_over:
            with suppress(MessageError):  # a damaged one is told where all are read
                header = read_header(message) if isinstance(message, bytes) else message.header
                if _identity(header) in self._handed_over:
                    return
        self._receive(message)


def _identity(header: Any) -> tuple[int, int, str]:
    return header.stamp.sec, header.stamp.nanosec, header.frame_id


def _key(node: Node, topic_name: str) -> tuple[int, str]:
    """Identifies a topic; contexts may be in domains where the same name is another topic."""
    return id(node.context), topic_name


def _forget(key: tuple[int, str], receive: Receiver) -> None:
    with _lock:
        left = tuple(item for item in _receivers[key] if item != receive)
        if left:
            _receivers[key] = left
        else:
            del _receivers[key]


def _as_read(header: Any, pixels: Array) -> Any:
    """Makes the message of a picture as a reader would, with the same attributes."""
    height, width = pixels.shape[:2]
    data = pixels.reshape(-1)
    data.flags.writeable = False
    return record_class(Image)(
        header=header,
        height=height,
        width=width,
        encoding='bgr8',
        is_bigendian=0,
        step=3 * width,
        data=data,
    )
