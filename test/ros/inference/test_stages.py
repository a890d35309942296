"""Stages of a node: objects keep their numbers and get a place in space."""

from __future__ import annotations

import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import (
    BLUE,
    GREEN,
    RED,
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    squares,
    stamp_of,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Detection2DArray, Detection3DArray

FOCAL = 80.0
PICTURE = np.ascontiguousarray(squares(RED, GREEN, BLUE))


@pytest.fixture
def node(tmp_path: Path, ros_domain: int) -> Iterator[NodeUnderTest]:
    write_model_folder(tmp_path / 'store', 'm')
    parameters = {'model_path': tmp_path / 'store', 'deadline_ms': 0, 'sensor_qos': 'reliable'}
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name='/stages', **parameters) as running,
    ):
        yield running


def depth_message(meters: np.ndarray) -> Image:
    height, width = meters.shape
    message = Image(height=height, width=width, encoding='32FC1', step=4 * width)
    message.data = array.array('B', meters.astype('<f4').tobytes())
    message.header.frame_id = 'camera'
    return message


def camera_info() -> CameraInfo:
    message = CameraInfo(width=64, height=64, distortion_model='plumb_bob', d=[0.0] * 5)
    message.k = np.array([FOCAL, 0, 31.5, 0, FOCAL, 31.5, 0, 0, 1])
    message.header.frame_id = 'camera'
    return message


class Scene:
    """Publishes a picture, its depth and its camera info under one stamp."""

    def __init__(self, node: NodeUnderTest) -> None:
        self.node = node
        self.flat = node.results(Detection2DArray, 'detections')
        self.lifted = node.results(Detection3DArray, 'detections_3d')
        self._depth = node.client.publisher(Image, '/depth')
        self._info = node.client.publisher(CameraInfo, '/camera_info')
        for publisher in (self._depth, self._info):
            wait_until(publisher.get_subscription_count, 'a subscription')

    def show(self, depth: np.ndarray, camera: CameraInfo | None = None) -> int:
        stamp_ns = self.node.now_ns()
        info = camera or camera_info()
        for publisher, message in (
            (self._depth, depth_message(depth)),
            (self._info, info),
            (self.node.feed(), image_message(PICTURE)),
        ):
            set_stamp(message, stamp_ns)
            publisher.publish(message)
        return stamp_ns

    def ask(self, depth: np.ndarray) -> tuple[Detection2DArray, Detection3DArray]:
        found: list[tuple[Detection2DArray, Detection3DArray]] = []
        stamps: list[int] = []

        def answered() -> bool:
            if not found:
                stamps.append(self.show(depth))
            flat = {stamp_of(m): m for m in self.flat.messages if stamp_of(m) in stamps}
            lifted = {stamp_of(m): m for m in self.lifted.messages}
            found.extend((flat[s], lifted[s]) for s in flat if s in lifted)
            return bool(found)

        wait_until(answered, f'a result in space; the log:\n{self.node.process.log}')
        return found[0]


def test_objects_keep_their_numbers_and_have_the_depth_that_was_measured(
    node: NodeUnderTest,
) -> None:
    node.serve(model='m', stages=['tracking', 'lifting'])
    scene = Scene(node)
    flat, lifted = scene.ask(np.full((64, 64), 4.0))
    again, nearer = scene.ask(np.full((32, 32), 2.0))
    assert len(flat.detections) == len(lifted.detections) == 3
    ids = [one.id for one in flat.detections]
    assert all(ids) and len(set(ids)) == 3
    assert [one.id for one in lifted.detections] == ids
    assert sorted(one.id for one in again.detections) == sorted(ids)
    for box, place, near in zip(
        flat.detections, lifted.detections, nearer.detections, strict=True
    ):
        assert place.header.frame_id == 'camera'
        center = place.bbox.center.position
        assert center.z == pytest.approx(4.0)
        assert near.bbox.center.position.z == pytest.approx(2.0)
        x = (box.bbox.center.position.x - 0.5 - 31.5) / FOCAL * 4.0
        assert center.x == pytest.approx(x, abs=1e-4)
        assert place.bbox.size.x == pytest.approx(box.bbox.size_x / FOCAL * 4.0, rel=1e-4)
        assert place.results[0].hypothesis == box.results[0].hypothesis


def test_what_does_not_belong_together_is_counted_and_the_node_serves_on(
    node: NodeUnderTest,
) -> None:
    node.serve(model='m', stages=['lifting'])
    scene = Scene(node)
    for depth, camera, sentence in (
        (np.full((32, 64), 4.0), None, 'the depth image has another shape than the picture'),
        (np.full((64, 64), 4.0), CameraInfo(width=64, height=64), 'is not calibrated'),
    ):

        def told(status: DiagnosticStatus, d=depth, c=camera, s=sentence) -> bool:
            scene.show(d, c)
            return int(value(status, 'failed')) > 0 and s in value(status, 'last')

        node.wait_for_status('errors', told, sentence)
    assert scene.ask(np.full((64, 64), 4.0))[1].detections


def test_a_topic_that_is_silent_is_named(node: NodeUnderTest) -> None:
    node.serve(model='m', stages=['lifting'])
    feed = node.feed()

    def named(status: object) -> bool:
        message = image_message(PICTURE)
        set_stamp(message, node.now_ns())
        feed.publish(message)
        return 'camera_info' in str(status)

    node.wait_for_status('input', named, 'the topic that is missing')


def test_a_stage_that_does_not_fit_is_refused_with_the_reason(node: NodeUnderTest) -> None:
    for stages, sentence in (
        (['trackin'], "'stages' is not valid"),
        (['point_cloud'], 'Remove point_cloud from the stages'),
    ):
        node.unconfigure()
        node.client.set_parameter(node.name, 'model', 'm')
        node.client.set_parameter(node.name, 'stages', stages)
        assert not node.change('configure')
        assert sentence in node.process.log
