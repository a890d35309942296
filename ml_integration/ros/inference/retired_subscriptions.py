"""Subscriptions that nobody needs any more, until they can be destroyed."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription


class RetiredSubscriptions:
    """Mutes subscriptions at once, and destroys them the next time that it is asked to.

    Events of publishers may be on their way to a subscription, and what they find destroyed ends
    the process (rclpy).

    Args:
        node: that they belong to.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._muted: list[Subscription] = []

    def add(self, subscription: Subscription) -> None:
        """Mutes a subscription."""
        subscription.callback = _ignore
        self._muted.append(subscription)

    def destroy(self) -> None:
        """Destroys those that were added since the last time."""
        while self._muted:
            self._node.destroy_subscription(self._muted.pop())


def _ignore(message: Any) -> None:
    """Takes a message that came too late."""
