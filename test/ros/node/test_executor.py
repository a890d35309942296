"""The executor stays awake while a model runs, and is replaced where it does not work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import altered_models
import pytest
import rclpy
import rclpy.experimental
from diagnostic_msgs.msg import DiagnosticArray
from inference_processes import (
    GREEN,
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    squares,
)
from lifecycle_msgs.srv import GetState
from model_folders import write_model_folder
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from ros_client import Client
from ros_processes import WAIT_S, wait_until

from ml_integration.ros.messages.diagnostic_numbers import numbers, statuses_of
from ml_integration.ros.node import executor as executor_module
from ml_integration.ros.node.executor import make_executor, spin

KINDS = ('events', 'single_threaded')
ENOUGH = 8
"""Answers between two results; an executor that waits for the model gives 2."""


@pytest.fixture(scope='module', params=KINDS)
def node(
    request: pytest.FixtureRequest, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    store = tmp_path_factory.mktemp('store')
    slow = altered_models.slow_detector(12)
    write_model_folder(store, 'slow', model=slow, golden=False)
    parameters = {'model_path': store, 'model': 'slow', 'executor': request.param}
    with (
        closing(Client()) as client,
        running_node(
            store,
            client,
            name=f'/{request.param}',
            deadline_ms=0,
            execution__intra_op_threads=1,
            **parameters,
        ) as running,
    ):
        running.serve()
        running.ask(image_message(squares(GREEN)))
        yield running


@contextmanager
def stream(node: NodeUnderTest) -> Iterator[None]:
    """Publishes pictures faster than the model can take them."""

    def publish() -> None:
        set_stamp(picture, node.now_ns())
        feed.publish(picture)

    feed, picture = node.feed(), image_message(squares(GREEN))
    timer = node.client.node.create_timer(0.05, publish)
    yield
    node.client.node.destroy_timer(timer)


def test_services_and_parameters_answer_while_a_frame_is_in_work(node: NodeUnderTest) -> None:
    get_state = caller(node, GetState, 'get_state')
    set_parameters = caller(node, SetParameters, 'set_parameters')
    deadline = Parameter('deadline_ms', value=0.0).to_parameter_msg()
    results = node.results()
    answers, attempts = 0, 0
    with stream(node):
        while answers < ENOUGH and attempts < 5:
            attempts += 1
            known = len(results.wait(len(results.messages) + 1))
            answers = 0
            while len(results.messages) == known:
                assert get_state(GetState.Request()).current_state.label == 'active'
                request = SetParameters.Request(parameters=[deadline])
                assert set_parameters(request).results[0].successful
                answers += 2
    assert answers >= ENOUGH


def caller(node: NodeUnderTest, kind: Any, name: str) -> Callable[[Any], Any]:
    """Calls a service again and again, at the pace of its answers."""
    client = node.client.node.create_client(kind, f'{node.name}/{name}')
    assert client.wait_for_service(WAIT_S)

    def call(request: Any) -> Any:
        answered = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        assert answered.wait(WAIT_S), f'no answer of {name}'
        return future.result()

    return call


def test_diagnostics_come_while_a_frame_is_in_work(node: NodeUnderTest) -> None:
    def in_work(message: DiagnosticArray) -> int:
        statuses = statuses_of(message, node.name)
        drops, results = numbers(statuses['drops']), numbers(statuses['results'])
        settled = drops['displaced'] + drops['stale'] + results['published']
        return int(drops['received'] - settled)

    with stream(node):
        node.results().wait(len(node.results().messages) + 1)
        known = len(node.diagnostics.messages)
        wait_until(
            lambda: any(in_work(m) >= 1 for m in node.diagnostics.messages[known:]),
            'diagnostics that tell of a frame in work',
        )


@pytest.fixture
def plain_node(ros_domain: int) -> Iterator[Node]:
    """A node in this process."""
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('plain', context=context)
    yield node
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def fires(executor: Any, node: Node) -> bool:
    """Whether a timer is dispatched."""
    fired = threading.Event()
    timer = node.create_timer(0.001, fired.set)
    for _ in range(100):
        executor.spin_once(timeout_sec=0.1)
        if fired.is_set():
            break
    node.destroy_timer(timer)
    executor.shutdown()
    return fired.is_set()


@pytest.mark.parametrize('kind', KINDS)
def test_the_executor_asked_for_is_used(kind: str, plain_node: Node) -> None:
    executor = make_executor(kind, plain_node)
    assert isinstance(executor, SingleThreadedExecutor) is (kind == 'single_threaded')
    assert fires(executor, plain_node)


def test_without_an_events_executor_the_single_threaded_one_is_used(
    plain_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(rclpy.experimental, 'EventsExecutor')
    executor = make_executor('events', plain_node)
    assert isinstance(executor, SingleThreadedExecutor)
    assert fires(executor, plain_node)


class DeafExecutor(SingleThreadedExecutor):
    """Dispatches nothing, as some releases of EventsExecutor do in some calls."""

    def spin_once(self, timeout_sec: float | None = None) -> None:
        pass


def test_an_events_executor_that_dispatches_nothing_is_replaced(
    plain_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rclpy.experimental, 'EventsExecutor', DeafExecutor)
    monkeypatch.setattr(executor_module, 'CHECK_S', 0.05)
    executor = make_executor('events', plain_node)
    assert type(executor) is SingleThreadedExecutor
    assert fires(executor, plain_node)


@pytest.mark.parametrize('kind', KINDS)
def test_spinning_ends_when_the_context_is_shut_down(kind: str, plain_node: Node) -> None:
    executor = make_executor(kind, plain_node)
    thread = threading.Thread(target=spin, args=(executor, plain_node), daemon=True)
    thread.start()
    plain_node.context.shutdown()
    thread.join(30.0)
    assert not thread.is_alive()


class LateExecutor(SingleThreadedExecutor):
    """Has an event of what is destroyed, as EventsExecutor does once in a while."""

    def spin_once(self, timeout_sec: float | None = None) -> None:
        self.context.try_shutdown()
        raise InvalidHandle('cannot use Destroyable because destruction was requested')


def test_an_event_of_what_is_gone_ends_nothing(plain_node: Node) -> None:
    spin(LateExecutor(context=plain_node.context), plain_node)
    assert not plain_node.context.ok()
