"""A node whose robot compresses its pictures, good ones and bad ones, over DDS."""

from __future__ import annotations

import array
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import cv2
import numpy as np
import pytest
from inference_processes import (
    GREEN,
    RED,
    NodeUnderTest,
    running_node,
    set_stamp,
    squares,
    stamp_of,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

PICTURE = squares(RED, GREEN)


@pytest.fixture(scope='module')
def node(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    folder = tmp_path_factory.mktemp('compressed')
    write_model_folder(folder / 'store', 'm', labels=('tomato', 'lime', 'plum'))
    write_model_folder(folder / 'store', 'm', 2, labels=('red', 'green', 'blue'))
    with (
        closing(Client()) as client,
        running_node(
            folder,
            client,
            *('-r', 'image:=/camera/raw'),
            name='/compressed',
            model_path=folder / 'store',
            deadline_ms=0,
            sensor_qos='reliable',
            image_transport='compressed',
        ) as running,
    ):
        yield running


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()


def jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.jpg', pixels)[1].tobytes()


def bomb() -> bytes:
    """A picture of 10 gigapixels in some hundred bytes."""
    data = bytearray(png(PICTURE))
    data[16:24] = struct.pack('>II', 100_000, 100_000)
    data[29:33] = struct.pack('>I', zlib.crc32(data[12:29]))
    return bytes(data)


class Camera:
    """Publishes compressed pictures, below the topic that the node's input is mapped to."""

    def __init__(self, node: NodeUnderTest) -> None:
        self._node = node
        self._results = node.results(Detection2DArray, 'detections')
        self._publisher = node.client.publisher(CompressedImage, '/camera/raw/compressed')
        wait_until(self._publisher.get_subscription_count, 'the subscription')

    def send(self, data: bytes, what: str = 'png') -> int:
        message = CompressedImage(format=what, data=array.array('B', data))
        message.header.frame_id = 'camera'
        stamp_ns = self._node.now_ns()
        set_stamp(message, stamp_ns)
        self._publisher.publish(message)
        return stamp_ns

    def names(self, data: bytes, what: str = 'png') -> set[str]:
        """Classes that are found in a picture, which is sent once."""
        stamp_ns, found = self.send(data, what), []

        def answered() -> list[Any]:
            found[:] = [one for one in self._results.messages if stamp_of(one) == stamp_ns]
            return found

        wait_until(answered, f'a result; the log:\n{self._node.process.log}')
        return {one.results[0].hypothesis.class_id for one in found[0].detections}


def test_a_bad_picture_costs_itself_and_the_next_good_one_is_served(node: NodeUnderTest) -> None:
    node.serve(model='m@1')
    camera, half = Camera(node), jpeg(np.tile(PICTURE, (4, 4, 1)))
    assert camera.names(png(PICTURE), 'rgb8; png compressed bgr8') == {'tomato', 'lime'}
    for what, data, part in (
        ('jpeg', half[: len(half) // 2], 'a JPEG without its end'),
        ('png', bomb(), 'a picture of 100000 x 100000 pixels'),
        ('h264', png(PICTURE), "got 'h264'; expected 'jpeg' or 'png'"),
        ('16UC1; png compressed ', png(np.ones((4, 4), np.uint16)), 'not colors'),
    ):
        camera.send(data, what)
        status = node.wait_for_status('errors', lambda s, p=part: p in value(s, 'last'), part)
        assert int(value(status, 'failed'))
    assert node.client.state(node.name) == 'active'
    assert camera.names(png(PICTURE[:1, :1])) == set()
    large = np.zeros((4320, 7680, 3), np.uint8)
    large[:, :3840] = GREEN
    assert 'lime' in camera.names(jpeg(large), 'jpeg')
    assert camera.names(png(PICTURE)) == {'tomato', 'lime'}


def test_another_model_and_the_overlay_take_compressed_pictures_as_well(
    node: NodeUnderTest,
) -> None:
    node.serve(model='m@1', raw_subscription=False)
    camera, overlays = Camera(node), node.client.collect(Image, f'{node.name}/overlay')
    assert camera.names(png(PICTURE)) == {'tomato', 'lime'}
    assert node.client.set_parameter(node.name, 'model', 'm@2').successful
    wait_until(lambda: camera.names(png(PICTURE)) == {'red', 'green'}, 'the other model')

    def drawn() -> bool:
        camera.send(png(PICTURE))
        return bool(overlays.messages)

    wait_until(drawn, 'an overlay')
    assert (overlays.messages[-1].width, overlays.messages[-1].height) == (64, 64)


def test_a_transport_that_is_not_there_is_refused_in_a_sentence(node: NodeUnderTest) -> None:
    node.unconfigure()
    refused = node.client.set_parameter(node.name, 'image_transport', 'theora')
    assert not refused.successful
    assert "'image_transport' is not valid; got 'theora'; expected raw, compressed," in (
        refused.reason
    )
    for name, choice in (('model', 'm@1'), ('image_transport', 'lidar:raw')):
        assert node.client.set_parameter(node.name, name, choice).successful
    try:
        assert not node.change('configure')
        expected = "got 'lidar'; expected topics of pictures: image"
        wait_until(lambda: expected in node.process.log, expected)
    finally:
        node.client.set_parameter(node.name, 'image_transport', 'compressed')
