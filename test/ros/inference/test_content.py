"""Faults of real pictures over real DDS are told in seconds, by name and in numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import NodeUnderTest, image_message, running_node, value
from model_folders import write_model_folder
from ros_client import Client

from ml_integration.core.datatypes import Array

VIDEO = Path(__file__).parents[3] / 'dev/data/vtest.avi'
SIZE = (256, 192)
PERIOD_S = 0.1


class Camera:
    """Publishes a real video, forth and back, as its lens lets it through."""

    def __init__(self, node: NodeUnderTest) -> None:
        video = cv2.VideoCapture(str(VIDEO))
        pictures = [cv2.resize(video.read()[1], SIZE) for _ in range(20)]
        self.pictures = [*pictures, *pictures[-2:0:-1]]
        self._node, self._number = node, 0
        self.lens: Callable[[Array], Array] = lambda picture: picture
        self._feed = node.feed()
        self._timer = node.client.node.create_timer(PERIOD_S, self._publish)

    def _publish(self) -> None:
        self._number += 1
        picture = self.lens(self.pictures[self._number % len(self.pictures)])
        self._feed.publish(image_message(picture, stamp_ns=self._node.now_ns()))

    def close(self) -> None:
        self._node.client.node.destroy_timer(self._timer)


@pytest.fixture
def node(tmp_path: Path, ros_domain: int) -> Iterator[NodeUnderTest]:
    write_model_folder(tmp_path / 'store', 'tiny')
    parameters = {'model_path': tmp_path / 'store', 'deadline_ms': 0, 'model': 'tiny'}
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name='/content', **parameters) as running,
    ):
        yield running


@pytest.mark.skipif(not VIDEO.exists(), reason=f'{VIDEO} is not fetched')
def test_each_fault_of_a_real_video_is_told_and_over_after_it(node: NodeUnderTest) -> None:
    node.serve(content__learn_s=3.0, content__frozen_s=2.0)
    with closing(Camera(node)) as camera:
        good = node.wait_for_status(
            'content', lambda s: value_of(s, 'usual sharpness'), 'what is usual'
        )
        assert good.level == DiagnosticStatus.OK, good.message
        assert float(value(good, 'brightness')) > 50
        held = image_of(camera)
        for word, lens in {
            'same content for': lambda picture: held,
            'brightness': lambda picture: (picture * 0.1).astype(np.uint8),
            'sharpness': lambda picture: cv2.GaussianBlur(picture, (0, 0), 2.0),
            'saturated': lambda picture: np.full_like(picture, 255),
            'black': lambda picture: np.zeros_like(picture),
        }.items():
            camera.lens = lens
            found = node.wait_for_status(
                'content',
                lambda s, word=word: s.level == DiagnosticStatus.WARN and word in said(s),
                f'a warning: {word}',
            )
            assert any(character.isdigit() for character in found.message)
        camera.lens = lambda picture: picture
        node.wait_for_status('content', lambda s: s.level == DiagnosticStatus.OK, 'all well')


def image_of(camera: Camera) -> Array:
    """A picture that the camera has not shown in a while."""
    return camera.pictures[0]


def value_of(status: DiagnosticStatus, key: str) -> str:
    """A value; empty as long as its key is not there."""
    return next((item.value for item in status.values if item.key == key), '')


def said(status: DiagnosticStatus) -> str:
    """What a status says of this second, without the reason for a level that it still keeps."""
    return str(status.message.partition(' s ago: ')[0])
