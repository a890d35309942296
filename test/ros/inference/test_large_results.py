"""Results of many pixels: the newest counts, and what does not fit is said once."""

from __future__ import annotations

import array
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from ros_client import Client
from sensor_msgs.msg import Image
from std_msgs.msg import Int64

from ml_integration.core.contracts import Topic
from ml_integration.ros.inference.large_messages import LargeMessages
from ml_integration.ros.inference.result_publisher import ResultPublisher
from ml_integration.ros.messages import fast_dds

TOPICS = (
    Topic('detections', 'vision_msgs/msg/Detection2DArray'),
    Topic('mask', 'sensor_msgs/msg/Image'),
    Topic('points', 'sensor_msgs/msg/PointCloud2'),
)


class Heard:
    """A node, and its logger, that keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def get_logger(self) -> Heard:
        return self

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def client(ros_domain: int) -> Iterator[Client]:
    with closing(Client()) as client:
        yield client


def test_only_the_newest_image_or_cloud_is_kept_for_a_slow_subscriber(client: Client) -> None:
    with ExitStack() as resources:
        made = ResultPublisher(client.node, TOPICS, resources)
        depths = {
            publisher.topic_name.rpartition('/')[2]: publisher.qos_profile.depth
            for publisher in client.node.publishers
            if publisher.topic_name in made.topic_names
        }
        assert depths == {'detections': 10, 'mask': 1, 'points': 1}
        assert [name.rpartition('/')[2] for name in made.readable_names] == ['detections']


@pytest.mark.parametrize('typed', [True, False])
def test_a_result_that_is_larger_than_shared_memory_is_said_once(
    monkeypatch: pytest.MonkeyPatch, typed: bool
) -> None:
    for name in fast_dds.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    node: Any = Heard()
    large = LargeMessages(node)
    data = bytes(2**20)
    message: Any = Image(data=array.array('B', data)) if typed else data
    for _ in range(3):
        large.look('depth', message)
        large.look('number', Int64(data=3))
        large.look('small', b'12')
    (warning,) = node.warnings
    assert warning.startswith('depth: one message of 1.0 MB is larger than the shared memory')
