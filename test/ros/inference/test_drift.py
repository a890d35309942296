"""Darkness that falls on a running camera is told over real DDS, against the model's reference."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import NodeUnderTest, image_message, running_node, value
from model_folders import write_model_folder
from ros_client import Client

from ml_integration.cli.main import main
from ml_integration.core.datatypes import Array

PHOTO = Path(__file__).parents[3] / 'dev/data/astronaut.png'
SIZE = 96
PERIOD_S = 0.1


def pictures(count: int) -> list[Array]:
    """What a restless camera sees of a photograph."""
    photo, rng = cv2.resize(cv2.imread(str(PHOTO)), (140, 140)), np.random.default_rng(0)
    places = rng.integers(0, 44, (count, 2)).tolist()
    return [np.ascontiguousarray(photo[y : y + SIZE, x : x + SIZE]) for x, y in places]


def test_darkness_is_told_with_its_numbers_and_gone_with_the_light(
    tmp_path: Path, ros_domain: int
) -> None:
    folder = write_model_folder(tmp_path / 'store', 'tiny')
    file = tmp_path / 'usual.avi'
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*'MJPG'), 1.0, (SIZE, SIZE))
    for picture in pictures(302):  # one a second
        writer.write(picture)
    writer.release()
    assert main(['profile', str(folder), str(file), '--state-dir', str(tmp_path / 'own')]) == 0
    parameters = {'model_path': tmp_path / 'store', 'deadline_ms': 0, 'model': 'tiny'}
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name='/drift', **parameters) as node,
    ):
        node.serve()
        watch(node)


def watch(node: NodeUnderTest) -> None:
    shown, feed, light, number = pictures(50), node.feed(), [1.0], [0]

    def publish() -> None:
        number[0] += 1
        picture = (shown[number[0] % len(shown)] * light[0]).astype(np.uint8)
        feed.publish(image_message(picture, stamp_ns=node.now_ns()))

    timer = node.client.node.create_timer(PERIOD_S, publish)
    good = node.wait_for_status('drift', lambda s: value(s, 'blocks') not in ('', '0'), 'a block')
    assert good.level == DiagnosticStatus.OK, good.message
    assert int(value(good, 'reference blocks')) >= 300
    light[0] = 0.4
    dark = node.wait_for_status('drift', lambda s: s.level == DiagnosticStatus.WARN, 'darkness')
    assert 'brightness' in dark.message and 'its limit' in dark.message
    assert 'brightness' in value(dark, 'moved')
    assert float(value(dark, 'brightness')) < float(value(good, 'brightness')) / 2
    light[0] = 1.0
    node.wait_for_status('drift', lambda s: value(s, 'moved') == '', 'light')
    node.client.node.destroy_timer(timer)
