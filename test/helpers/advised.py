"""Feeds nodes, and tells what a monitor would advise on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from inference_processes import NodeUnderTest, set_stamp
from ros_client import Client
from ros_processes import wait_until

from ml_integration.ros.monitoring.listening import listen
from ml_integration.ros.monitoring.top import Heard

PATIENCE_S = 60.0


class Advised:
    """Hears all nodes as `ml_top` does.

    Args:
        client: the test's own node.
    """

    def __init__(self, client: Client) -> None:
        self._heard = Heard()
        listen(client.node, self._heard.take)

    def kinds(self, node: str) -> set[str]:
        """Returns what is advised on a node now."""
        return {
            advice.kind for one in self._heard.nodes(node.lstrip('/')) for advice in one.advice
        }

    def wait_for(self, kinds: set[str], *nodes: NodeUnderTest) -> None:
        """Waits until all of these are advised on each of some nodes."""
        for node in nodes:
            wait_until(
                lambda n=node: kinds <= self.kinds(n.name),
                f'the advice {kinds}; {node.process.log}',
                PATIENCE_S,
            )

    def wait_until_none_of(self, kinds: set[str], *nodes: NodeUnderTest) -> None:
        """Waits until none of these is advised any more."""
        for node in nodes:
            wait_until(
                lambda n=node: not kinds & self.kinds(n.name),
                f'the end of the advice {kinds}',
                PATIENCE_S,
            )


class Feed:
    """Publishes messages at a rate in a thread of its own.

    Attributes:
        messages: what is published, each by its publisher, with the same stamp.
        rate_hz: how often [Hz].
        late_ms: how long before it is published it was taken [ms].
        apart_ms: how much later each further message is published [ms].
    """

    def __init__(self, node: NodeUnderTest, rate_hz: float) -> None:
        self.messages: Sequence[tuple[Any, Any]] = ()
        self.rate_hz, self.late_ms, self.apart_ms = rate_hz, 0.0, 0.0
        self._clock = node.client.node.get_clock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play, name='feed')

    @contextmanager
    def running(self) -> Iterator[Feed]:
        """Publishes until the end of the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._thread.join()

    def _play(self) -> None:
        due_s = time.monotonic()
        while not self._ended.wait(max(due_s - time.monotonic(), 0.0)):
            due_s = max(due_s, time.monotonic() - 1) + 1 / self.rate_hz
            stamp_ns = self._clock.now().nanoseconds - round(self.late_ms * 1e6)
            for number, (publisher, message) in enumerate(self.messages):
                if number:
                    self._ended.wait(self.apart_ms / 1e3)
                set_stamp(message, stamp_ns)
                publisher.publish(message)


@contextmanager
def fed(node: NodeUnderTest, message: Any, rate_hz: float) -> Iterator[Feed]:
    """Publishes a picture to a node until the end of the block."""
    with Feed(node, rate_hz).running() as feed:
        feed.messages = [(node.feed(), message)]
        yield feed
