"""Brings messages into an inference node: subscriptions, and a timer if the clock triggers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from time import monotonic_ns
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from ml_integration.core.arrivals import CLOCK
from ml_integration.core.endpoints import Endpoint
from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import InputKey
from ml_integration.core.transports import RAW
from ml_integration.core.wiring import Wiring
from ml_integration.deploy.assembly import Read
from ml_integration.errors import MessageError
from ml_integration.ros.inference.retired_subscriptions import RetiredSubscriptions
from ml_integration.ros.messages.endpoint import inspect_endpoint, publishers_keep, subscribe
from ml_integration.ros.messages.intra_process import receive_inside
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.messages.reader import has_header, reader
from ml_integration.ros.messages.stamps import StampReader, stamp_reader
from ml_integration.ros.node import qos
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.streams import Stream


def reader_for(type_name: str) -> Read:
    """Returns a function that reads messages of a type, serialized or not."""
    read = reader(message_type(type_name))
    return lambda message: read(message) if isinstance(message, bytes) else message


@dataclass(slots=True)
class _Subscribed:
    """A subscription that can be made anew for other publishers.

    Attributes:
        key: which messages come there.
        kind: their full type name.
        transport: their form.
        make: makes the subscription, with a quality of service.
        subscription: the one that there is.
    """

    key: InputKey
    kind: str
    transport: str
    make: Callable[[QoSProfile], Subscription]
    subscription: Subscription


class Intake:
    """Passes arriving messages to the frame loop. Exists while the node is active.

    Args:
        node: the node that subscribes.
        wiring: the inputs of the model, the same for every model that takes its place.
        loop: gets the messages.
        monitor: counts them.
        resources: is told how to end it.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[InferenceNodeParameters],
        wiring: Wiring,
        loop: FrameLoop,
        monitor: Monitor,
        resources: ExitStack,
    ) -> None:
        self._node = node
        # Not the wiring itself, which holds the tensors of a model that is replaced some day.
        self._inputs = [
            (item.source.topic, item.transport, item.sensor.message_type)
            for item in wiring.sources
        ]
        self._trigger = wiring.trigger_topic
        self._rate_hz = wiring.trigger.rate_hz
        self._loop = loop
        self._monitor = monitor
        self._resources = resources
        self._now_ns = clock_of(node)
        self._intent = node.parameters.sensor_qos
        self._subscribed: list[_Subscribed] = []
        self._retired = RetiredSubscriptions(node)
        self._heard: set[InputKey] = set()
        resources.callback(self._retired.destroy)

    def open(self, stream: Stream) -> None:
        """Subscribes for a stream."""
        for source, transport, kind in self._inputs:
            self._subscribe(stream, source, transport, kind)
        self.follow_publishers()
        if self._rate_hz:
            tick = partial(self._tick, stream)
            period_s = 1 / self._rate_hz
            # On the node's clock: simulated time that stands still triggers nothing.
            timer = self._node.create_timer(period_s, self._node.guarded(tick))
            self._resources.callback(self._node.destroy_timer, timer)

    @property
    def topics(self) -> list[str]:
        """Full names of the topics, after remapping, each with its type."""
        return [f'{one.subscription.topic_name} ({one.kind})' for one in self._subscribed]

    def endpoints(self) -> list[Endpoint]:
        """Returns the subscriptions as the middleware sees them."""
        return [
            inspect_endpoint(self._node, one.key, one.kind, one.subscription, one.transport)
            for one in self._subscribed
        ]

    def follow_publishers(self) -> None:
        """Subscribes anew where publishers came that keep messages for late subscribers, or went.

        Only who asks for them gets messages of before, such as a camera info that is published
        once, and who asks gets nothing at all of publishers that keep nothing. Who has heard a
        publisher needs no older messages of it.

        The old subscription is muted, and destroyed the next time.
        """
        self._retired.destroy()
        for one in self._subscribed:
            if one.key.source == self._trigger:  # results are about what is seen now
                continue
            asks = qos.keeps(one.subscription.qos_profile)
            keep = publishers_keep(self._node, one.subscription.topic_name, one.kind)
            if keep is not None and keep != asks and (asks or one.key not in self._heard):
                self._retired.add(one.subscription)
                one.subscription = one.make(qos.sensor(self._intent, keep))

    def _subscribe(self, stream: Stream, source: str, transport: str, kind: str) -> None:
        node, key = self._node, InputKey(stream.name, source)
        topic = f'{stream.name}/{source}' if stream.name else source
        if transport != RAW:  # below the topic as it is remapped, as image_transport does
            topic = f'{node.resolve_topic_name(topic)}/{transport}'
        stamp = stamp_reader(message_type(kind))
        receive: Callable[[Any], None] = partial(self._receive, stream, key, stamp)
        if node.intra_process and has_header(message_type(kind)):  # by which copies are known
            receive = receive_inside(node, topic, receive, self._resources)
        make = partial(
            subscribe,
            node,
            message_type(kind),
            topic,
            node.guarded(receive),
            lost=node.guarded(partial(self._lost, key)),
            raw=node.parameters.raw_subscription,
            qos_overriding_options=qos.overridable_sensor(),
        )
        made = _Subscribed(key, kind, transport, make, make(qos.sensor(self._intent)))
        self._resources.callback(lambda: node.destroy_subscription(made.subscription))
        self._subscribed.append(made)

    def _receive(self, stream: Stream, key: InputKey, stamp: StampReader, message: Any) -> None:
        size = len(message) if isinstance(message, bytes) else 0
        self._heard.add(key)
        clock_ns = self._now_ns()
        try:
            stamp_ns = stamp(message) or clock_ns
        except MessageError as error:
            self._monitor.received(key.stream, key.source, monotonic_ns(), size)
            self._loop.refuse(stream, key.source, error)
            return
        ahead_ns = stamp_ns - clock_ns
        self._monitor.received(key.stream, key.source, monotonic_ns(), size, stamp_ns, ahead_ns)
        self._loop.receive(stream, key.source, message, stamp_ns)

    def _tick(self, stream: Stream) -> None:
        stamp_ns = self._now_ns()
        self._monitor.received(stream.name, CLOCK, monotonic_ns(), 0, stamp_ns, 0)
        self._loop.receive(stream, CLOCK, None, stamp_ns)

    def _lost(self, key: InputKey, count: int) -> None:
        self._monitor.lost(key.stream, key.source, count, monotonic_ns())


def clock_of(node: Node) -> Callable[[], int]:
    """Returns a function that tells the node's time [ns], which may be simulated."""
    clock = node.get_clock()
    return lambda: int(clock.now().nanoseconds)
