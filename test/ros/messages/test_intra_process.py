"""Pictures inside a process go by reference; outside it they arrive as ever, and once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from container_processes import ContainerUnderTest, running_container
from diagnostic_msgs.msg import DiagnosticArray
from inference_processes import GREEN, RED, squares, stamp_of, value
from model_folders import write_model_folder
from rclpy.node import Node
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from ml_integration.ros.messages.intra_process import ImagePublisher, receive_inside
from ml_integration.ros.messages.reader import record_class
from ml_integration.ros.node import qos
from ml_integration.sensors.image import Image as ImageSensor

PLAYER, DETECTOR = 'ml_integration::VideoPlayer', 'ml_integration::InferenceNode'
ImageRecord = record_class(Image)
INTRA_PROCESS = {'use_intra_process_comms': True}


class Receiver:
    """A node that takes pictures from inside and outside, as an inference node does."""

    def __init__(self, node: Node, topic: str, resources: ExitStack, raw: bool = True) -> None:
        self.messages: list[Any] = []
        callback = receive_inside(node, topic, self.messages.append, resources)
        subscription = node.create_subscription(
            Image, topic, callback, qos.sensor('reliable'), raw=raw
        )
        resources.callback(node.destroy_subscription, subscription)


@pytest.fixture
def client(ros_domain: int) -> Iterator[Client]:
    with closing(Client()) as client:
        yield client


@pytest.fixture
def resources(client: Client) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def header(stamp_ns: int) -> Header:
    stamped = Header(frame_id='eye')
    stamped.stamp.sec, stamped.stamp.nanosec = divmod(stamp_ns, 10**9)
    return stamped


def input_came_as(message: DiagnosticArray, serialized: str, camera: str = '') -> bool:
    inputs = [status for status in message.status if status.name == 'detector: input']
    of = f'{camera}: ' if camera else ''
    return any(
        value(s, f'{of}serialized [bytes]') == serialized
        and value(s, f'{of}rate [Hz]') not in ('', '0.00')
        for s in inputs
    )


def test_the_receiver_gets_the_publishers_own_pixels_which_it_cannot_write_to(
    client: Client, resources: ExitStack
) -> None:
    receiver = Receiver(client.node, 'inside', resources)
    pixels = squares(GREEN)
    ImagePublisher(client.node, 'inside', True, resources).publish(header(7), pixels)
    (message,) = receiver.messages
    assert isinstance(message, ImageRecord)
    frame = ImageSensor(('bgr8',)).decode(message, 7)
    assert np.shares_memory(frame.data, pixels)
    assert (frame.data == pixels).all()
    assert (frame.stamp_ns, frame.frame_id) == (7, 'eye')
    assert not message.data.flags.writeable
    assert not frame.data.flags.writeable


@pytest.mark.parametrize('raw', [True, False])
def test_a_subscriber_outside_gets_it_too_and_the_one_inside_only_once(
    client: Client, resources: ExitStack, raw: bool
) -> None:
    topic = f'both_{raw}'
    receiver = Receiver(client.node, topic, resources, raw)
    publisher = ImagePublisher(client.node, topic, True, resources)
    with closing(Client()) as outside:
        outside_messages = outside.collect(Image, topic)
        wait_until(lambda: client.node.count_subscribers(topic) == 2, 'both subscriptions')
        last = 0

        def arrives() -> bool:
            nonlocal last
            last += 1
            publisher.publish(header(last), squares(GREEN))
            return bool(outside_messages.messages)

        wait_until(arrives, 'a picture outside')
        outside_messages.wait_for(lambda m: stamp_of(m) == last, 'the last picture')
        # What is not stamped is not handed over, and comes after the copies of all others.
        publisher.publish(header(0), squares(GREEN))
        wait_until(
            lambda: not isinstance(receiver.messages[-1], ImageRecord),
            'one by the network',
        )
    assert [m.header.stamp.nanosec for m in receiver.messages[:-1]] == [*range(1, last + 1)]


@pytest.mark.parametrize(
    ('intra_process', 'stamp_ns'),
    [
        (False, 7),  # the publisher was not asked to
        (True, 0),  # without a stamp a copy could not be told from another picture
    ],
)
def test_otherwise_it_comes_over_the_network(
    client: Client, resources: ExitStack, intra_process: bool, stamp_ns: int
) -> None:
    topic = f'network_{intra_process}'
    receiver = Receiver(client.node, topic, resources)
    publisher = ImagePublisher(client.node, topic, intra_process, resources)

    def arrives() -> bool:
        publisher.publish(header(stamp_ns), squares(GREEN))
        return bool(receiver.messages)

    wait_until(arrives, 'a picture')
    assert all(isinstance(message, bytes) for message in receiver.messages)


def test_nothing_is_handed_over_to_who_has_left_or_lives_in_another_context(
    client: Client, resources: ExitStack
) -> None:
    publisher = ImagePublisher(client.node, 'left', True, resources)
    with ExitStack() as own:
        receiver = Receiver(client.node, 'left', own)
    publisher.publish(header(1), squares(GREEN))
    assert receiver.messages == []
    with closing(Client()) as other, ExitStack() as own:
        foreign = Receiver(other.node, 'left', own)
        publisher.publish(header(2), squares(GREEN))
        assert not any(isinstance(message, ImageRecord) for message in foreign.messages)


@pytest.fixture(scope='module')
def container(
    ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContainerUnderTest]:
    folder = tmp_path_factory.mktemp('container')
    with closing(Client()) as client, running_container(folder, client) as running:
        yield running


@pytest.mark.parametrize(
    ('asked_for', 'arrives'),
    [
        (('video_player', 'detector'), '0'),  # both: by reference
        (('detector',), '12340'),  # only one: over the network
    ],
)
def test_a_player_and_a_detector_in_one_container_hand_over_if_both_are_asked_to(
    container: ContainerUnderTest,
    tmp_path: Path,
    asked_for: tuple[str, ...],
    arrives: str,
) -> None:
    write_model_folder(tmp_path, 'tiny')
    cv2.imwrite(str(tmp_path / 'picture.png'), squares(GREEN))
    results = container.client.collect(Detection2DArray, '/detector/detections')
    diagnostics = container.client.collect(DiagnosticArray, '/diagnostics')
    wishes = {
        'video_player': (PLAYER, {'source': str(tmp_path / 'picture.png'), 'rate_hz': 20.0}),
        'detector': (DETECTOR, {'model': 'tiny', 'model_path': str(tmp_path)}),
    }
    for name, (plugin, parameters) in wishes.items():
        extra = INTRA_PROCESS if name in asked_for else {}
        container.load(
            plugin,
            node_name=name,
            parameters={'autostart': True, **parameters},
            extra_arguments=extra,
        )
    try:
        results.wait(5)
        diagnostics.wait_for(lambda message: input_came_as(message, arrives), arrives)
        stamps = [stamp_of(message) for message in results.messages]
        assert len(set(stamps)) == len(stamps)
        assert {len(message.detections) for message in results.messages} == {1}
    finally:
        container.unload_all()


def test_each_camera_of_one_detector_hands_over_to_it(
    container: ContainerUnderTest, tmp_path: Path
) -> None:
    write_model_folder(tmp_path, 'tiny')
    results, colors = {}, {'front': GREEN, 'left': RED}
    for camera, color in colors.items():
        cv2.imwrite(str(tmp_path / f'{camera}.png'), squares(color))
        topic = f'/detector/{camera}/detections'
        results[camera] = container.client.collect(Detection2DArray, topic)
    diagnostics = container.client.collect(DiagnosticArray, '/diagnostics')
    container.load(
        DETECTOR,
        node_name='detector',
        parameters={
            'autostart': True,
            'model': 'tiny',
            'model_path': str(tmp_path),
            'cameras': [*colors],
        },
        extra_arguments=INTRA_PROCESS,
    )
    for camera in colors:
        container.load(
            PLAYER,
            node_name=camera,
            remap_rules=[f'image:={camera}/image'],
            parameters={'autostart': True, 'source': str(tmp_path / f'{camera}.png')},
            extra_arguments=INTRA_PROCESS,
        )
    try:
        for camera, word in (('front', 'green'), ('left', 'red')):
            for message in results[camera].wait(5):
                (detection,) = message.detections
                assert detection.results[0].hypothesis.class_id == word
            diagnostics.wait_for(lambda m, c=camera: input_came_as(m, '0', c), camera)
    finally:
        container.unload_all()


def test_a_damaged_message_from_the_network_reaches_whoever_reads_it(
    client: Client, resources: ExitStack
) -> None:
    messages: list[Any] = []
    callback = receive_inside(client.node, 'inside', messages.append, resources)
    ImagePublisher(client.node, 'inside', True, resources).publish(header(7), squares(GREEN))
    for damaged in (b'', b'\x00\x01\x00\x00\x01', b'\xff' * 64):
        callback(damaged)
        assert messages[-1] == damaged
