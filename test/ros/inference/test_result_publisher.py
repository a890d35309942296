"""Results are what the typed messages say, whichever way they are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from frozen_frames import silent_freezer
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from ros_client import Client
from ros_processes import wait_until
from std_msgs.msg import Float32MultiArray, Header, String
from vision_msgs.msg import Detection2DArray

from ml_integration.core.contracts import Topic
from ml_integration.core.datatypes import (
    ModelDescription,
    ModelIdentity,
    Prediction,
    TensorSpec,
    Verdict,
)
from ml_integration.ops.detections import Detections
from ml_integration.ros.inference.result_publisher import ResultPublisher
from ml_integration.ros.inference.streams import announce_task, make_stream
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.node import qos
from ml_integration.serving.watching import Watching
from ml_integration.serving.witness import Witness
from ml_integration.tasks.object_detection import ObjectDetection

NAMES = st.text(st.characters(exclude_characters='\0', exclude_categories=('Cs',)), max_size=12)


def detector(labels: tuple[str, ...]) -> ObjectDetection:
    images = TensorSpec('images', 'float32', (1, 3, 64, 64))
    output = TensorSpec('detections', 'float32', (1, 16, 5 + len(labels)))
    pictures = {'images': (64, 64)}
    model = ModelDescription(ModelIdentity('m', 1), labels, (images,), (output,), pictures)
    return ObjectDetection(ObjectDetection.Settings(decoder='yolo'), model)


def prediction(
    count: int, classes: int, seed: int = 0, stamp_ns: int = 0, rotated: bool = False
) -> Prediction:
    random = np.random.default_rng(seed)
    found = Detections(
        np.sort(random.random((count, 2, 2)) * 64, axis=1).reshape(count, 4).astype(np.float32),
        random.random(count, np.float32),
        random.integers(0, classes, count, np.int32),
        count,
        (random.random(count, np.float32) - np.float32(0.5)) * 3 if rotated else None,
    )
    return Prediction(stamp_ns, 'eye', {}, ModelIdentity('m', 1), found, Verdict(), {})


def stamped(frame_id: str, sec: int = 5, nanosec: int = 77) -> Header:
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = sec, nanosec
    return header


@given(
    labels=st.lists(NAMES, min_size=1, max_size=5),
    frame_id=NAMES,
    sec=st.integers(-(2**31), 2**31 - 1),
    nanosec=st.integers(0, 2**32 - 1),
    count=st.integers(0, 9),
    seed=st.integers(0, 99),
    tracked=st.booleans(),
    rotated=st.booleans(),
)
def test_serialized_detections_are_those_of_the_typed_message(
    labels: list[str],
    frame_id: str,
    sec: int,
    nanosec: int,
    count: int,
    seed: int,
    tracked: bool,
    rotated: bool,
) -> None:
    task, found = detector(tuple(labels)), prediction(count, len(labels), seed, rotated=rotated)
    if tracked:
        ids = np.array([0, 7, 123, 1234, 12345, 6, 99999, 0, 1][:count], np.int64)
        found = replace(found, result=replace(found.result, ids=ids))
    header = stamped(frame_id, sec, nanosec)
    ((topic, message),) = task.encode(found, header, message_type)
    ((same_topic, serialized),) = task.serialize(found, header)
    assert topic == same_topic == 'detections'
    assert deserialize_message(serialized, Detection2DArray) == message
    assert len(serialized) == len(serialize_message(message))


@pytest.fixture
def client(ros_domain: int) -> Iterator[Client]:
    with closing(Client()) as client:
        yield client


class Outdated(ObjectDetection):
    """Knows another version of the message."""

    def serialize(self, prediction: Prediction, header: Any) -> Iterator[tuple[str, bytes]]:
        return super().serialize(prediction, stamped('of another field'))


@pytest.mark.parametrize('kind', [ObjectDetection, Outdated])
def test_what_arrives_is_right_even_if_the_message_is_defined_differently_here(
    client: Client, kind: type[ObjectDetection]
) -> None:
    usual = detector(('cat', 'dog'))
    task = kind(usual._settings, usual._model)
    with ExitStack() as resources:
        publisher = ResultPublisher(client.node, task.topics, resources)
        (topic,) = publisher.topic_names
        results = client.collect(Detection2DArray, topic)
        wait_until(lambda: client.node.count_subscribers(topic), 'the subscription')
        expected = [
            prediction(count, 2, stamp_ns=number * 10**9) for number, count in enumerate((0, 3, 2))
        ]
        for found in expected:
            publisher.publish(task, found)
        arrived = results.wait(len(expected))
    header = stamped('eye')
    typed = [next(iter(task.encode(found, header, message_type)))[1] for found in expected]
    assert [len(message.detections) for message in arrived] == [0, 3, 2]
    for number, (message, want) in enumerate(zip(arrived, typed, strict=True)):
        assert (message.header.frame_id, message.header.stamp.sec) == ('eye', number)
        assert [d.results for d in message.detections] == [d.results for d in want.detections]
        assert [d.bbox for d in message.detections] == [d.bbox for d in want.detections]


class Told:
    """A task that tells its name, once it has one."""

    topics = (Topic('name', 'std_msgs/msg/String', latched=True),)

    def __init__(self, name: str) -> None:
        self.name = name

    def announce(self, messages: Any) -> Iterator[tuple[str, Any]]:
        if not self.name:
            raise ValueError('it has none')
        yield 'name', messages('std_msgs/msg/String')(data=self.name)


def test_what_serves_tells_about_itself_once_and_a_task_that_cannot_costs_a_line(
    client: Client,
) -> None:
    def serving(task: Told) -> Any:
        return SimpleNamespace(
            task=task, topics=Told.topics, picture='', stages={},
            model=SimpleNamespace(identity=f'{task.name}@1'),
            wiring=SimpleNamespace(trigger_topic='image'),
        )  # fmt: skip

    first, other, silent = map(serving, map(Told, ('first', 'other', '')))
    with ExitStack() as resources:
        freezer, witness = silent_freezer(Path(), False), Witness()
        stream = make_stream(client.node, '', first, Watching(()), freezer, witness, resources)
        results: Any = stream.results
        (topic,) = results.topic_names
        told: list[str] = []
        client.node.create_subscription(
            String, topic, lambda message: told.append(message.data), qos.latched()
        )
        expected = ['first', 'other', 'first', 'other']
        left = list(expected)
        for pipeline in (first, other, first, other):
            announce_task(client.node, [stream], silent)
            if left == expected[2:]:  # a frame that had begun before
                results.announce(pipeline.task)
            for _ in range(2):
                announce_task(client.node, [stream], pipeline)
            left.pop(0)
            wait_until(lambda: [*told, *left] == expected, f'what is told, not {told}')


class Numbers:
    """A task whose result is an array, which is neither true nor false."""

    topics = (Topic('numbers', 'std_msgs/msg/Float32MultiArray'),)

    def encode(self, prediction: Prediction, header: Header, messages: Any) -> Any:
        message = messages(self.topics[0].message_type)()
        message.data = prediction.result.tolist()
        yield 'numbers', message

    def serialize(self, prediction: Prediction, header: Header) -> Any:
        ((topic, message),) = self.encode(prediction, header, message_type)
        yield topic, serialize_message(message)

    def telling(self, result: np.ndarray) -> bool:
        return result.size > 0


def test_a_result_that_is_an_array_is_serialized_and_checked_like_any_other(
    client: Client,
) -> None:
    task: Any = Numbers()
    with ExitStack() as resources:
        publisher = ResultPublisher(client.node, task.topics, resources)
        (topic,) = publisher.topic_names
        results = client.collect(Float32MultiArray, topic)
        wait_until(lambda: client.node.count_subscribers(topic), 'the subscription')
        for size in (0, 2, 3):
            numbers = np.arange(size, dtype=np.float32)
            found = Prediction(1, 'eye', {}, ModelIdentity('m', 1), numbers, Verdict(), {})
            publisher.publish(task, found)
        arrived = results.wait(3)
    assert [message.data.tolist() for message in arrived] == [[], [0, 1], [0, 1, 2]]
