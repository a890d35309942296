"""Stages of a node: objects keep their numbers and get a place in space."""

from __future__ import annotations

import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
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
from ros_client import Client, Collected
from ros_processes import wait_until
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Detection2D, Detection2DArray, Detection3DArray

from ml_integration.ros.node import qos

ROOT = Path(__file__).parents[3]
VIDEO = ROOT / 'dev/data/vtest.avi'
COCO = ROOT / 'models/coco_yolov3_tiny'
PICTURES, PERIOD_NS = 24, 100_000_000
FOCAL = 80.0
FAR = np.full((64, 64), 4.0)
PICTURE = np.ascontiguousarray(squares(RED, GREEN, BLUE))


@pytest.fixture
def node(tmp_path: Path, ros_domain: int) -> Iterator[NodeUnderTest]:
    write_model_folder(tmp_path / 'store', 'm')
    stores = f'{tmp_path / "store"}:{ROOT / "models"}'
    parameters = {'model_path': stores, 'deadline_ms': 0, 'sensor_qos': 'reliable'}
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


def camera_info(focal: float = FOCAL) -> CameraInfo:
    message = CameraInfo(width=64, height=64, distortion_model='plumb_bob', d=[0.0] * 5)
    message.k = np.array([focal, 0, 31.5, 0, focal, 31.5, 0, 0, 1])
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

    def show(
        self, depth: Image | None, camera: CameraInfo | None, picture: np.ndarray = PICTURE
    ) -> int:
        """Publishes what there is; the depth is older by what its stamp says."""
        stamp_ns = self.node.now_ns()
        older_ns = stamp_of(depth) if depth is not None else 0
        for publisher, message, stamp in (
            (self._depth, depth, stamp_ns - older_ns),
            (self._info, camera, stamp_ns),
            (self.node.feed(), image_message(picture), stamp_ns),
        ):
            if message is not None:
                message = deepcopy(message)
                set_stamp(message, stamp)
                publisher.publish(message)
        return stamp_ns

    def ask(self, depth: np.ndarray) -> tuple[Detection2DArray, Detection3DArray]:
        found: list[tuple[Detection2DArray, Detection3DArray]] = []
        stamps: list[int] = []

        def answered() -> bool:
            if not found:
                stamps.append(self.show(depth_message(depth), camera_info()))
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


def cut(message: Image) -> Image:
    message.data = message.data[:-8]
    return message


def of(frame_id: str, message: Any) -> Any:
    message.header.frame_id = frame_id
    return message


def older(seconds: int, message: Any) -> Any:
    message.header.stamp.sec = seconds
    return message


def test_what_does_not_belong_together_is_counted_and_the_node_serves_on(
    node: NodeUnderTest,
) -> None:
    node.serve(model='m', stages=['lifting'])
    scene, uncalibrated = Scene(node), CameraInfo(width=64, height=64)
    for depth, camera, concern, key, sentence in (
        (depth_message(FAR), None, 'drops', 'displaced', 'they wait in vain for camera_info'),
        (older(9, depth_message(FAR)), camera_info(), 'input', '', 'its stamps are 9.00 s older'),
        (depth_message(FAR[:32]), camera_info(), 'errors', 'failed', 'has another shape'),
        (of('rear', depth_message(FAR)), camera_info(), 'errors', 'failed', "the frame 'rear'"),
        (
            cut(depth_message(FAR)),
            camera_info(),
            'errors',
            'failed',
            'depth: message field',
        ),
        (depth_message(FAR), uncalibrated, 'errors', 'failed', 'camera_info: message field'),
    ):

        def told(status: DiagnosticStatus, d=depth, c=camera, s=sentence, k=key) -> bool:
            scene.show(d, c)
            said = status.message if k != 'failed' else value(status, 'last')
            return s in said and (not k or int(value(status, k)) > 0)

        node.wait_for_status(concern, told, sentence)
    assert node.client.state(node.name) == 'active'
    assert scene.ask(FAR)[1].detections
    scene.show(depth_message(FAR), camera_info(), PICTURE[:1, :1])
    assert scene.ask(FAR)[1].detections


def test_a_camera_info_that_was_published_once_is_heard_by_whoever_comes_later(
    node: NodeUnderTest,
) -> None:
    camera = node.client.node  # whose publishers need not be heard at once
    depth, latched = camera.create_publisher(Image, '/depth', 1), qos.latched()
    lifted = node.results(Detection3DArray, 'detections_3d')

    def across(focal: float) -> bool:
        """Shows a picture; tells whether the last place is that of a focal length."""
        stamp_ns, picture, far = node.now_ns(), image_message(PICTURE), depth_message(FAR)
        for message, publisher in ((far, depth), (picture, node.feed())):
            set_stamp(message, stamp_ns)
            publisher.publish(message)
        found = [one.detections for one in lifted.messages[-1:]]
        return found and found[0][0].bbox.center.position.x == pytest.approx(-8 * 4 / focal)

    before = camera.create_publisher(CameraInfo, '/camera_info', latched)
    before.publish(camera_info(80.0))
    node.serve(model='m', stages=['lifting'])
    wait_until(lambda: across(80.0), 'the camera info of before')
    node.client.destroy(before)
    seldom = camera.create_publisher(CameraInfo, '/camera_info', 1)

    def sent_often(focal: float) -> bool:
        message = camera_info(focal)
        set_stamp(message, node.now_ns())
        seldom.publish(message)
        return across(focal)

    wait_until(lambda: sent_often(40.0), 'one that nobody keeps')
    node.client.destroy(seldom)
    node.serve(model='m', stages=['lifting'])
    after = camera.create_publisher(CameraInfo, '/camera_info', latched)
    after.publish(camera_info(20.0))
    wait_until(lambda: across(20.0), 'one that came after the node')


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


