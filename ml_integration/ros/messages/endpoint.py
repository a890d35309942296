"""Asks the middleware what it does with the messages on their way to a subscription."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from typing import Any

from rclpy.clock import ROSClock
from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.node import Node
from rclpy.subscription import Subscription

from ml_integration.core.endpoints import Endpoint
from ml_integration.core.stats import InputKey
from ml_integration.core.transports import RAW
from ml_integration.ros.messages import fast_dds
from ml_integration.ros.messages.segments import smallest_segment
from ml_integration.ros.node import qos

REMEDY = (
    f'start the PUBLISHER with {" or ".join(fast_dds.VARIABLES)} set to a file written by '
    'ml_model dds-profile --largest'
)
SHOWN = 3
"""Most topics that are proposed."""
SEARCHED = 64
"""Most topics of a type that are looked at for proposals."""
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


def publishers_keep(node: Node, topic: str, kind: str) -> bool | None:
    """Tells whether all publishers of a topic keep messages for those who subscribe later.

    Args:
        node: asks the middleware.
        topic: its full name.
        kind: the full type name of the messages; publishers of others do not matter.

    Returns:
        None where nobody publishes.
    """
    known = node.get_publishers_info_by_topic(topic)
    kept = [qos.keeps(item.qos_profile) for item in known if item.topic_type == kind]
    return all(kept) if kept else None


def inspect_endpoint(
    node: Node, key: InputKey, kind: str, subscription: Subscription, transport: str = RAW
) -> Endpoint:
    """Asks the middleware who publishes on a topic and whether that can reach us.

    Args:
        node: the node that subscribes.
        key: which messages come there.
        kind: their full type name, such as 'sensor_msgs/msg/Image'.
        subscription: through which they come.
        transport: their form, as `core/transports` names it.
    """
    topic, profile = subscription.topic_name, subscription.qos_profile
    publishers = node.get_publishers_info_by_topic(topic)
    fitting = [item for item in publishers if item.topic_type == kind]
    reasons = (qos.mismatch(publisher.qos_profile, profile) for publisher in fitting)
    local = bool(publishers) and _hosts(publishers) == _own_hosts(node, topic)
    return Endpoint(
        stream=key.stream,
        source=key.source,
        topic=topic,
        publishers=len(publishers),
        mismatch=next(filter(None, reasons), ''),
        local=local,
        remedy=REMEDY,
        kind=kind,
        strangers=tuple(item.topic_type for item in publishers if item.topic_type != kind),
        elsewhere=() if fitting else _elsewhere(node, topic, kind),
        domain=node.context.get_domain_id(),
        clock_stopped=_stands_still(node),
        segment_bytes=smallest_segment(publishers) if local else 0,
        transport=transport,
    )


def _hosts(endpoints: Iterable[Any]) -> set[tuple[int, ...]]:
    return {tuple(item.endpoint_gid[_HOST]) for item in endpoints}


def _own_hosts(node: Node, topic: str) -> set[tuple[int, ...]]:
    return _hosts(
        item for item in node.get_subscriptions_info_by_topic(topic) if _is_of(item, node)
    )


def _is_of(endpoint: Any, node: Node) -> bool:
    own = node.get_namespace(), node.get_name()
    return (endpoint.node_namespace, endpoint.node_name) == own


def _elsewhere(node: Node, topic: str, kind: str) -> tuple[str, ...]:
    """Returns other topics where another node publishes a type, the most similar name first."""
    own = {topic, *(subscription.topic_name for subscription in node.subscriptions)}
    names = [
        name
        for name, kinds in node.get_topic_names_and_types()
        if kind in kinds and name not in own
    ]
    names.sort(key=lambda name: -SequenceMatcher(None, topic, name).ratio())
    found = (
        name
        for name in names[:SEARCHED]
        if any(
            item.topic_type == kind and not _is_of(item, node)
            for item in node.get_publishers_info_by_topic(name)
        )
    )
    return tuple(name for name, _ in zip(found, range(SHOWN), strict=False))


def _stands_still(node: Node) -> bool:
    clock = node.get_clock()
    is_simulated = isinstance(clock, ROSClock) and clock.ros_time_is_active
    return is_simulated and not clock.now().nanoseconds
