"""Warns once of messages that do not fit into the process's shared memory."""

from __future__ import annotations

from array import array
from typing import Any

from rclpy.node import Node

from ml_integration.ros.messages import fast_dds

_BUFFERS = (bytes, bytearray, array)


class LargeMessages:
    """Looks at the first message of each topic, whose size the next ones have.

    Args:
        node: publishes them.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._seen: set[str] = set()

    def look(self, topic: str, message: Any) -> None:
        """Warns if a message is too large to be passed on by shared memory.

        Args:
            topic: its name.
            message: serialized, or one with the field `data`; others are never large.
        """
        if topic in self._seen:
            return
        self._seen.add(topic)
        data = message if isinstance(message, bytes) else getattr(message, 'data', b'')
        size_bytes = len(memoryview(data).cast('B')) if isinstance(data, _BUFFERS) else 0
        if sentence := fast_dds.shortage(size_bytes):
            self._node.get_logger().warning(f'{topic}: {sentence}')