def test_each_camera_has_objects_and_companions_of_its_own(node: NodeUnderTest) -> None:
    node.serve(model='m', cameras=['front', 'rear'], stages=['tracking', 'lifting'])
    count = node.client.node.count_subscribers
    for topic in ('/front/depth', '/rear/depth', '/front/camera_info', '/rear/camera_info'):
        wait_until(lambda t=topic: count(t), f'a subscription to {topic}')
    node.serve(stages=['tracking'])
    seen: dict[str, set[str]] = {'front': set(), 'rear': set()}
    for camera in ('front', 'rear', 'front', 'rear'):
        results = node.results(Detection2DArray, f'{camera}/detections')
        stamp_ns = show(node, f'{camera}/image', PICTURE)
        numbers = set(ids(answer(node, results, stamp_ns).detections))
        assert len(numbers) == 3 and '' not in numbers
        assert seen[camera] in (set(), numbers)
        seen[camera] = numbers
    assert not seen['front'] & seen['rear']


@pytest.mark.skipif(not (COCO / '1/model.onnx').exists(), reason=f'{COCO} is not fetched')
@pytest.mark.skipif(not VIDEO.exists(), reason=f'{VIDEO} is not fetched')
def test_people_in_a_real_video_keep_their_numbers_until_time_jumps_back(
    node: NodeUnderTest,
) -> None:
    node.serve(model='coco_yolov3_tiny', stages=['tracking'])
    results, begin_ns = node.results(), node.now_ns()
    video = cv2.VideoCapture(str(VIDEO))
    pictures = [video.read()[1] for _ in range(PICTURES)]
    told = []
    for number, picture in enumerate(pictures):
        stamp_ns = show(node, 'image', picture, begin_ns + number * PERIOD_NS)
        told.append(answer(node, results, stamp_ns).detections)
    same = [pair for before, now in pairwise(told) for pair in linked(before, now)]
    assert len(same) > 3 * PICTURES
    assert sum(before.id != now.id for before, now in same) <= 1
    pictures_of = Counter(one.id for found in told for one in found if one.id)
    long = [number for number, count in pictures_of.items() if count >= PICTURES * 3 // 4]
    assert len(long) >= 3
    assert all(max(Counter(filter(None, ids(found))).values()) == 1 for found in told)
    again = answer(node, results, show(node, 'image', pictures[0], begin_ns - 10**9))
    assert all(ids(again.detections)) and not set(ids(again.detections)) & set(pictures_of)


def show(node: NodeUnderTest, topic: str, picture: np.ndarray, stamp_ns: int = 0) -> int:
    """Publishes a picture, which arrives; returns its stamp [ns]."""
    feed, message = node.feed(topic), image_message(picture)
    set_stamp(message, stamp_ns or node.now_ns())
    feed.publish(message)
    return stamp_of(message)


def answer(node: NodeUnderTest, results: Collected[Any], stamp_ns: int) -> Detection2DArray:
    def found() -> list[Detection2DArray]:
        return [message for message in results.messages if stamp_of(message) == stamp_ns]

    wait_until(found, f'the result of a picture; the log:\n{node.process.log}')
    return found()[0]


def ids(found: Sequence[Detection2D]) -> list[str]:
    return [one.id for one in found]


def linked(
    before: Sequence[Detection2D], now: Sequence[Detection2D]
) -> Iterator[tuple[Detection2D, Detection2D]]:
    """Yields what is plainly the same: each other's best, half of it shared, and numbered."""
    for first in before:
        second = max(now, key=lambda one: overlap(first, one), default=first)
        mutual = max(before, key=lambda one: overlap(one, second)) is first
        if mutual and overlap(first, second) >= 0.5 and first.id and second.id:
            yield first, second


def overlap(first: Detection2D, second: Detection2D) -> float:
    """Intersection over union; 0 for two classes."""
    if first.results[0].hypothesis.class_id != second.results[0].hypothesis.class_id:
        return 0.0
    shared, boxes = 1.0, (first.bbox, second.bbox)
    for axis, size in (('x', 'size_x'), ('y', 'size_y')):
        ends = [(getattr(box.center.position, axis), getattr(box, size) / 2) for box in boxes]
        shared *= max(0.0, min(c + h for c, h in ends) - max(c - h for c, h in ends))
    return shared / (sum(box.size_x * box.size_y for box in boxes) - shared)
