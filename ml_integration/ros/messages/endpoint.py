"""What the middleware does with the messages on their way to a subscription, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.node import Node
from rclpy.qos import QoSProfile

from ml_integration.core.stats import InputStats
from ml_integration.ros.messages import fast_dds
from ml_integration.ros.node import qos

SEGMENT_BYTES = 512 * 1024
"""Fast DDS's own shared-memory segment; larger messages travel as UDP fragments."""
SLOW_MS_PER_MB = 6.0
"""Through shared memory a megabyte takes 1 to 2 ms, in fragments of UDP 9 to 15 ms."""
_HOST = slice(2, 4)
"""Where an endpoint's identifier says on which machine it is."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A subscription as the middleware sees it.

    Attributes:
        camera: whose it is; empty when a node has only one.
        topic: the topic's full name after remapping.
        publishers: how many there are.
        mismatch: why a publisher does not connect; empty if all do.
        local: whether all publishers are on this machine, and there are some.
    """

    camera: str
    topic: str
    publishers: int
    mismatch: str
    local: bool = False


def subscribe(node: Node, *arguments: Any, lost: Callable[[int], None], **options: Any) -> Any:
    """Creates a subscription that also tells how many messages were lost on the way to it.

    Args:
        node: the node that subscribes.
        arguments: those of `rclpy.node.Node.create_subscription`.
        lost: is given how many more messages were lost.
        options: more of them.
    """
    events = SubscriptionEventCallbacks(
        message_lost=lambda event: lost(event.total_count_change),
    )
    try:
        return node.create_subscription(*arguments, event_callbacks=events, **options)
    except UnsupportedEventTypeError:  # this middleware cannot tell
        return node.create_subscription(*arguments, **options)


def inspect_wire(node: Node, camera: str, topic: str, profile: QoSProfile) -> Wire:
    """Asks the middleware who publishes on a topic and whether that can reach us."""
    publishers = node.get_publishers_info_by_topic(topic)
    reasons = [qos.mismatch(publisher.qos_profile, profile) for publisher in publishers]
    hosts = {tuple(item.endpoint_gid[_HOST]) for item in publishers}
    own = {
        tuple(item.endpoint_gid[_HOST])
        for item in node.get_subscriptions_info_by_topic(topic)
        if (item.node_namespace, item.node_name) == (node.get_namespace(), node.get_name())
    }
    local = bool(hosts) and hosts == own
    mismatch = next(filter(None, reasons), '')
    return Wire(camera, topic, len(publishers), mismatch, local)


def fragmentation(wire: Wire, stats: InputStats) -> str:
    """The sentence that says that large messages are cut into pieces; empty if they are not.

    What is sent from this machine goes through shared memory, unless it is larger than the
    publisher's segment. Pieces are slow, and one that is lost costs the whole message. The
    stamps of a publisher on this machine are of our own clock.
    """
    large = stats.serialized_bytes > SEGMENT_BYTES or not stats.total.received
    if not wire.local or not large:
        return ''
    size_mb = stats.serialized_bytes / 1e6
    transport_ms = stats.transport.p50 if stats.transport else 0.0
    if transport_ms > SLOW_MS_PER_MB * size_mb:
        symptom = f'{size_mb:.1f} MB take {transport_ms:.1f} ms from the publisher to here'
    elif stats.recent.lost:
        symptom = f'messages of {size_mb:.1f} MB get lost' if size_mb else 'all messages get lost'
    else:
        return ''
    return (
        f'{symptom}, which smells of UDP fragments: start the PUBLISHER with '
        f'{" or ".join(fast_dds.VARIABLES)} set to {fast_dds.PROFILE} of this package'
    )
