"""Says in one line what an inference node takes, what it gives, and how to look at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ml_integration.ros.inference.result_publisher import ResultPublisher
from ml_integration.ros.inference.spectators import Overlay
from ml_integration.serving.streams import Stream


def introduction(taken: Iterable[str], streams: Sequence[Stream]) -> str:
    """Returns the sentence.

    Args:
        taken: full names of the topics that are subscribed to, each with its type.
        streams: the node's streams with their publishers.
    """
    publishers = [one.results for one in streams if isinstance(one.results, ResultPublisher)]
    results = [topic for publisher in publishers for topic in publisher.topic_names]
    readable = [topic for publisher in publishers for topic in publisher.readable_names]
    overlays = [
        spectator.topic_name
        for stream in streams
        for spectator in stream.spectators
        if isinstance(spectator, Overlay)
    ]
    ways = [f'ros2 topic echo {topic}' for topic in (readable or results)[:1]]
    if overlays and not readable:
        ways = []
    ways += [f'ros2 run rqt_image_view rqt_image_view {topic}' for topic in overlays[:1]]
    return (
        f'active: takes {", ".join(taken)}; publishes {", ".join([*results, *overlays])}; '
        f'look at it: {"  or  ".join(ways)}'
    )
