"""The benchmark's own node: it sees results arrive and asks services."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import GetParameters
from vision_msgs.msg import Detection2DArray

from ml_integration.ros.client.client import Client
from ml_integration.ros.client.waiting import wait_until
from ml_integration.ros.node import qos

LOOK_S = 0.002
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
    """Watches results and asks the nodes under test.

    Attributes:
        client: the node, and who calls services.
    """

    def __init__(self, resources: ExitStack) -> None:
        self.client = Client('benchmark', 'events', every_s=LOOK_S)
        resources.callback(self.client.close)
        self._node = self.client.node

    @contextmanager
    def results(self, topic: str) -> Iterator[list[Arrival]]:
        """Watches the results of a topic, in a list that grows."""
        arrivals: list[Arrival] = []

        def receive(data: bytes) -> None:
            arrivals.append(_arrival(data, time.time_ns()))

        # Serialized, because making typed messages would take a core away from the others.
        subscription = self._node.create_subscription(
            Detection2DArray, topic, receive, qos.result(), raw=True
        )
        try:
            yield arrivals
        finally:
            self._node.destroy_subscription(subscription)

    @contextmanager
    def provenance(self, node: str) -> Iterator[dict[int, float]]:
        """Watches how long the session ran [ms] by the frame's stamp [ns]; the dict grows."""
        runs: dict[int, float] = {}

        def receive(message: DiagnosticStatus) -> None:
            values = {item.key: item.value for item in message.values}
            runs[int(values['stamp_ns'])] = float(values['infer_ms'])

        subscription = self._node.create_subscription(
            DiagnosticStatus, f'{node}/provenance', receive, qos.result()
        )
        try:
            yield runs
        finally:
            self._node.destroy_subscription(subscription)

    def set_parameters(self, node: str, **values: object) -> None:
        """Sets parameters, each of which has to be accepted."""
        for name, value in values.items():
            result = self.client.set_parameter(node, name, value)
            if not result.successful:
                raise SystemExit(f'{node}: {result.reason}')

    def change_state(self, node: str, verb: str) -> None:
        """Asks for a transition, which has to succeed."""
        if not self.client.change_state(node, verb):
            raise SystemExit(f'{node} refused to {verb}')

    def meet(self, node: str, *services: tuple[Any, str]) -> None:
        """Returns when a node answers and knows the clients of these services of its."""
        self.client.keep(node, (GetParameters, 'get_parameters'), *services)

    def share_on_time(self, node: str, seconds: float) -> float:
        """Asks a node that was met 20 times a second; the share that it answered within 50 ms."""
        request = GetParameters.Request(names=['use_sim_time'])
        spent: list[float] = []
        asked, begin = 0, time.monotonic()
        while (due := begin + asked * CALL_PERIOD_S) < begin + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            asked_s = time.monotonic()
            self.client.ask(f'{node}/get_parameters', request).add_done_callback(
                lambda _, asked_s=asked_s: spent.append(time.monotonic() - asked_s)
            )
            asked += 1
        time.sleep(CALL_DEADLINE_S)
        return sum(value <= CALL_DEADLINE_S for value in spent) / asked


def wait(condition: Callable[[], object], what: str) -> None:
    """Waits until a condition is met, and ends the program when that takes too long."""
    wait_until(condition, what, every_s=LOOK_S)


def _arrival(data: bytes, now_ns: int) -> Arrival:
    """Reads the header, the first field of a little-endian message."""
    seconds, nanoseconds, length = struct.unpack_from('<iII', data, 4)
    frame_id = data[16 : 16 + length - 1]
    number = int(frame_id) if frame_id.isdigit() else -1
    return Arrival(number, seconds * 1_000_000_000 + nanoseconds, now_ns)
