"""Damaged messages, odd stamps and other clocks on every kind of input, over DDS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from inference_processes import (
    NodeUnderTest,
    image_message,
    node_of_sensor_models,
    set_stamp,
    value,
)
from rclpy.serialization import serialize_message
from ros_processes import wait_until
from sensor_msgs.msg import Image, Imu, JointState
from std_msgs.msg import Float32MultiArray

SECOND_NS = 10**9
HOUR_NS = 3600 * SECOND_NS
NO_MEANING = 8
"""So many bytes may follow a message."""


@pytest.fixture(scope='module')
def node(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    with node_of_sensor_models(tmp_path_factory) as running:
        yield running


def picture() -> Image:
    return image_message(np.zeros((16, 16, 3), np.uint8))


def joints() -> JointState:
    return JointState(name=['hip', 'knee'], position=[0.5, 0.25])


def measurement() -> Imu:
    return Imu()


def send(node: NodeUnderTest, publisher: Any, message: Any, stamp_ns: int) -> None:
    set_stamp(message, stamp_ns)
    publisher.publish(message)


KINDS = {
    'sized': (Image, 'image', picture, 'size'),
    'adding': (JointState, 'joint_states', joints, 'sum'),
    'turning': (Imu, 'imu', measurement, 'mean'),
}


@pytest.mark.parametrize('raw', [True, False])
@pytest.mark.parametrize('model', KINDS)
def test_damaged_messages_cost_themselves(node: NodeUnderTest, model: str, raw: bool) -> None:
    kind, topic, make, output = KINDS[model]
    node.serve(model=model, raw_subscription=raw)
    results = node.client.collect(Float32MultiArray, f'{node.name}/tensor/{output}')
    publisher = node.client.publisher(kind, f'/{topic}')
    wait_until(publisher.get_subscription_count, 'the subscription')
    whole = serialize_message(make())
    damaged = [whole[:length] for length in (0, 3, 4, 8, 12, 20, len(whole) // 2)]
    damaged += [whole[: len(whole) - 1 - NO_MEANING], b'\xff' * 64]
    node.diagnostics.messages.clear()

    def failures() -> list[str]:
        for message in damaged:
            publisher.publish(message)
        name = f'{node.name.lstrip("/")}: errors'
        statuses = [s for m in node.diagnostics.messages for s in m.status if s.name == name]
        return [value(s, 'last') for s in statuses if int(value(s, 'failed'))]

    failures()
    if raw:  # otherwise the middleware drops them
        wait_until(failures, 'failures that are told')
    known = len(results.messages)

    def answered() -> bool:
        send(node, publisher, make(), node.now_ns())
        return len(results.messages) > known

    wait_until(answered, f'a result; the log:\n{node.process.log}')


@pytest.mark.parametrize('model', KINDS)
def test_odd_stamps_do_not_silence_a_model(node: NodeUnderTest, model: str) -> None:
    kind, topic, make, output = KINDS[model]
    node.serve(model=model, raw_subscription=True)
    results = node.client.collect(Float32MultiArray, f'{node.name}/tensor/{output}')
    publisher = node.client.publisher(kind, f'/{topic}')
    wait_until(publisher.get_subscription_count, 'the subscription')

    def answered(known: int) -> bool:
        send(node, publisher, make(), node.now_ns())
        return len(results.messages) > known

    for sec, nanosec in ((0, 0), (-5, 0), (2**31 - 1, 2**32 - 1), (-(2**31), 0), (0, 1)):
        message = make()
        message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
        publisher.publish(message)
        known = len(results.messages)
        wait_until(lambda known=known: answered(known), f'a result after {sec} s')


@pytest.mark.parametrize('behind_ns', [HOUR_NS, -HOUR_NS])
def test_a_publisher_with_another_clock_is_named(node: NodeUnderTest, behind_ns: int) -> None:
    node.serve(model='seen')
    feed, arm = node.feed(), node.client.publisher(JointState, '/joint_states')
    wait_until(arm.get_subscription_count, 'the subscription')

    def told() -> bool:
        now_ns = node.now_ns()
        send(node, arm, joints(), now_ns - behind_ns)
        send(node, feed, picture(), now_ns)
        word = 'older' if behind_ns > 0 else 'newer'
        sentences = [
            status.message
            for message in node.diagnostics.messages[-1:]
            for status in message.status
            if status.name == f'{node.name.lstrip("/")}: input'
        ]
        return any(f' s {word} than' in s and '/joint_states' in s for s in sentences)

    wait_until(told, f'the clock is told; {node.diagnostics.messages[-1:]}')
