"""Each file of `config/examples/` gives a node that publishes what its task and stages promise."""

from __future__ import annotations

import array
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from example_models import write_example_model
from inference_processes import BLUE, GREEN, RED, image_message, running_node, set_stamp, squares
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import CameraInfo, Image

from ml_integration.core import plugins
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.node import qos

EXAMPLES = Path(__file__).parents[2] / 'config/examples'
FILES = sorted(EXAMPLES.glob('*.yaml'))
PICTURE = np.ascontiguousarray(squares(RED, GREEN, BLUE))
SIDE = len(PICTURE)


@pytest.fixture(scope='module')
def client(ros_domain: int) -> Iterator[Client]:
    with closing(Client()) as made:
        yield made


def depth_message() -> Image:
    message = Image(height=SIDE, width=SIDE, encoding='32FC1', step=4 * SIDE)
    message.data = array.array('B', np.full((SIDE, SIDE), 2, '<f4').tobytes())
    return message


def camera_message() -> CameraInfo:
    message = CameraInfo(width=SIDE, height=SIDE, distortion_model='plumb_bob', d=[0.0] * 5)
    message.k = np.array([SIDE, 0, SIDE / 2, 0, SIDE, SIDE / 2, 0, 0, 1])
    return message


SENT = {'depth': (Image, depth_message), 'camera_info': (CameraInfo, camera_message)}
BESIDE = {'lifting': ('depth', 'camera_info'), 'point_cloud': ('camera_info',)}
"""What a stage takes beside the picture."""


def test_every_task_and_every_stage_has_an_example() -> None:
    assert [file.stem for file in FILES] == sorted(
        [*plugins.names('tasks'), *plugins.names('stages')]
    )


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_an_example_serves_a_picture(file: Path, client: Client, tmp_path: Path) -> None:
    said = yaml.safe_load(file.read_text())['/**']['ros__parameters']
    assert f'config/examples/{file.name}' in file.read_text()
    task = write_example_model(tmp_path / 'store', said['model'])
    stages = said.get('stages', [])
    for stage in stages:
        if second := said.get(stage, {}).get('model'):
            write_example_model(tmp_path / 'store', second)
    assert file.stem in (task, *stages)
    name = f'/example_{file.stem}'
    parameters = {'model_path': tmp_path / 'store', 'state_dir': tmp_path / 'state'}
    with running_node(
        tmp_path, client, '--params-file', str(file), name=name, **parameters
    ) as node:
        node.serve()
        results = [
            client.collect(
                message_type(topic.message_type),
                f'{name}/{topic.name}',
                qos.latched() if topic.latched else qos.result(),
            )
            for topic in promised(task, stages)
        ]
        sent: list[tuple[Any, Any]] = [(node.feed(), image_message(PICTURE))]
        for topic in {topic for stage in stages for topic in BESIDE.get(stage, ())}:
            kind, make = SENT[topic]
            sent.append((client.publisher(kind, f'/{topic}'), make()))

        def answered() -> bool:
            stamp_ns = node.now_ns()
            for publisher, message in reversed(sent):  # the picture last: it triggers
                set_stamp(message, stamp_ns)
                publisher.publish(message)
            return all(collected.messages for collected in results)

        wait_until(answered, f'results of {file.name}; the log:\n{node.process.log}')


def promised(task: str, stages: list[str]) -> list[Any]:
    """Topics of a task and stages; of depth those of meters, no alpha, of a cascade points."""
    topics = list(plugins.load('tasks', task).topics)
    if task == 'depth_estimation':
        topics = topics[:1]
    if task == 'segmentation':
        topics = [topic for topic in topics if topic.name != 'alpha']
    if task == 'tensor':
        topics = [replace(topics[0], name='tensor/scores')]
    added = [t for stage in stages for t in plugins.load('stages', stage).topics]
    return topics + (added[:1] if stages == ['cascade'] else added)
