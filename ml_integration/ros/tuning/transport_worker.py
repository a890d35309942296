"""Runs a model in a real node for `Crew`: frames go to it, and results come back, over DDS.

Reads a trial and then requests for blocks as `tuning/worker.py` does, and answers each. Camera and
node are two processes in a ROS domain of their own.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from ml_integration.core.contracts import Topic
from ml_integration.deploy.loading import Loader
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.client.child_process import parameters, start_node
from ml_integration.ros.client.client import Client
from ml_integration.ros.messages import fast_dds
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.messages.reader import has_header
from ml_integration.ros.messages.stamps import stamp_reader
from ml_integration.ros.node import qos
from ml_integration.serving.playback import read_recorded, types_of
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.freeze_file import typestore
from ml_integration.tuning.candidates import parameter_text
from ml_integration.tuning.trial import Block, Opened, Trial
from ml_integration.tuning.worker import LAST_S, answer_requests, package_of, steps_of

NODE, MODULE = 'tuned', 'ml_integration.ros.inference.inference_node'
NO_PROFILE = '<dds xmlns="http://www.eprosima.com"><profiles/></dds>'
START_S = 60.0
STAMP = slice(4, 12)
"""Bytes of the stamp in a serialized message that begins with a header."""
Message = tuple[str, bytearray]
"""Topic of a message, and its serialized bytes with a header."""


class Transported:
    """A node that serves a model, and the camera in front of it.

    Args:
        trial: what to run, and how.

    Raises:
        MlIntegrationError: the model cannot be measured so.
    """

    def __init__(self, trial: Trial) -> None:
        folder = Path(trial.scratch)
        os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        os.environ.update(_profile(trial.large_messages, folder))
        package, began_s = package_of(trial), time.monotonic()
        topic, self._types, self._steps = _what_comes_and_goes(trial, package)
        self._period_s = 1.0 / trial.material.rate_hz
        values = _parameters(trial, package, folder)
        # In the group of this process, whose owner ends all of it.
        log = folder / 'node.log'
        self._child = start_node(NODE, MODULE, parameters(values), log, apart=False)
        self._client = Client('camera', 'events', self._child.check)
        self._publishers = {
            name: self._client.node.create_publisher(message_type(kind), name, qos.image_stream())
            for name, kind in self._types.items()
        }
        kind = message_type(topic.message_type)
        self._stamp_of = stamp_reader(kind)
        self._came_ns: dict[int, int] = {}
        self._client.node.create_subscription(
            kind, f'/{NODE}/{topic.name}', self._take, qos.result(), raw=True
        )
        self._process = psutil.Process(self._child.pid)
        connected = [one.get_subscription_count for one in self._publishers.values()]
        self._client.wait(lambda: all(count() for count in connected), 'the node', START_S)
        self.opened = Opened(0, '', '', '', time.monotonic() - began_s)

    def block(self, first: int, count: int, before_mb: float) -> Block:
        """Sends frames at their pace, and waits for the results.

        Args:
            first: number of the first step.
            count: number of steps; the first is only for warming up.
            before_mb: is left aside: the node is a process of its own.
        """
        self._child.check()
        self._came_ns.clear()
        sent, began_cpu_s, began_s = [], self._cpu_s(), time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began_s + number * self._period_s - time.monotonic()))
            sent.append(self._send(self._steps[(first + number) % len(self._steps)]))
        time.sleep(max(0.0, began_s + count * self._period_s - time.monotonic()))
        until_s = time.monotonic() + min(LAST_S, 4 * self._period_s + 0.2)
        while len(self._came_ns) < count and time.monotonic() < until_s:
            time.sleep(0.002)
        cpu_s = self._cpu_s() - began_cpu_s
        spent = [(self._came_ns[one] - one) / 1e6 for one in sent[1:] if one in self._came_ns]
        rss_mb = self._process.memory_info().rss / 1e6
        return Block(tuple(spent), 1e3 * cpu_s / count, rss_mb, count - 1 - len(spent))

    def _send(self, step: Sequence[Message]) -> int:
        """Publishes the messages of a run, all with the stamp that it returns [ns]."""
        stamp_ns = time.time_ns()
        for topic, data in step:
            data[STAMP] = struct.pack('<iI', *divmod(stamp_ns, 1_000_000_000))
            self._publishers[topic].publish(bytes(data))
        return stamp_ns

    def _take(self, message: bytes) -> None:
        self._came_ns.setdefault(self._stamp_of(message), time.time_ns())

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


def _what_comes_and_goes(
    trial: Trial, package: ModelPackage
) -> tuple[Topic, Mapping[str, str], list[list[Message]]]:
    """Returns the topic of results, the types by topic of inputs, and the messages of each run."""
    pipeline = Loader(reader_for=read_recorded).load(package)
    try:
        types = types_of(pipeline)
        topic = pipeline.topics[0]
        for kind in (*types.values(), topic.message_type):
            if not has_header(message_type(kind)):
                what = f'{kind} has no stamp, by which frames and results belong together'
                raise MlIntegrationError(what, where=str(package.content.identity))
        steps = steps_of(trial.material, pipeline)
        return topic, types, [
            [(name, _serialized(one.message, types[name])) for name, one in step if name in types]
            for step in steps
        ]  # fmt: skip
    finally:
        pipeline.close()


def _serialized(message: Any, kind: str) -> bytearray:
    return bytearray(typestore().serialize_cdr(message, kind))


def _parameters(trial: Trial, package: ModelPackage, folder: Path) -> dict[str, object]:
    identity, store = package.content.identity, Path(trial.package).resolve().parents[1]
    execution = {
        f'execution.{name}': parameter_text(value)
        for name, value in asdict(trial.execution).items()
    }
    return {
        'model': str(identity),
        'model_path': store,
        'state_dir': folder,
        'autostart': 'true',
        'raw_subscription': parameter_text(trial.raw_subscription),
        **execution,
    }


def _profile(large_messages: bool, folder: Path) -> dict[str, str]:
    """Returns the variables for Fast DDS: the package's profile, or one that says nothing."""
    if large_messages:
        return fast_dds.environment()
    file = folder / 'no_profile.xml'
    file.write_text(NO_PROFILE)
    return dict.fromkeys(fast_dds.VARIABLES, str(file))


if __name__ == '__main__':
    sys.exit(answer_requests(Transported))
