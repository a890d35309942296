"""Published models on a real picture over DDS, each against a plain run of its network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from inference_processes import NodeUnderTest, image_message, running_node, stamp_of
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import Image, PointCloud2
from vision_msgs.msg import Detection2DArray

ROOT = Path(__file__).parents[3]
MODELS = ROOT / 'models'
PORTRAIT = ROOT / 'dev/data/astronaut.png'
NAMES = ('mediapipe_face_mesh', 'mediapipe_pose', 'mediapipe_selfie')
FACE = (slice(30, 210), slice(145, 325))
"""Rows and columns of the face with some of what is around it."""
EYES_MOUTH = np.array([(203, 101), (247, 103), (223, 146)])
"""Right eye, left eye and mouth of the portrait [px], chosen by eye."""

pytestmark = [
    pytest.mark.skipif(not path.exists(), reason=f'{path} is not fetched')
    for path in (PORTRAIT, *(MODELS / name / '1/model.onnx' for name in NAMES))
]


@pytest.fixture(scope='module')
def node(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    parameters = {'model_path': MODELS, 'deadline_ms': 0, 'sensor_qos': 'reliable'}
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'), client, name='/people', **parameters
        ) as running,
    ):
        yield running


@pytest.fixture
def portrait() -> np.ndarray:
    return cv2.imread(str(PORTRAIT))


def plain(name: str, picture_bgr: np.ndarray, side: int) -> list[np.ndarray]:
    """What the network gives for a square picture."""
    session = onnxruntime.InferenceSession(
        str(MODELS / name / '1/model.onnx'), providers=['CPUExecutionProvider']
    )
    seen = cv2.resize(picture_bgr, (side, side))[None, :, :, ::-1]
    return session.run(None, {'input_1': seen.astype(np.float32) / 255})


def seen_points(
    node: NodeUnderTest, name: str, picture_bgr: np.ndarray
) -> tuple[Detection2DArray, np.ndarray]:
    """The objects that the node finds, and x, y, score of their points, (N, K, 3)."""
    clouds = node.results(PointCloud2, 'keypoints')
    node.serve(model=name)
    found = node.ask(image_message(picture_bgr))
    stamp = stamp_of(found)
    wait_until(lambda: stamp in map(stamp_of, clouds.messages), 'the points')
    (cloud,) = (one for one in clouds.messages if stamp_of(one) == stamp)
    return found, np.frombuffer(cloud.data, '<f4').reshape(cloud.height, cloud.width, 3)


def test_a_person_is_cut_out_of_her_portrait(node: NodeUnderTest, portrait: np.ndarray) -> None:
    node.serve(model='mediapipe_selfie')
    mask = node.ask(image_message(portrait, frame_id='front'), Image, 'mask')
    assert (mask.encoding, mask.width, mask.height) == ('mono8', 512, 512)
    assert mask.header.frame_id == 'front'
    classes = np.frombuffer(mask.data, np.uint8).reshape(512, 512)
    (probability,) = plain('mediapipe_selfie', portrait, 256)
    expected = cv2.resize(probability[0, :, :, 0], (512, 512)) >= 0.5
    assert np.mean((classes == 1) != expected) < 0.001
    # Face and suit are hers; flag, wall and shuttle are not.
    assert classes[70:150, 185:265].mean() > 0.99 and classes[300:400, 60:270].mean() > 0.95
    assert classes[:200, :100].max() == classes[:250, 350:].max() == 0


def test_points_of_a_face_lie_on_it(node: NodeUnderTest, portrait: np.ndarray) -> None:
    face = np.ascontiguousarray(portrait[FACE])
    found, points = seen_points(node, 'mediapipe_face_mesh', face)
    mesh, presence = plain('mediapipe_face_mesh', face, 192)
    (detection,) = found.detections
    hypothesis = detection.results[0].hypothesis
    assert hypothesis.class_id == 'face'
    assert hypothesis.score == pytest.approx(1 / (1 + np.exp(-presence.item())), abs=1e-3)
    assert points.shape == (1, 468, 3) and (points[..., 2] == 1).all()
    expected = mesh.reshape(468, 3)[:, :2] * 180 / 192
    np.testing.assert_allclose(points[0, :, :2], expected, atol=0.1)
    # Outer and inner corner of each eye, upper and lower lip, as MediaPipe counts them.
    middles = points[0, [(33, 133), (362, 263), (13, 14)], :2].mean(axis=1)
    assert np.abs(middles + np.array((145, 30)) - EYES_MOUTH).max() < 3


def test_where_no_face_fills_the_picture_there_is_none(
    node: NodeUnderTest, portrait: np.ndarray
) -> None:
    suit = np.ascontiguousarray(portrait[300:480, 60:240])
    found, points = seen_points(node, 'mediapipe_face_mesh', suit)
    assert not found.detections and points.size == 0


def test_joints_of_a_body_have_their_places_and_say_which_are_seen(
    node: NodeUnderTest, portrait: np.ndarray
) -> None:
    found, points = seen_points(node, 'mediapipe_pose', portrait)
    joints, presence, *_ = plain('mediapipe_pose', portrait, 256)
    (detection,) = found.detections
    assert detection.results[0].hypothesis.class_id == 'person'
    assert detection.results[0].hypothesis.score == pytest.approx(presence.item(), abs=1e-3)
    expected = joints.reshape(39, 5)[:33]
    np.testing.assert_allclose(points[0, :, :2], expected[:, :2] * 2, atol=0.2)
    np.testing.assert_allclose(points[0, :, 2], 1 / (1 + np.exp(-expected[:, 3])), atol=1e-3)
    left_eye, right_eye = points[0, 2], points[0, 5]
    assert np.abs([right_eye[:2], left_eye[:2]] - EYES_MOUTH[:2]).max() < 15
    shoulders, knees = points[0, 11:13, 2], points[0, 25:27, 2]
    assert shoulders.min() > 0.9 and knees.max() < 0.9  # she is shown down to her waist
