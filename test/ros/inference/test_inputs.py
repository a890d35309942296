"""Models of other inputs than one picture: by name, over time, fed back, at a rate; over DDS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from inference_processes import (
    RED,
    NodeUnderTest,
    image_message,
    node_of_sensor_models,
    set_stamp,
    value,
)
from ros_client import Collected
from ros_processes import wait_until
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float32MultiArray

SECOND_NS = 10**9
HALF_RED = np.zeros((16, 16, 3), np.uint8)
HALF_RED[:8] = RED


@pytest.fixture(scope='module')
def node(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    with node_of_sensor_models(tmp_path_factory) as running:
        yield running


def joints(stamp_ns: int, hip: float, knee: float) -> JointState:
    """The joints in another order than the model's, with one that it does not want."""
    message = JointState(name=['knee', 'wrist', 'hip'], position=[knee, 99.0, hip])
    set_stamp(message, stamp_ns)
    return message


def listen(node: NodeUnderTest, output: str) -> Collected[Float32MultiArray]:
    results = node.client.collect(Float32MultiArray, f'{node.name}/tensor/{output}')
    topic = f'{node.name}/tensor/{output}'
    wait_until(lambda: node.client.node.count_publishers(topic), f'a publisher of {topic}')
    return results


def numbers(message: Float32MultiArray) -> list[float]:
    return [round(float(number), 4) for number in message.data]


@contextmanager
def repeating(send: Any, period_s: float) -> Iterator[None]:
    """Calls `send()` again and again, as a sensor does."""
    ended = threading.Event()

    def loop() -> None:
        while not ended.wait(period_s):
            send()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_picture_is_seen_with_the_joints_held_by_name(node: NodeUnderTest) -> None:
    node.serve(model='seen')
    results = listen(node, 'state')
    picture, arm = node.feed(), node.client.publisher(JointState, '/joint_states')

    def send() -> None:
        now_ns = node.now_ns()
        arm.publish(joints(now_ns, hip=0.25, knee=-0.5))
        message = image_message(HALF_RED)
        set_stamp(message, now_ns)
        picture.publish(message)

    with repeating(send, 0.05):
        result = results.wait()[0]
    assert numbers(result) == [0.5, 0.0, 0.0, 0.25, -0.5]
    assert [(d.label, d.size, d.stride) for d in result.layout.dim] == [
        ('batch', 1, 5),
        ('values', 5, 5),
    ]


def test_the_input_that_never_comes_is_named(node: NodeUnderTest) -> None:
    node.serve(model='seen')
    picture = node.feed()

    def send() -> None:
        message = image_message(HALF_RED)
        set_stamp(message, node.now_ns())
        picture.publish(message)

    with repeating(send, 0.05):
        status = node.wait_for_status(
            'input',
            lambda s: s.level == s.WARN and 'missing' in s.message,
            'the missing input',
        )
    assert 'joint_states' in status.message


def test_measurements_over_time_come_at_a_fixed_rate(node: NodeUnderTest) -> None:
    node.serve(model='turning')
    mean, last = listen(node, 'mean'), listen(node, 'last')
    imu = node.client.publisher(Imu, '/imu')
    begin_ns = node.now_ns()

    def send() -> None:
        message = Imu()
        now_ns = node.now_ns()
        set_stamp(message, now_ns)
        message.angular_velocity.x = (now_ns - begin_ns) / SECOND_NS
        message.angular_velocity.z = 3.0
        imu.publish(message)

    with repeating(send, 0.005):
        averages, newest = mean.wait(3), last.wait(3)
        runs = int(value(node.status('drops'), 'received'))
        samples = int(value(node.status('input'), 'messages'))
    assert 0 < runs < samples  # ticks of the clock are frames, samples of a window are not
    # Of 20 rows at 100 Hz of what grows by 1 per second, the mean is 95 ms behind the last.
    behind = [n.data[0] - a.data[0] for n, a in zip(newest, averages, strict=False)]
    np.testing.assert_allclose(behind, 0.095, atol=1e-3)
    assert all(numbers(one)[1:] == [0.0, 3.0] for one in averages)


def test_what_is_fed_back_adds_up_and_is_forgotten_when_time_jumps_back(
    node: NodeUnderTest,
) -> None:
    node.serve(model='adding')
    results = listen(node, 'sum')
    arm = node.client.publisher(JointState, '/joint_states')

    def ask(stamp_ns: int) -> list[float]:
        known = len(results.messages)
        arm.publish(joints(stamp_ns, hip=1.0, knee=0.25))
        return numbers(results.wait(known + 1)[known])

    now_ns = node.now_ns()
    assert ask(now_ns) == [2.0, 0.5]
    assert ask(now_ns + 10_000_000) == [4.0, 1.0]
    assert ask(now_ns + 20_000_000) == [6.0, 1.5]
    assert ask(now_ns - 5 * SECOND_NS) == [2.0, 0.5]
    assert ask(now_ns - 4 * SECOND_NS) == [4.0, 1.0]
    assert node.process.log.count('time has jumped back') == 1


def test_the_clock_starts_runs_while_what_is_held_is_fresh(node: NodeUnderTest) -> None:
    node.serve(model='steady')
    results = listen(node, 'sum')
    arm = node.client.publisher(JointState, '/joint_states')
    with repeating(lambda: arm.publish(joints(node.now_ns(), 1.0, 0.0)), 0.1):
        sums = [numbers(message)[0] for message in results.wait(5)]
    assert sums[:5] == [2.0, 4.0, 6.0, 8.0, 10.0]
    status = node.wait_for_status(
        'input', lambda s: s.level == s.WARN and 'joint_states' in s.message, 'stale joints'
    )
    assert 'missing' in status.message
    known = len(results.messages)
    node.diagnostics.wait(len(node.diagnostics.messages) + 1)
    assert len(results.messages) == known  # nothing runs on what is too old


def test_the_size_of_the_picture_as_it_came_is_an_input(node: NodeUnderTest) -> None:
    node.serve(model='sized')
    results = listen(node, 'size')
    picture = node.feed()
    known = len(results.messages)
    message = image_message(np.zeros((30, 40, 3), np.uint8))
    set_stamp(message, node.now_ns())
    picture.publish(message)
    assert numbers(results.wait(known + 1)[known]) == [30.0, 40.0]


def test_a_model_with_other_topics_is_refused_and_the_serving_one_serves_on(
    node: NodeUnderTest,
) -> None:
    node.serve(model='adding')
    for other, needs in (('seen', 'image'), ('steady', 'at 20 Hz')):
        refused = node.client.set_parameter(node.name, 'model', other)
        assert not refused.successful
        assert f'{other}@1 cannot take the place of adding@1' in refused.reason
        assert needs in refused.reason
    assert node.client.parameter(node.name, 'model') == 'adding@1'  # what runs
