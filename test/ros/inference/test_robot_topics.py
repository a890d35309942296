"""What a robot says of itself opens the gate of a rollout, over real DDS."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from nav_msgs.msg import Odometry
from rollout_nodes import RolloutNode, rollout_node
from ros_client import Client
from ros_processes import wait_until
from std_msgs.msg import String

from ml_integration.ros.inference.robot_topics import RobotTopics
from ml_integration.ros.node import qos


@pytest.fixture
def client(ros_domain: int) -> Iterator[Client]:
    with closing(Client()) as made:
        yield made


@contextmanager
def gate_of(only_when: str, *more: str) -> Iterator[tuple[RolloutNode, Callable[[], bool]]]:
    """A node, and whether its robot may take a step."""
    arguments = ('-p', f'only_when:={only_when}', *more)
    with rollout_node('eye', *arguments) as (node, resources):
        topics = RobotTopics(node, lambda: node.parameters, resources)
        yield node, lambda: topics.gate(node.parameters).open


def test_a_state_that_was_published_once_before_counts_while_its_publisher_is_there(
    client: Client,
) -> None:
    publisher = client.node.create_publisher(String, '/dock', qos.latched())
    publisher.publish(String(data='docked'))
    with gate_of('docked', '-r', '~/robot_state:=/dock') as (_, is_open):
        wait_until(is_open, 'the state that is kept for who comes later')
        publisher.publish(String(data='undocked'))
        wait_until(lambda: not is_open(), 'the newest state to count')
        publisher.publish(String(data='charging, docked'))
        wait_until(is_open, 'one of two states')
        client.destroy(publisher)
        wait_until(lambda: not is_open(), 'the publisher to be gone')


def test_a_state_comes_from_a_publisher_that_keeps_nothing(client: Client) -> None:
    with gate_of('docked') as (_, is_open):
        publisher = client.publisher(String, '/eye/robot_state', qos.result())

        def said() -> bool:
            publisher.publish(String(data='docked'))
            return is_open()

        wait_until(said, 'the state')


def test_a_parameter_says_the_state_where_nobody_publishes_it(client: Client) -> None:
    with gate_of('docked') as (node, is_open):
        assert not is_open()
        assert client.set_parameter('/eye', 'robot_state', 'docked').successful
        assert is_open()
        client.publisher(String, '/eye/robot_state', qos.result())
        wait_until(lambda: not is_open(), 'a publisher that has said nothing yet')
        assert client.set_parameter('/eye', 'only_when', '').successful
        assert is_open()
        names = [item.topic_name for item in node.subscriptions]
        wait_until(
            lambda: '/eye/robot_state' not in [item.topic_name for item in node.subscriptions],
            f'nobody to listen any more, not as in {names}',
        )


def test_how_a_robot_moves_counts_for_a_moment(client: Client) -> None:
    with gate_of('speed < 0.01 and angular_speed < 0.1') as (_, is_open):
        assert not is_open()
        publisher = client.publisher(Odometry, '/odom', qos.sensor('sensor_data'))
        still, turning, unknown = Odometry(), Odometry(), Odometry()
        turning.twist.twist.angular.z = -0.2
        unknown.twist.twist.linear.y = math.nan

        def told(message: Odometry, expected: bool) -> None:
            def as_expected() -> bool:
                publisher.publish(message)
                return is_open() is expected

            wait_until(as_expected, f'the gate to be open: {expected}')

        told(still, True)
        told(turning, False)
        told(still, True)
        told(unknown, False)
        told(still, True)
        wait_until(lambda: not is_open(), 'the last word to be too old')
