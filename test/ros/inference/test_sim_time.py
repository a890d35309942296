"""Simulated time: ages are simulated, and the node reports while the clock stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from inference_processes import (
    GREEN,
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    squares,
    stamp_of,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from rosgraph_msgs.msg import Clock

MS = 10**6
NOW_NS = 1000 * 10**9
AGE = 'age p50 [ms]'


@pytest.fixture(scope='module')
def node(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    store = tmp_path_factory.mktemp('store')
    write_model_folder(store, 'tiny')
    parameters = {'model_path': store, 'model': 'tiny', 'sensor_qos': 'reliable'}
    with (
        closing(Client()) as client,
        running_node(
            store, client, name='/eye', use_sim_time=True, deadline_ms=200, **parameters
        ) as running,
    ):
        yield running


@pytest.fixture
def stopped_clock(node: NodeUnderTest) -> Callable[[int], None]:
    """Sets the simulated time [ns] and lets it stand still."""
    publisher = node.client.publisher(Clock, '/clock')

    def set_time(now_ns: int) -> None:
        clock = Clock()
        clock.clock.sec, clock.clock.nanosec = divmod(now_ns, 10**9)

        def arrived() -> bool:
            publisher.publish(clock)
            return bool(node.diagnostics.messages) and (
                stamp_of(node.diagnostics.messages[-1]) == now_ns
            )

        wait_until(arrived, f'a diagnosis at {now_ns} ns')

    return set_time


def publish(node: NodeUnderTest, stamp_ns: int) -> None:
    message = image_message(squares(GREEN))
    set_stamp(message, stamp_ns)
    node.feed().publish(message)


def test_diagnostics_come_while_the_clock_stands_still(
    node: NodeUnderTest, stopped_clock: Callable[[int], None]
) -> None:
    stopped_clock(NOW_NS)
    node.diagnostics.wait(len(node.diagnostics.messages) + 2)
    assert [stamp_of(m) for m in node.diagnostics.messages[-2:]] == [NOW_NS, NOW_NS]


def test_ages_and_the_deadline_are_in_simulated_time(
    node: NodeUnderTest, stopped_clock: Callable[[int], None]
) -> None:
    stopped_clock(NOW_NS)
    node.serve()
    publish(node, NOW_NS - 150 * MS)
    status = node.wait_for_status('input', lambda s: value(s, AGE), 'an age')
    assert value(status, AGE) == '150.00'
    publish(node, NOW_NS - 250 * MS)
    node.wait_for_status('drops', lambda s: value(s, 'stale') == '1', 'a stale frame')


def test_the_age_of_a_message_without_a_stamp_counts_from_its_arrival(
    node: NodeUnderTest, stopped_clock: Callable[[int], None]
) -> None:
    stopped_clock(NOW_NS)
    node.serve()
    publish(node, 0)
    node.wait_for_status('results', lambda s: value(s, 'published') == '1', 'a result')
