"""The benchmark's own node: it sees results arrive and asks services, in a thread of its own."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from vision_msgs.msg import Detection2DArray

from ml_integration.ros.node import qos
from ml_integration.ros.node.executor import make_executor, spin

PATIENCE_S = 30.0
ASK_AGAIN_S = 1.0
CALL_PERIOD_S = 0.05
CALL_DEADLINE_S = 0.05


@dataclass(frozen=True, slots=True)
class Arrival:
    """A result: its frame's number (-1: it has none), its stamp and when it arrived [ns]."""

    number: int
    stamp_ns: int
    arrival_ns: int

    @property
    def age_ms(self) -> float:
        return (self.arrival_ns - self.stamp_ns) / 1e6


class Observer:
    """Watches results and asks the nodes under test."""

    def __init__(self, resources: ExitStack) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node('benchmark')
        self._clients: dict[str, Any] = {}
        executor = make_executor('events', self.node)
        thread = threading.Thread(target=spin, args=(executor, self.node))
        resources.callback(self.node.destroy_node)
        resources.callback(executor.shutdown)
        resources.callback(thread.join)
        resources.callback(rclpy.try_shutdown)
        thread.start()

    @contextmanager
    def results(self, topic: str) -> Iterator[list[Arrival]]:
        """The results of a topic meanwhile, in a list that grows."""
        arrivals: list[Arrival] = []

        def receive(data: bytes) -> None:
            arrivals.append(_arrival(data, time.time_ns()))

        # Serialized, because making typed messages would take a core away from the others.
        subscription = self.node.create_subscription(
            Detection2DArray, topic, receive, qos.result(), raw=True
        )
        try:
            yield arrivals
        finally:
            self.node.destroy_subscription(subscription)

    @contextmanager
    def provenance(self, node: str) -> Iterator[dict[int, float]]:
        """How long the session ran [ms] by the frame's stamp [ns], in a dict that grows."""
        runs: dict[int, float] = {}

        def receive(message: DiagnosticStatus) -> None:
            values = {item.key: item.value for item in message.values}
            runs[int(values['stamp_ns'])] = float(values['infer_ms'])

        subscription = self.node.create_subscription(
            DiagnosticStatus, f'{node}/provenance', receive, qos.result()
        )
        try:
            yield runs
        finally:
            self.node.destroy_subscription(subscription)

    def call(self, kind: Any, service: str, request: Any, again: bool = False) -> Any:
        """Calls a service and waits for its answer.

        Args:
            kind: the service's type.
            service: its name.
            request: what to ask.
            again: the question does no harm when it is asked twice. A service can be seen
                before it sees its client, and its answer is lost then.
        """
        client = self._client(kind, service)
        futures = [client.call_async(request)]
        begin_s = time.monotonic()

        def answered() -> bool:
            if again and time.monotonic() > begin_s + ASK_AGAIN_S * len(futures):
                futures.append(client.call_async(request))
            return any(future.done() for future in futures)

        wait(answered, f'an answer of {service}')
        return next(future for future in futures if future.done()).result()

    def set_parameters(self, node: str, **values: object) -> None:
        """Sets parameters, each of which has to be accepted."""
        parameters = [Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
        request = SetParameters.Request(parameters=parameters)
        answer = self.call(SetParameters, f'{node}/set_parameters', request, again=True)
        refused = [str(result.reason) for result in answer.results if not result.successful]
        if refused:
            raise SystemExit(f'{node}: {refused[0]}')

    def change_state(self, node: str, *verbs: str) -> None:
        """Asks for transitions, one after the other; the node knows this one already."""
        for verb in verbs:
            request = ChangeState.Request(transition=Transition(label=verb))
            if not self.call(ChangeState, f'{node}/change_state', request).success:
                raise SystemExit(f'{node} refused to {verb}')

    def meet(self, node: str, *services: tuple[Any, str]) -> None:
        """Returns when a node answers and knows the clients of these services of its."""
        for kind, service in services:
            self._client(kind, f'{node}/{service}')
        self.ask_parameter(node)

    def ask_parameter(self, node: str) -> None:
        """A question that every node answers."""
        request = GetParameters.Request(names=['use_sim_time'])
        self.call(GetParameters, f'{node}/get_parameters', request, again=True)

    def share_on_time(self, node: str, seconds: float) -> float:
        """Asks the node 20 times a second; the share that it answered within 50 ms."""
        client = self._client(GetParameters, f'{node}/get_parameters')
        request = GetParameters.Request(names=['use_sim_time'])
        spent: list[float] = []
        asked, begin = 0, time.monotonic()
        while (due := begin + asked * CALL_PERIOD_S) < begin + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            asked_s = time.monotonic()
            client.call_async(request).add_done_callback(
                lambda _, asked_s=asked_s: spent.append(time.monotonic() - asked_s)
            )
            asked += 1
        time.sleep(CALL_DEADLINE_S)
        return sum(value <= CALL_DEADLINE_S for value in spent) / asked

    def _client(self, kind: Any, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, service)
        client = self._clients[service]
        wait(client.service_is_ready, service)  # each time: nodes are started anew
        return client


def wait(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Waits until a condition is met, and ends the program when that takes too long."""
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f'waited {patience_s:g} s in vain for {what}')
        time.sleep(0.002)


def _arrival(data: bytes, now_ns: int) -> Arrival:
    """Reads the header, the first field of a little-endian message."""
    seconds, nanoseconds, length = struct.unpack_from('<iII', data, 4)
    frame_id = data[16 : 16 + length - 1]
    number = int(frame_id) if frame_id.isdigit() else -1
    return Arrival(number, seconds * 1_000_000_000 + nanoseconds, now_ns)
