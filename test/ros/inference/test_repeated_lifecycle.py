"""Memory, threads and topics are given back, however often a node starts and stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from inference_processes import GREEN, NodeUnderTest, image_message, running_node, squares
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import Image

VERBS = ('configure', 'activate', 'deactivate', 'cleanup')
SETTLED, CYCLES = 10, 50
MAX_GROWTH = 3_000_000
"""Of resident memory [bytes]. 40 leaked sessions of the tiny model are 9 MB."""


def test_memory_threads_and_topics_do_not_grow_over_fifty_starts_and_stops(
    tmp_path: Path, client_node: Client
) -> None:
    write_model_folder(tmp_path, 'tiny')
    with running_node(tmp_path, client_node, model_path=tmp_path, model='tiny') as node:
        node.serve(deadline_ms=0)
        assert node.ask(image_message(squares(GREEN))).detections
        node.unconfigure()
        with stream(node):
            repeat(node, SETTLED)
            settled = footprint(node)
            repeat(node, CYCLES - SETTLED)
            threads, memory = footprint(node)
        assert threads == settled[0]
        assert memory - settled[1] < MAX_GROWTH
        assert 'Traceback' not in node.process.log


@contextmanager
def stream(node: NodeUnderTest) -> Iterator[None]:
    """Publishes pictures all the time, so that every transition meets some."""
    feed = node.client.node.create_publisher(Image, '/image', 10)
    picture = image_message(squares(GREEN))
    timer = node.client.node.create_timer(0.005, lambda: feed.publish(picture))
    yield
    node.client.node.destroy_timer(timer)


def repeat(node: NodeUnderTest, cycles: int) -> None:
    """Goes from unconfigured to active and back; waits for a result now and then."""
    client = node.client.node.create_client(ChangeState, f'{node.name}/change_state')
    assert client.wait_for_service(30.0)
    results = node.results()
    for cycle in range(cycles):
        for verb in VERBS:
            known = len(results.messages)
            change(client, verb, node)
            if verb == 'activate' and cycle % 10 == 0:
                results.wait(known + 1)


def change(client: Any, verb: str, node: NodeUnderTest) -> None:
    future = client.call_async(ChangeState.Request(transition=Transition(label=verb)))
    wait_until(future.done, f'{verb}; the log:\n{node.process.log}')
    assert future.result().success, node.process.log


def footprint(node: NodeUnderTest) -> tuple[int, int]:
    """Threads and resident memory [bytes], once no topic of frames and results is left."""
    graph = node.client.node
    topics = [f'{node.name}/{topic}' for topic in ('detections', 'overlay', 'provenance')]
    wait_until(lambda: not any(map(graph.count_publishers, topics)), 'no publisher to be left')
    wait_until(lambda: not graph.count_subscribers('/image'), 'no subscription to be left')
    assert graph.count_publishers('/diagnostics') == 1
    process = psutil.Process(node.process.pid)
    return process.num_threads(), process.memory_info().rss
