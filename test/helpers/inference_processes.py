"""An inference node in a process of its own, with a client that feeds it and listens to it."""

from __future__ import annotations

import array
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from ros_client import Client, Collected
from ros_processes import WAIT_S, Process, wait_until
from sensor_models import write_sensor_store
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ml_integration.errors import MlIntegrationError

MODULE = 'ml_integration.ros.inference.inference_node'


def ros_arguments(**parameters: object) -> list[str]:
    """The command line for parameters; `__` in a name stands for the dot of a nested one."""
    pairs = [f'{name.replace("__", ".")}:={value}' for name, value in parameters.items()]
    return ['--ros-args', *(part for pair in pairs for part in ('-p', pair))]


def image_message(
    pixels: np.ndarray,
    encoding: str = 'bgr8',
    *,
    stamp_ns: int = 0,
    frame_id: str = 'camera',
    padding: int = 0,
) -> Image:
    """A picture (H, W, C) uint8 as a message, each row followed by `padding` bytes of noise."""
    height, width, channels = pixels.shape
    rows = np.full((height, width * channels + padding), 0xA5, np.uint8)
    rows[:, : width * channels] = pixels.reshape(height, -1)
    message = Image(height=height, width=width, encoding=encoding, step=rows.shape[1])
    message.data = array.array('B', rows.tobytes())
    message.header.frame_id = frame_id
    set_stamp(message, stamp_ns)
    return message


def set_stamp(message: Any, stamp_ns: int) -> None:
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)


def stamp_of(message: Any) -> int:
    """The stamp in the header [ns]."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def squares(*colors_bgr: tuple[int, int, int]) -> np.ndarray:
    """A black picture of 64 x 64 px with a square of 16 px of each color along the diagonal.

    They fill cells of `onnx_models.tiny_detector`, which finds each of them.
    """
    picture = np.zeros((64, 64, 3), np.uint8)
    for number, color in enumerate(colors_bgr):
        corner = 16 * (number + 1)
        picture[corner : corner + 16, corner : corner + 16] = color
    return picture


RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


class NodeUnderTest:
    """An inference node, whose input is reliable so that no frame is lost between the two.

    Attributes:
        process: the process it runs in.
        client: the test's own node.
        name: the node's full name.
    """

    def __init__(self, process: Process, client: Client, name: str) -> None:
        self.process = process
        self.client = client
        self.name = name
        self.diagnostics: Collected[DiagnosticArray] = client.collect(
            DiagnosticArray, '/diagnostics'
        )
        self._feeds: dict[str, Any] = {}
        self._results: dict[str, Collected[Any]] = {}
        self._stamp_ns = 0

    def serve(self, **parameters: object) -> None:
        """Brings it to active with these parameters, from whatever state."""
        self.unconfigure()
        for name, value in parameters.items():
            result = self.client.set_parameter(self.name, name.replace('__', '.'), value)
            assert result.successful, result.reason
        assert self.change('configure'), self.process.log
        assert self.change('activate'), self.process.log

    def unconfigure(self) -> None:
        for state, verb in (('active', 'deactivate'), ('inactive', 'cleanup')):
            if self.client.state(self.name) == state:
                assert self.change(verb), self.process.log
        for topic, feed in self._feeds.items():
            # Otherwise a feed might take the old subscription for the next one.
            wait_until(lambda f=feed: not f.get_subscription_count(), f'nobody to hear {topic}')

    def change(self, verb: str) -> bool:
        return self.client.change_state(self.name, verb)

    def feed(self, name: str = 'image') -> Any:
        """The publisher of images, once it is connected to the node."""
        topic = f'{self.name.rpartition("/")[0]}/{name}'
        if topic not in self._feeds:
            self._feeds[topic] = self.client.publisher(Image, topic)
        connected = self._feeds[topic].get_subscription_count
        wait_until(connected, f'a subscription to {topic}; the log:\n{self.process.log}')
        return self._feeds[topic]

    def results(self, kind: type = Detection2DArray, topic: str = 'detections') -> Collected[Any]:
        """All results since the first call."""
        if topic not in self._results:
            self._results[topic] = self.client.collect(kind, f'{self.name}/{topic}')
        return self._results[topic]

    def now_ns(self) -> int:
        """The current time, later than any stamp given so far."""
        self._stamp_ns = max(self.client.node.get_clock().now().nanoseconds, self._stamp_ns + 1)
        return self._stamp_ns

    def ask(self, message: Image, kind: type = Detection2DArray, topic: str = 'detections') -> Any:
        """Publishes an image stamped with the current time until a result for it comes."""
        feed, results = self.feed(), self.results(kind, topic)
        stamps: list[int] = []

        def answers() -> list[Any]:
            return [result for result in results.messages if stamp_of(result) in stamps]

        def answered() -> bool:
            if not answers():
                stamps.append(self.now_ns())
                set_stamp(message, stamps[-1])
                feed.publish(message)
            return bool(answers())

        wait_until(answered, f'a result on {topic}; the log:\n{self.process.log}')
        return answers()[0]

    def status(self, concern: str) -> DiagnosticStatus:
        """The newest status of a concern from now on."""
        return self.wait_for_status(concern, lambda status: True, 'any')

    def wait_for_status(self, concern: str, condition: Any, what: str) -> DiagnosticStatus:
        """Waits for a status of a concern that meets the condition, from now on."""
        known = len(self.diagnostics.messages)
        name = f'{self.name.lstrip("/")}: {concern}'
        seen: list[DiagnosticStatus] = []

        def found() -> bool:
            seen[:] = [
                status
                for message in self.diagnostics.messages[known:]
                for status in message.status
                if status.name == name
            ]
            return any(map(condition, seen))

        try:
            wait_until(found, what, WAIT_S)
        except MlIntegrationError as error:
            raise AssertionError(f'{error}: {concern}\n{seen[-1:]}\n{self.process.log}') from None
        return next(filter(condition, seen))


def value(status: DiagnosticStatus, key: str) -> str:
    """A value of a status."""
    values = {item.key: item.value for item in status.values}
    assert key in values, f'{key} is not in {values}'
    return values[key]


@contextmanager
def running_node(
    folder: Path,
    client: Client,
    *more: str,
    name: str = '/fresh',
    environment: Mapping[str, str] | None = None,
    **parameters: object,
) -> Iterator[NodeUnderTest]:
    """Runs an inference node until the end of the block.

    Args:
        folder: where its log goes.
        client: who talks to it.
        more: further ROS arguments.
        name: its full name, which no other node of the test module may have.
        environment: variables to add.
        parameters: its parameters.
    """
    namespace, _, own = name.rpartition('/')
    names = ('-r', f'__ns:={namespace or "/"}', '-r', f'__node:={own}')
    process = Process(
        ['-m', MODULE, *ros_arguments(**parameters), *names, *more],
        folder / f'{own}.log',
        environment,
    )
    try:
        yield NodeUnderTest(process, client, name)
    finally:
        process.end()


@contextmanager
def node_of_sensor_models(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[NodeUnderTest]:
    """Runs `/robot` until the end of the block, with the models of `write_sensor_store`."""
    store = tmp_path_factory.mktemp('store')
    write_sensor_store(store)
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'),
            client,
            name='/robot',
            model='seen',
            model_path=store,
            state_dir=tmp_path_factory.mktemp('state'),
            sensor_qos='reliable',
            deadline_ms=0,
        ) as running,
    ):
        yield running
