"""An inference node in a process of its own, and what a benchmark sees of it from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from ml_integration.ros.client.child_process import ChildProcess, parameters, start_node
from ml_integration.ros.client.client import Client
from ml_integration.ros.messages.diagnostic_numbers import numbers, statuses_of
from ml_integration.ros.node import qos

NODE = 'detector'
LOOK_S = 0.002


def start_detector(out: Path, values: Mapping[str, object]) -> ChildProcess:
    """Starts the node under test, which brings itself to active."""
    module = 'ml_integration.ros.inference.inference_node'
    arguments = parameters({'autostart': 'true', **values})
    return start_node(NODE, module, arguments, out / f'{NODE}.log')


def start_camera(out: Path, rate_hz: float) -> ChildProcess:
    """Starts the camera process."""
    arguments = parameters({'rate_hz': float(rate_hz)})
    return start_node('camera', 'benchmarks.camera', arguments, out / 'camera.log')


@dataclass(slots=True)
class Seen:
    """Things seen so far. Grows in one thread while another reads.

    Attributes:
        frames: number of the frame, stamp and arrival of its result [ns].
        serving: the model that the node says it serves.
        problem: why the last wish did not come true.
        drops: displaced and stale frames since the activation.
    """

    frames: list[tuple[int, int, int]] = field(default_factory=list)
    serving: str = ''
    problem: str = ''
    drops: Mapping[str, int] = field(default_factory=dict)


class Watcher:
    """The benchmark's own node."""

    def __init__(self, resources: ExitStack) -> None:
        self._client = Client('benchmark', 'events', every_s=LOOK_S)
        resources.callback(self._client.close)
        self.seen = Seen()
        node = self._client.node
        for kind, topic, callback, profile in (
            (Detection2DArray, f'{NODE}/detections', self._on_result, qos.result()),
            (DiagnosticArray, f'{NODE}/models', self._on_models, qos.latched()),
            (DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.result()),
        ):
            node.create_subscription(kind, topic, callback, profile)
        self._setting = node.create_client(SetParameters, f'{NODE}/set_parameters')
        self._triggers: dict[str, Any] = {}

    def set_model(self, reference: str) -> str:
        """Sets the parameter `model`; returns why it was refused, empty if it was not."""
        future = self.wish_model(reference)
        self._client.wait(future.done, 'an answer of set_parameters')
        (result,) = future.result().results
        return '' if result.successful else str(result.reason)

    def wish_model(self, reference: str) -> Any:
        """Sets the parameter `model` and does not wait for the answer; returns its future."""
        self._client.wait(self._setting.service_is_ready, 'the service set_parameters')
        parameter = Parameter('model', value=reference).to_parameter_msg()
        return self._setting.call_async(SetParameters.Request(parameters=[parameter]))

    def wish(self, service: str) -> Any:
        """Calls a service of the node (Trigger) and does not wait for the answer."""
        client = self._triggers.get(service)
        if client is None:
            client = self._client.node.create_client(Trigger, f'{NODE}/{service}')
            self._triggers[service] = client
        self._client.wait(client.service_is_ready, f'the service {service}')
        return client.call_async(Trigger.Request())

    def wait(self, condition: Callable[[Seen], object], what: str) -> None:
        """Waits until what was seen meets a condition."""
        self._client.wait(lambda: condition(self.seen), what)

    def _on_result(self, message: Detection2DArray) -> None:
        now_ns, header = time.time_ns(), message.header
        stamp_ns = header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
        self.seen.frames.append((int(header.frame_id), stamp_ns, now_ns))

    def _on_models(self, message: DiagnosticArray) -> None:
        values = {item.key: item.value for item in message.status[0].values}
        self.seen.serving, self.seen.problem = values['serving'], values['problem']

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        drops = statuses_of(message, NODE).get('drops')
        if drops is not None and (found := numbers(drops)):
            self.seen.drops = {key: int(number) for key, number in found.items()}


def memory_mb(pid: int, keys: Sequence[str] = ('VmRSS', 'RssAnon')) -> dict[str, float]:
    """Memory of a process [MB = 2^20 bytes]: all that is resident, and its own part of it."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    values = dict(line.split(':', 1) for line in lines)
    return {key: int(values[key].split()[0]) / 1024 for key in keys}
