"""The models of our own for masks, turned boxes and depth find what is drawn, over DDS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from inference_processes import NodeUnderTest, image_message, running_node
from ros_client import Client
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification, Detection2DArray

from dev.training.rooms.scenes import make_room, render_room
from dev.training.slender.scenes import LABELS, TIME_S, make_slender_scene, slender_truth
from ml_integration.demos.scenes import render
from ml_integration.ops.rotated_boxes import rotated_iou_matrix

ROOT = Path(__file__).parents[3]
SCENE = 2


@pytest.fixture(scope='module')
def node(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    """A node on the models of the package."""
    folder = tmp_path_factory.mktemp('log')
    parameters = {'model': 'slender_boxes', 'model_path': ROOT / 'models', 'deadline_ms': 0}
    with (
        closing(Client()) as client,
        running_node(
            folder, client, name='/drawn', sensor_qos='reliable', **parameters
        ) as running,
    ):
        yield running


def scene_message() -> Image:
    return image_message(render(make_slender_scene(SCENE), TIME_S), 'rgb8')


def test_turned_boxes_lie_along_the_shapes(node: NodeUnderTest) -> None:
    node.serve(model='slender_boxes')
    found = node.ask(scene_message(), Detection2DArray).detections
    shown = slender_truth(make_slender_scene(SCENE), TIME_S)
    rows = np.array([
        (box.center.position.x, box.center.position.y, box.size_x, box.size_y, box.center.theta)
        for box in (detection.bbox for detection in found)
    ])  # fmt: skip
    overlap = rotated_iou_matrix(_edges(rows), _edges(shown.turned))
    assert (overlap.max(axis=1) > 0.5).all() and (overlap.max(axis=0) > 0.5).all()
    names = [detection.results[0].hypothesis.class_id for detection in found]
    assert names == [LABELS[shown.class_ids[place]] for place in overlap.argmax(axis=1)]


def test_masks_cover_the_shapes(node: NodeUnderTest) -> None:
    node.serve(model='slender_masks')
    mask = node.ask(scene_message(), Image, 'instance_mask')
    instances = np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.width)
    shown = slender_truth(make_slender_scene(SCENE), TIME_S).instances
    both, either = ((instances > 0) & (shown > 0)).sum(), ((instances > 0) | (shown > 0)).sum()
    assert instances.shape == shown.shape and both > 0.7 * either


def test_the_kinds_of_a_scene_are_named(node: NodeUnderTest) -> None:
    node.serve(model='slender_kinds')
    said = node.ask(scene_message(), Classification, 'classification').results
    shown = slender_truth(make_slender_scene(SCENE), TIME_S).class_ids
    assert {one.class_id for one in said} == {LABELS[number] for number in shown}


def test_depth_of_a_room_is_that_of_its_geometry(node: NodeUnderTest) -> None:
    node.serve(model='rooms_depth')
    picture, true = render_room(make_room(SCENE), (640, 480))
    depth = node.ask(image_message(picture, 'rgb8'), Image, 'depth')
    found = np.frombuffer(depth.data, '<f4').reshape(480, 640)
    assert np.median(np.abs(found - true) / true) < 0.1


def _edges(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upright edges (N, 4) and angles (N,) of center, length, width and angle."""
    half = rows[:, 2:4] / 2
    xyxy = np.concatenate((rows[:, :2] - half, rows[:, :2] + half), axis=1)
    return xyxy.astype(np.float32), rows[:, 4].astype(np.float32)
