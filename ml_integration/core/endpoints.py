"""Subscriptions as the middleware sees them, and faults on the way of their messages."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.stats import InputStats

SEGMENT_BYTES = 512 * 1024
"""Fast DDS's own shared-memory segment; larger messages travel as UDP fragments."""
SLOW_MS_PER_MB = 6.0
"""Through shared memory a megabyte takes 1 to 2 ms, in fragments of UDP 9 to 15 ms."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A subscription as the middleware sees it.

    Attributes:
        stream: name of the stream; empty for the only stream of a node.
        source: the topic in the manifest that they come on.
        topic: the topic's full name after remapping.
        publishers: number of publishers.
        mismatch: reason why a publisher does not connect; empty if all do.
        local: whether all publishers are on this machine, and there are some.
        remedy: what to do where large messages are cut into pieces.
    """

    stream: str
    source: str
    topic: str
    publishers: int
    mismatch: str = ''
    local: bool = False
    remedy: str = ''


def fragmentation(endpoint: Endpoint, stats: InputStats) -> str:
    """Returns a sentence that large messages are cut into pieces; empty if they are not.

    What is sent from this machine goes through shared memory, unless it is larger than the
    publisher's segment. Pieces are slow, and one that is lost costs the whole message. The
    stamps of a publisher on this machine are of our own clock.
    """
    large = stats.serialized_bytes > SEGMENT_BYTES or not stats.total.received
    if not endpoint.local or not large:
        return ''
    size_mb = stats.serialized_bytes / 1e6
    transport_ms = stats.transport.p50 if stats.transport else 0.0
    if transport_ms > SLOW_MS_PER_MB * size_mb:
        symptom = f'{size_mb:.1f} MB take {transport_ms:.1f} ms from the publisher to here'
    elif stats.recent.lost:
        symptom = f'messages of {size_mb:.1f} MB get lost' if size_mb else 'all messages get lost'
    else:
        return ''
    return f'{symptom}, which smells of UDP fragments: {endpoint.remedy}'.removesuffix(': ')
