"""Several streams of a model with several inputs or with a state; swaps of models with windows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from inference_processes import NodeUnderTest, image_message, running_node, set_stamp, value
from onnx import helper
from ros_client import Client
from ros_processes import wait_until
from rosgraph_msgs.msg import Clock
from sensor_models import (
    FLOAT,
    HELD,
    IMAGES,
    IMU,
    JOINTS,
    _model,
    adder,
    picture_and_joints,
    write_sensor_model,
)
from sensor_msgs.msg import Image, Imu, JointState
from std_msgs.msg import Float32MultiArray
from std_srvs.srv import Trigger


def mean_of(tensor: str, rows: int) -> bytes:
    """A tensor (1, rows, 3) -> `mean` (1, 3) over time."""
    nodes = [helper.make_node('ReduceMean', [tensor], ['mean'], axes=[1], keepdims=0)]
    return _model(nodes, [(tensor, FLOAT, [1, rows, 3])], [('mean', [1, 3])])


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    state, gain = {'tensor': 'h_in', 'state_of': 'h_out'}, {'tensor': 'gain', 'constant': 2.0}
    seen = [IMAGES, {**JOINTS, **HELD}]
    write_sensor_model(folder, 'seen', picture_and_joints(), seen)
    write_sensor_model(folder, 'adding', adder(), [JOINTS, state, gain])
    steady = [{**JOINTS, **HELD}, state, gain]
    write_sensor_model(folder, 'steady', adder(), steady, trigger={'rate_hz': 20})
    # Longer than the model needs, and with gaps: a busy machine publishes late.
    patient = {**IMU['encode'], 'max_gap_ms': 1000.0}
    short = {**IMU, 'keep': {'window_ms': 700}, 'encode': patient}
    write_sensor_model(folder, 'short', mean_of('imu', 20), [short], trigger={'rate_hz': 20})
    long = {**short, 'tensor': 'turns', 'shape': [1, 50, 3], 'keep': {'window_ms': 1000}}
    write_sensor_model(folder, 'long', mean_of('turns', 50), [long], trigger={'rate_hz': 20})
    return folder


@pytest.fixture(scope='module')
def client(ros_domain: int) -> Iterator[Client]:
    with closing(Client()) as client:
        yield client


@pytest.fixture(scope='module')
def node(
    store: Path, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    folder = tmp_path_factory.mktemp('robot')
    with running_node(
        folder, client, name='/robot', model='seen', model_path=store, state_dir=folder,
        sensor_qos='reliable', deadline_ms=0,
    ) as running:  # fmt: skip
        yield running


def joints(stamp_ns: int, hip: float) -> JointState:
    message = JointState(name=['hip', 'knee'], position=[hip, 0.0])
    set_stamp(message, stamp_ns)
    return message


LATE_S = 0.4
"""Pause of a sensor from which on there are windows without what a model needs."""


@contextmanager
def repeating(send: Callable[[], None], period_s: float) -> Iterator[list[float]]:
    """Calls `send()` again and again, as a sensor does; gives its pauses from `LATE_S` on [s]."""
    ended, late = Event(), list[float]()

    def loop() -> None:
        last_s = time.monotonic()
        while not ended.wait(period_s):
            send()
            now_s = time.monotonic()
            late.extend([now_s - last_s] * (now_s - last_s >= LATE_S))
            last_s = now_s

    thread = Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield late
    finally:
        ended.set()
        thread.join()


def publisher(node: NodeUnderTest, kind: type, topic: str) -> Any:
    made = node.client.publisher(kind, topic)
    wait_until(made.get_subscription_count, f'a subscription of {topic}')
    return made


def test_each_stream_has_its_own_inputs_state_and_results(node: NodeUnderTest) -> None:
    node.serve(model='adding', cameras=['left', 'right'])
    results, arms = {}, {}
    for name in ('left', 'right'):
        topic = f'{node.name}/{name}/tensor/sum'
        results[name] = node.client.collect(Float32MultiArray, topic)
        arms[name] = publisher(node, JointState, f'/{name}/joint_states')
        wait_until(lambda t=topic: node.client.node.count_publishers(t), topic)

    def answer(name: str, hip: float) -> float:
        known = len(results[name].messages)
        arms[name].publish(joints(node.now_ns(), hip))
        return float(results[name].wait(known + 1)[known].data[0])

    assert [answer('left', 1.0), answer('right', 10.0)] == [2.0, 20.0]
    assert [answer('left', 1.0), answer('left', 1.0), answer('right', 10.0)] == [4.0, 6.0, 40.0]


def test_an_error_names_the_stream_that_it_came_on(node: NodeUnderTest) -> None:
    node.serve(model='adding', cameras=['left', 'right'])
    arms = {
        name: publisher(node, JointState, f'/{name}/joint_states') for name in ('left', 'right')
    }

    def named() -> bool:
        arms['left'].publish(joints(node.now_ns(), 1.0))
        bad = joints(node.now_ns(), 1.0)
        bad.name = ['hip', 'hip']
        arms['right'].publish(bad)
        return any(
            value(status, 'last').startswith("right: message field 'name' is not valid")
            and (value(status, 'left: failed'), value(status, 'right: failed') != '0')
            == ('0', True)
            for message in node.diagnostics.messages[-1:]
            for status in message.status
            if status.name == f'{node.name.lstrip("/")}: errors'
        )

    wait_until(named, f'the stream of an error; {node.process.log}')
    assert "right: frame dropped: message field 'name'" in node.process.log


def test_what_is_missing_is_said_of_the_stream_that_lacks_it(node: NodeUnderTest) -> None:
    node.serve(model='seen', cameras=['left', 'right'])
    results = node.client.collect(Float32MultiArray, f'{node.name}/left/tensor/state')
    feeds = [publisher(node, Image, f'/{name}/image') for name in ('left', 'right')]
    arm = publisher(node, JointState, '/left/joint_states')

    def told() -> bool:
        now_ns = node.now_ns()
        arm.publish(joints(now_ns, 1.0))
        for feed in feeds:
            message = image_message(np.zeros((16, 16, 3), np.uint8))
            set_stamp(message, now_ns)
            feed.publish(message)
        inputs = [
            status
            for message in node.diagnostics.messages[-1:]
            for status in message.status
            if status.name == f'{node.name.lstrip("/")}: input'
        ]
        return bool(results.messages) and any(
            '/right/joint_states' in one.message
            and (value(one, 'left: missing'), value(one, 'right: missing')) == ('', 'joint_states')
            for one in inputs
        )

    wait_until(told, f'what is missing; {node.process.log} {node.diagnostics.messages[-1:]}')


@pytest.fixture(scope='module')
def turner(
    store: Path, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    folder = tmp_path_factory.mktemp('turner')
    with running_node(
        folder, client, name='/turner', model='short', model_path=store, state_dir=folder,
        sensor_qos='reliable', deadline_ms=0, probation__good_frames=1, probation__seconds=0.0,
    ) as running:  # fmt: skip
        yield running


def test_models_with_other_tensors_and_windows_take_over_without_a_gap(
    turner: NodeUnderTest,
) -> None:
    turner.serve(model='short')
    results = turner.client.collect(Float32MultiArray, f'{turner.name}/tensor/mean')
    imu = publisher(turner, Imu, '/imu')

    def measure() -> None:
        message = Imu()
        message.angular_velocity.x = 1.0
        set_stamp(message, turner.now_ns())
        imu.publish(message)

    with repeating(measure, 0.005) as late:
        results.wait(3)
        before = turner.wait_for_status('errors', lambda s: True, 'failures')
        for verb in ('long', 'short', 'rollback', 'reload'):
            if verb in ('rollback', 'reload'):
                answer = turner.client.call(Trigger, f'{turner.name}/{verb}', Trigger.Request())
            else:
                assert turner.client.set_parameter(turner.name, 'model', verb).successful
                answer = turner.client.call(Trigger, f'{turner.name}/swap', Trigger.Request())
            assert answer.success, answer.message
            results.wait(len(results.messages) + 5)
        after = turner.wait_for_status('errors', lambda s: True, 'failures')
        status = turner.wait_for_status('drops', lambda s: True, 'drops')
    assert late or value(after, 'failed') == value(before, 'failed'), after
    assert status.level == status.OK
    # Without a gap: of 20 runs per second hardly one is left out.
    published = turner.wait_for_status('results', lambda s: True, 'results')
    assert int(value(status, 'received')) <= int(value(published, 'published')) + 20


@pytest.fixture
def simulated(
    store: Path, client: Client, tmp_path: Path
) -> Iterator[tuple[NodeUnderTest, Callable[[float], None]]]:
    """A node that runs at 20 Hz of simulated time, and what sets that [s]."""

    def set_time(now_s: float) -> None:
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(round(now_s * 10**9), 10**9)
        clock.publish(message)

    with running_node(
        tmp_path, client, name='/sim', model='steady', model_path=store, state_dir=tmp_path,
        sensor_qos='reliable', deadline_ms=0, use_sim_time=True,
    ) as running:  # fmt: skip
        running.serve()
        clock = client.publisher(Clock, '/clock')
        yield running, set_time


def test_a_simulated_clock_starts_runs_only_while_it_goes_on(
    simulated: tuple[NodeUnderTest, Callable[[float], None]],
) -> None:
    node, set_time = simulated
    node.wait_for_status('input', lambda s: 'no time comes on /clock' in s.message, 'the clock')
    results = node.client.collect(Float32MultiArray, f'{node.name}/tensor/sum')
    arm = publisher(node, JointState, '/joint_states')

    def go_on(begin_s: float, count: int) -> float:
        """Lets time go on until there are so many more results; returns when they are there."""
        now_s, wanted = begin_s, len(results.messages) + count

        def there() -> bool:
            nonlocal now_s
            now_s += 0.01
            set_time(now_s)
            arm.publish(joints(round(now_s * 10**9), 1.0))
            return len(results.messages) >= wanted

        wait_until(there, f'results from {begin_s} s on; {node.process.log}')
        return now_s

    paused_s = go_on(1000.0, 10)
    node.diagnostics.wait(len(node.diagnostics.messages) + 1)  # what is under way
    known = len(results.messages)
    for _ in range(2):
        arm.publish(joints(round(paused_s * 10**9), 1.0))
        node.diagnostics.wait(len(node.diagnostics.messages) + 1)
    assert len(results.messages) == known
    go_on(paused_s, 10)
    go_on(10.0, 10)  # a recording starts again
    assert 'time has jumped back' in node.process.log
