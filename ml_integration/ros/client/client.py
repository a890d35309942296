"""The other side of a node: calls its services and listens to its topics."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, Generic, TypeVar

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.context import Context
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.client.waiting import CHECK_S, WAIT_S, nothing, wait_until
from ml_integration.ros.node.executor import make_executor, spin_once

M = TypeVar('M')
ATTEMPT_S = 2.0
SPIN_S = 0.05
REPEAT_S = {GetState: 0.25, GetParameters: 0.25, SetParameters: ATTEMPT_S}
"""Time until a request is repeated [s]: the first answer of a new node is often lost."""


class Collected(Generic[M]):
    """The messages that arrived on a topic since it was subscribed to."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.messages: list[M] = []

    def wait(self, count: int = 1, timeout_s: float = WAIT_S) -> list[M]:
        """Waits until there are `count` messages and returns all of them."""
        wait_until(
            lambda: len(self.messages) >= count, f'{count} messages on {self._topic}', timeout_s
        )
        return list(self.messages)

    def wait_for(self, condition: Callable[[M], object], what: str) -> M:
        """Waits for a message that meets the condition, among old and new ones; returns it."""
        wait_until(lambda: any(map(condition, list(self.messages))), f'{what} on {self._topic}')
        return next(filter(condition, list(self.messages)))


class Client:
    """A node with a context and an executor thread of its own. Names are full or relative to /.

    Args:
        name: of the node; empty: one that no other process uses.
        executor: 'single_threaded', or 'events' where little CPU is to be spent.
        check: is called while waiting; what it raises ends the wait.
        every_s: pause between two looks while waiting [s].

    Attributes:
        node: the node.
    """

    def __init__(
        self,
        name: str = '',
        executor: str = 'single_threaded',
        check: Callable[[], object] = nothing,
        every_s: float = CHECK_S,
    ) -> None:
        self._check, self._every_s = check, every_s
        self._context = Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        name = name or f'client_{os.getpid()}_{id(self)}'
        self.node = rclpy.create_node(name, context=self._context)
        self._kept: dict[str, Any] = {}
        self._executor = make_executor(executor, self.node)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._spin, name='ml_client', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops spinning and lets go of the node."""
        self._ended.set()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float = WAIT_S) -> None:
        """Waits as `wait_until` does, and raises what it raises."""
        wait_until(condition, what, timeout_s, self._check, self._every_s)

    def call(self, kind: Any, service: str, request: Any, timeout_s: float = WAIT_S) -> Any:
        """Calls a service and returns its response.

        Raises:
            MlIntegrationError: there is no such service, or it did not answer in time.
        """
        repeat_s = REPEAT_S.get(kind)
        with self._client_of(kind, service, timeout_s) as client:
            if repeat_s is None and service not in self._kept:
                self._be_known_to(service)
            futures = [client.call_async(request)]
            begin_s = time.monotonic()

            def answered() -> bool:
                if repeat_s and time.monotonic() > begin_s + repeat_s * len(futures):
                    futures.append(client.call_async(request))
                return any(future.done() for future in futures)

            self.wait(answered, f'an answer of {service}', timeout_s)
            return next(future for future in futures if future.done()).result()

    def keep(self, node: str, *services: tuple[Any, str]) -> None:
        """Makes clients that are kept, so that later calls of these services take no time.

        Args:
            node: the node that serves them.
            services: type and name, relative to the node's.
        """
        for kind, name in services:
            service = f'{node}/{name}'
            if service not in self._kept:
                self._kept[service] = self.node.create_client(kind, service)
            self.wait(self._kept[service].service_is_ready, f'the service {service}')
        self.parameter(node, 'use_sim_time')

    def ask(self, service: str, request: Any) -> Any:
        """Calls a service that is kept, without waiting; returns the future of its answer."""
        return self._kept[service].call_async(request)

    @contextmanager
    def _client_of(self, kind: Any, service: str, timeout_s: float) -> Iterator[Any]:
        client = self._kept.get(service) or self.node.create_client(kind, service)
        try:
            self.wait(client.service_is_ready, f'the service {service}', timeout_s)
            yield client
        finally:
            if service not in self._kept:
                self.node.destroy_client(client)

    def _be_known_to(self, service: str) -> None:
        """Returns when the node that serves `service` knows all clients made here so far.

        A service can be seen before it sees its client, and its answer is lost then. Endpoints
        are learned in order, so that a question which may be repeated finds out.
        """
        names = {name for name, _ in self.node.get_service_names_and_types()}
        for parent in PurePosixPath('/', service).parents:
            if f'{parent}/get_parameters' in names:
                self.call(GetParameters, f'{parent}/get_parameters', GetParameters.Request())
                return

    def change_state(self, node: str, verb: str, timeout_s: float = WAIT_S) -> bool:
        """Asks for 'configure', 'activate', ...; returns whether it succeeded."""
        request = ChangeState.Request(transition=Transition(label=verb))
        return bool(self.call(ChangeState, f'{node}/change_state', request, timeout_s).success)

    def state(self, node: str, timeout_s: float = WAIT_S) -> str:
        """'unconfigured', 'inactive', 'active' or 'finalized'."""
        response = self.call(GetState, f'{node}/get_state', GetState.Request(), timeout_s)
        return str(response.current_state.label)

    def wait_for_state(self, node: str, state: str, timeout_s: float = WAIT_S) -> None:
        """Waits until a node is in a state; it may still have to start, or to start again."""

        def reached() -> bool:
            try:
                return self.state(node, ATTEMPT_S) == state
            except MlIntegrationError:  # the one that was asked is gone
                return False

        self.wait(reached, f'{node} to be {state}', timeout_s)

    def set_parameter(self, node: str, name: str, value: Any) -> SetParametersResult:
        """Sets a parameter; the result says whether and why it was refused."""
        request = SetParameters.Request()
        request.parameters = [Parameter(name, value=value).to_parameter_msg()]
        (result,) = self.call(SetParameters, f'{node}/set_parameters', request).results
        return result

    def parameter(self, node: str, name: str) -> Any:
        """Returns the value of a parameter."""
        request = GetParameters.Request(names=[name])
        (value,) = self.call(GetParameters, f'{node}/get_parameters', request).values
        return parameter_value_to_python(value)

    def collect(self, kind: type[M], topic: str, qos: QoSProfile | int = 10) -> Collected[M]:
        """Subscribes to a topic until the client is closed."""
        collected: Collected[M] = Collected(topic)
        self.node.create_subscription(kind, topic, collected.messages.append, qos)
        return collected

    def publisher(self, kind: type[M], topic: str, qos: QoSProfile | int = 10) -> Any:
        """Makes a publisher and waits until somebody has subscribed to it."""
        publisher = self.node.create_publisher(kind, topic, qos)
        self.wait(publisher.get_subscription_count, f'a subscription to {topic}')
        return publisher

    def destroy(self, publisher: Publisher) -> None:
        """Destroys a publisher on the thread that spins, which may be about to wait for it."""
        destroyed = self._executor.create_task(self.node.destroy_publisher, publisher)
        self.wait(destroyed.done, f'the end of the publisher of {publisher.topic_name}')

    def _spin(self) -> None:
        while not self._ended.is_set():
            spin_once(self._executor, SPIN_S)
