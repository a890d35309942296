"""Asks the middleware what it does with the messages on their way to a subscription."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.node import Node
from rclpy.qos import QoSProfile

from ml_integration.core.endpoints import Endpoint
from ml_integration.core.stats import InputKey
from ml_integration.ros.messages import fast_dds
from ml_integration.ros.node import qos

REMEDY = (
    f'start the PUBLISHER with {" or ".join(fast_dds.VARIABLES)} set to {fast_dds.PROFILE} '
    'of this package'
)
_HOST = slice(2, 4)
"""Bytes of an endpoint's identifier that name its machine."""


def subscribe(node: Node, *arguments: Any, lost: Callable[[int], None], **options: Any) -> Any:
    """Creates a subscription that also tells how many messages were lost on the way to it.

    Args:
        node: the node that subscribes.
        arguments: those of `rclpy.node.Node.create_subscription`.
        lost: is called with the number of messages lost since the last call.
        options: its keyword arguments.
    """
    events = SubscriptionEventCallbacks(
        message_lost=lambda event: lost(event.total_count_change),  # type: ignore[attr-defined]
    )
    try:
        return node.create_subscription(*arguments, event_callbacks=events, **options)
    except UnsupportedEventTypeError:  # this middleware cannot tell
        return node.create_subscription(*arguments, **options)


def inspect_endpoint(node: Node, key: InputKey, topic: str, profile: QoSProfile) -> Endpoint:
    """Asks the middleware who publishes on a topic and whether that can reach us.

    Args:
        node: the node that subscribes.
        key: which messages come there.
        topic: full name of the topic.
        profile: of the subscription.
    """
    publishers = node.get_publishers_info_by_topic(topic)
    reasons = [qos.mismatch(publisher.qos_profile, profile) for publisher in publishers]
    hosts = {tuple(item.endpoint_gid[_HOST]) for item in publishers}
    own = {
        tuple(item.endpoint_gid[_HOST])
        for item in node.get_subscriptions_info_by_topic(topic)
        if (item.node_namespace, item.node_name) == (node.get_namespace(), node.get_name())
    }
    return Endpoint(
        stream=key.stream,
        source=key.source,
        topic=topic,
        publishers=len(publishers),
        mismatch=next(filter(None, reasons), ''),
        local=bool(hosts) and hosts == own,
        remedy=REMEDY,
    )
