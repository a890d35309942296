"""Quality of service, named by what a topic is for."""

from __future__ import annotations

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

SENSOR_QOS = ('sensor_data', 'reliable')


def sensor(intent: str, keeping: bool = False) -> QoSProfile:
    """Returns the QoS of sensor streams: the newest message counts.

    Five deep, so that a frame which arrives while the executor is busy is displaced in the
    mailbox, where it is counted, and not silently in the middleware.

    Args:
        intent: 'sensor_data' takes what arrives, from any publisher; 'reliable' asks for
            retransmission and is incompatible with best-effort publishers.
        keeping: whether every publisher keeps messages for late subscribers, which come then;
            from one that keeps none, none comes.
    """
    best_effort = intent == 'sensor_data' and not keeping
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=5,
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=(DurabilityPolicy.TRANSIENT_LOCAL if keeping else DurabilityPolicy.VOLATILE),
    )


def keeps(profile: QoSProfile) -> bool:
    """Tells whether a publisher keeps messages for late subscribers, or a subscriber asks for it.

    Only what is reliable is sent again.
    """
    wanted = DurabilityPolicy.TRANSIENT_LOCAL, ReliabilityPolicy.RELIABLE
    return (profile.durability, profile.reliability) == wanted


def result() -> QoSProfile:
    """Returns the QoS of results: reliable, so that every kind of subscriber matches."""
    return QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


def latched() -> QoSProfile:
    """Returns the QoS of a state: a late subscriber gets the last message."""
    return QoSProfile(
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def image_stream() -> QoSProfile:
    """Returns the QoS of published images: reliable, so that every kind of subscriber matches."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


def overridable() -> QoSOverridingOptions:
    """Lets `qos_overrides.<topic>.publisher.*` change history, depth and reliability."""
    return QoSOverridingOptions.with_default_policies()


def overridable_sensor() -> QoSOverridingOptions:
    """Lets `qos_overrides.<topic>.subscription.*` change history and depth.

    Not the reliability, which `sensor_qos` decides: rclpy declares an override with the first
    subscription and would keep its reliability for all later ones.
    """
    return QoSOverridingOptions((QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH))


def mismatch(publisher: QoSProfile, subscription: QoSProfile) -> str:
    """Returns why the two do not connect and what to do; empty if they do or might."""
    compatibility, reason = qos_check_compatible(publisher, subscription)
    if compatibility != QoSCompatibility.ERROR:
        return ''
    wanted = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
    if (subscription.reliability, publisher.reliability) == wanted:
        return (
            'the publisher is best effort, and this node asks for reliable messages: none comes. '
            'Configure the node again with the parameter sensor_qos set to sensor_data, or make '
            'the publisher reliable'
        )
    return str(reason).removeprefix('ERROR: ').rstrip('; ')
