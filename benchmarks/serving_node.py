"""An inference node in a process of its own, and what a benchmark sees of it from outside."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from ml_integration.demos.demo.children import Child
from ml_integration.ros.messages.diagnostic_numbers import numbers, statuses_of
from ml_integration.ros.node import qos
from ml_integration.ros.node.executor import make_executor, spin

NODE = 'detector'
WAIT_S = 30.0


def start_node(out: Path, parameters: Mapping[str, object]) -> Child:
    """Starts the node under test, which brings itself to active."""
    pairs = {'autostart': 'true', **parameters}
    arguments = [part for key, value in pairs.items() for part in ('-p', f'{key}:={value}')]
    log = out / f'{NODE}.log'
    return Child(NODE, 'ml_integration.ros.inference.inference_node', arguments, os.environ, log)


@dataclass(slots=True)
class Seen:
    """What was seen so far. Grows in one thread while another reads.

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
    """The benchmark's own node, in a thread of its own."""

    def __init__(self, resources: ExitStack) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node('benchmark')
        self.seen = Seen()
        for kind, topic, callback, profile in (
            (Detection2DArray, f'{NODE}/detections', self._on_result, qos.result()),
            (DiagnosticArray, f'{NODE}/models', self._on_models, qos.latched()),
            (DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.result()),
        ):
            self._node.create_subscription(kind, topic, callback, profile)
        self._setting = self._node.create_client(SetParameters, f'{NODE}/set_parameters')
        self._executor = make_executor('events', self._node)
        thread = threading.Thread(target=spin, args=(self._executor, self._node))
        resources.callback(self._node.destroy_node)
        resources.callback(self._executor.shutdown)
        resources.callback(thread.join)
        resources.callback(rclpy.try_shutdown)
        thread.start()

    def set_model(self, reference: str) -> str:
        """Sets the parameter `model`; returns why it was refused, empty if it was not."""
        (result,) = self._answer(self.wish_model(reference), 'set_parameters').results
        return '' if result.successful else str(result.reason)

    def wish_model(self, reference: str) -> Any:
        """Sets the parameter `model` and does not wait for the answer; returns its future."""
        assert self._setting.wait_for_service(WAIT_S)
        parameter = Parameter('model', value=reference).to_parameter_msg()
        return self._setting.call_async(SetParameters.Request(parameters=[parameter]))

    def trigger(self, verb: str) -> tuple[bool, str]:
        """Calls a verb of the node; returns whether it succeeded, and its sentence."""
        client = self._node.create_client(Trigger, f'{NODE}/{verb}')
        try:
            assert client.wait_for_service(WAIT_S)
            answer = self._answer(client.call_async(Trigger.Request()), verb)
            return answer.success, answer.message
        finally:
            self._node.destroy_client(client)

    def wait(self, condition: Callable[[Seen], object], what: str) -> None:
        """Waits until what was seen meets a condition."""
        end = time.monotonic() + WAIT_S
        while not condition(self.seen):
            if time.monotonic() > end:
                raise SystemExit(f'waited {WAIT_S:g} s in vain for {what}')
            time.sleep(0.002)

    def _answer(self, future: Any, what: str) -> Any:
        self.wait(lambda seen: future.done(), f'an answer of {what}')
        return future.result()

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
