"""Subscriptions as the middleware sees them, and faults on the way of their messages."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.stats import InputStats
from ml_integration.core.transports import RAW

SEGMENT_BYTES = 512 * 1024
"""Fast DDS's own shared-memory segment; larger messages travel as UDP fragments."""
SMALL_SEGMENT_BYTES = 2**20
"""In a segment up to here most cameras' pictures do not fit."""
SLOW_MS_PER_MB = 6.0
"""Through shared memory a megabyte takes 1 to 2 ms, in fragments of UDP 9 to 15 ms."""
SMALL_KINDS = frozenset(f'sensor_msgs/msg/{name}' for name in ('CameraInfo', 'Imu', 'JointState'))
"""Types whose messages fit into any segment."""
_SMELL = 'which smells of UDP fragments'


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A subscription as the middleware sees it.

    Attributes:
        stream: name of the stream; empty for the only stream of a node.
        source: the topic in the manifest that they come on.
        topic: the topic's full name after remapping.
        publishers: number of publishers, of whatever type.
        mismatch: reason why a publisher does not connect; empty if all do.
        local: whether all publishers are on this machine, and there are some.
        remedy: what to do where large messages are cut into pieces.
        kind: the type that is subscribed to, such as 'sensor_msgs/msg/Image'.
        strangers: the type of each publisher that has another one; they never connect.
        elsewhere: other topics where somebody publishes the type, the most similar name first.
        domain: number of the domain in which publishers were looked for; None: not known.
        clock_stopped: whether the node waits for simulated time that nobody publishes.
        segment_bytes: the publishers' shared memory for messages; 0: not known.
        transport: form of the messages, whose name ends the topic's unless it is raw.
    """

    stream: str
    source: str
    topic: str
    publishers: int
    mismatch: str = ''
    local: bool = False
    remedy: str = ''
    kind: str = ''
    strangers: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    domain: int | None = None
    clock_stopped: bool = False
    segment_bytes: int = 0
    transport: str = RAW

    @property
    def name(self) -> str:
        """Name of the topic before remapping."""
        return f'{self.stream}/{self.source}' if self.stream else self.source

    @property
    def end(self) -> str:
        """What the topic's name has behind the name that is remapped."""
        return '' if self.transport == RAW else f'/{self.transport}'

    @property
    def tight(self) -> bool:
        """Whether a message may be larger than what the publishers share."""
        return self.segment_bytes > 0 and self.kind not in SMALL_KINDS

    @property
    def unheard(self) -> bool:
        """Whether there are publishers, but none of the right type."""
        return bool(self.strangers) and len(self.strangers) == self.publishers


def fragmentation(endpoint: Endpoint, stats: InputStats, suspected: bool = False) -> str:
    """Returns a sentence that large messages are cut into pieces; empty if they are not.

    What is sent from this machine goes through shared memory, unless it is larger than the
    publisher's segment. Pieces are slow, and one that is lost costs the whole message. The
    stamps of a publisher on this machine are of our own clock.

    Args:
        endpoint: the subscription as the middleware sees it.
        stats: of its messages.
        suspected: whether messages are missed.
    """
    size, segment = stats.serialized_bytes, endpoint.segment_bytes
    large = size > SEGMENT_BYTES or not stats.total.received
    if not endpoint.local or not large or (size and segment >= 2 * size):
        return ''
    size_mb = size / 1e6
    transport_ms = stats.transport.p50 if stats.transport else 0.0
    if 0 < segment < size:
        what = f"one message of {size_mb:.1f} MB is larger than the publisher's segment of "
        what += f'{segment / 1e6:.1f} MB and comes in UDP fragments'
    elif transport_ms > SLOW_MS_PER_MB * size_mb:
        what = f'{size_mb:.1f} MB take {transport_ms:.1f} ms from the publisher to here, {_SMELL}'
    elif stats.recent.lost:
        what = f'messages of {size_mb:.1f} MB get lost' if size else 'all messages get lost'
        what += f', {_SMELL}'
    elif suspected and endpoint.tight and segment <= SMALL_SEGMENT_BYTES and not size:
        what = (
            f"what is larger than the publisher's segment of {segment / 1e6:.1f} MB hardly comes"
        )
    else:
        return ''
    return f'{what}: {endpoint.remedy} {size or "WIDTHxHEIGHT"}' if endpoint.remedy else what
