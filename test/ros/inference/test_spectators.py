"""`~/overlay` and `~/provenance`: made only while somebody looks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import (
    GREEN,
    NodeUnderTest,
    image_message,
    running_node,
    squares,
    stamp_of,
    value,
)
from model_folders import write_model_folder
from rclpy.serialization import deserialize_message
from ros_client import Client
from sensor_msgs.msg import Image

from ml_integration.core.arrivals import Observation, of_one
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.ros.inference.spectators import Overlay, Provenance
from ml_integration.store.package.package import read_package

PICTURE = np.zeros((256, 512, 3), np.uint8)
PICTURE[128:256, 128:256] = GREEN  # a cell of the detector, once letterboxed


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'tiny')
    spoiled = onnx_models.tiny_detector(spoiled=True)
    write_model_folder(folder, 'spoiled', model=spoiled, golden=False)
    return folder


@pytest.fixture(scope='module')
def node(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'), client, name='/eye', model_path=store, deadline_ms=0
        ) as running,
    ):
        yield running


def listen(node: NodeUnderTest, kind: type, topic: str) -> Any:
    """Subscribes, and asks until the first one has arrived."""
    heard = node.client.collect(kind, f'{node.name}/{topic}')
    while not heard.messages:
        node.ask(image_message(PICTURE, frame_id='left'))
    return heard


def test_the_overlay_is_the_input_with_the_result_drawn_in(node: NodeUnderTest) -> None:
    node.serve(model='tiny')
    (drawn, *_) = listen(node, Image, 'overlay').messages
    assert (drawn.width, drawn.height, drawn.encoding, drawn.step) == (512, 256, 'bgr8', 1536)
    assert drawn.header.frame_id == 'left'
    assert stamp_of(drawn) in map(stamp_of, node.results().messages)
    pixels = np.frombuffer(drawn.data, np.uint8).reshape(PICTURE.shape)
    changed = (pixels != PICTURE).any(axis=2)
    assert 0 < changed.mean() < 0.5


def test_provenance_says_which_model_made_a_result_of_which_frame(
    node: NodeUnderTest, store: Path
) -> None:
    node.serve(model='tiny')
    (status, *_) = listen(node, DiagnosticStatus, 'provenance').messages
    digest = hashlib.sha256((store / 'tiny/1/model.onnx').read_bytes()).hexdigest()
    assert (status.name, status.hardware_id) == ('tiny@1', 'CPUExecutionProvider')
    assert (status.level, status.message) == (DiagnosticStatus.OK, 'valid')
    assert value(status, 'sha256') == digest
    assert value(status, 'frame_id') == 'left'
    assert int(value(status, 'stamp_ns')) in map(stamp_of, node.results().messages)
    for stage in ('decode', 'encode', 'infer', 'postprocess', 'validate'):
        assert float(value(status, f'{stage}_ms')) > 0


class Topic:
    """A publisher with so many subscribers."""

    def __init__(self, subscribers: int) -> None:
        self.subscribers = subscribers
        self.published: list[Any] = []

    def get_subscription_count(self) -> int:
        return self.subscribers

    def publish(self, message: Any) -> None:
        self.published.append(message)


class Topics:
    """Stands for the node, because nobody can see over DDS what is not made."""

    def __init__(self) -> None:
        self.by_name: dict[str, Topic] = {}

    def create_publisher(self, kind: type, name: str, qos: Any) -> Topic:
        return self.by_name.setdefault(name, Topic(0))

    def destroy_publisher(self, publisher: Topic) -> None:
        pass


@pytest.fixture
def pipeline(store: Path, request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    model = getattr(request, 'param', 'tiny')
    loaded = Loader().load(read_package(store / model / '1'))
    with closing(loaded):
        yield loaded


def seen(message: Image) -> Observation:
    return of_one('images', message)


def test_nothing_is_made_while_nobody_looks(pipeline: Pipeline) -> None:
    topics: Any = Topics()
    spectators = [kind(topics, '~', ExitStack()) for kind in (Overlay, Provenance)]
    observation = seen(image_message(squares(GREEN)))
    prediction = pipeline.run(observation)
    watched = topics.by_name['~/overlay']
    for subscribers, published in ((0, 0), (1, 1), (2, 2), (0, 2)):
        watched.subscribers = subscribers
        for spectator in spectators:
            spectator.take(observation, prediction, pipeline)
        assert len(watched.published) == published
    assert not topics.by_name['~/provenance'].published


@pytest.mark.parametrize('pipeline', ['spoiled'], indirect=True)
def test_an_invalid_result_is_told_and_not_drawn(pipeline: Pipeline) -> None:
    topics: Any = Topics()
    spectators = [kind(topics, '~', ExitStack()) for kind in (Overlay, Provenance)]
    for topic in topics.by_name.values():
        topic.subscribers = 1
    picture = squares(GREEN)
    observation = seen(image_message(picture))
    prediction = pipeline.run(observation)
    for spectator in spectators:
        spectator.take(observation, prediction, pipeline)
    (drawn,) = topics.by_name['~/overlay'].published
    assert deserialize_message(drawn, Image).data.tobytes() == picture.tobytes()
    (status,) = topics.by_name['~/provenance'].published
    assert (status.level, status.message) == (DiagnosticStatus.ERROR, 'invalid, held back')
    assert value(status, 'invalid: not_finite')
