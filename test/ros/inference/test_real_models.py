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
NAMES = (
    'mediapipe_face_detector',
    'mediapipe_face_mesh',
    'mediapipe_pose',
    'mediapipe_selfie',
)
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
    soft = node.results(Image, 'alpha')
    node.serve(model='mediapipe_selfie')
    mask = node.ask(image_message(portrait, frame_id='front'), Image, 'mask')
    stamp = stamp_of(mask)
    wait_until(lambda: stamp in map(stamp_of, soft.messages), 'the alpha')
    (alpha,) = (one for one in soft.messages if stamp_of(one) == stamp)
    assert (mask.encoding, mask.width, mask.height) == ('mono8', 512, 512)
    assert mask.header.frame_id == 'front'
    classes = np.frombuffer(mask.data, np.uint8).reshape(512, 512)
    (probability,) = plain('mediapipe_selfie', portrait, 256)
    expected = cv2.resize(probability[0, :, :, 0], (512, 512))
    assert np.mean((classes == 1) != (expected >= 0.5)) < 0.001
    assert (alpha.encoding, alpha.header) == ('32FC1', mask.header)
    seen = np.frombuffer(alpha.data, '<f4').reshape(512, 512)
    np.testing.assert_allclose(seen, expected, atol=1e-3)
    assert ((seen > 0.05) & (seen < 0.95)).any()  # hair is neither hers nor the wall's
    # Face and suit are hers; flag, wall and shuttle are not.
    assert classes[70:150, 185:265].mean() > 0.99 and classes[300:400, 60:270].mean() > 0.95
    assert classes[:200, :100].max() == classes[:250, 350:].max() == 0


def plain_face(picture_bgr: np.ndarray) -> tuple[float, np.ndarray]:
    """Score of the best face, and edges of its box and six points as x, y [px], (8, 2)."""
    height, width = picture_bgr.shape[:2]
    scale = 128 / max(width, height)
    resized = cv2.resize(picture_bgr, (round(width * scale), round(height * scale)))
    left, top = (128 - resized.shape[1]) // 2, (128 - resized.shape[0]) // 2
    canvas = np.zeros((128, 128, 3), np.float32)
    canvas[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    session = onnxruntime.InferenceSession(
        str(MODELS / 'mediapipe_face_detector/1/model.onnx'), providers=['CPUExecutionProvider']
    )
    numbers, logits = session.run(None, {'input': canvas[None, :, :, ::-1] / 127.5 - 1})
    best = int(logits.argmax())
    # Two anchors for each of 16 x 16 cells, then six for each of 8 x 8.
    cell, side, stride = (best // 2, 16, 8) if best < 512 else ((best - 512) // 6, 8, 16)
    middle = (np.array((cell % side, cell // side)) + 0.5) * stride
    center, size, *points = numbers[0, best].reshape(8, 2)
    low, high = center - size / 2, center + size / 2
    places = (np.array([low, high, *points]) + middle - (left, top)) / scale
    return 1 / (1 + np.exp(-float(logits.max()))), places


@pytest.mark.parametrize('rows', [512, 300], ids=['square', 'wide'])
def test_a_face_is_found_with_six_points(
    node: NodeUnderTest, portrait: np.ndarray, rows: int
) -> None:
    picture = np.ascontiguousarray(portrait[:rows])
    found, points = seen_points(node, 'mediapipe_face_detector', picture)
    score, expected = plain_face(picture)
    (detection,) = found.detections
    hypothesis = detection.results[0].hypothesis
    assert (hypothesis.class_id, hypothesis.score) == ('face', pytest.approx(score, abs=1e-3))
    center, box = detection.bbox.center.position, detection.bbox
    edges = [
        (center.x - box.size_x / 2, center.y - box.size_y / 2),
        (center.x + box.size_x / 2, center.y + box.size_y / 2),
    ]
    np.testing.assert_allclose(edges, expected[:2], atol=0.5)
    assert points.shape == (1, 6, 3) and (points[..., 2] == 1).all()
    np.testing.assert_allclose(points[0, :, :2], expected[2:], atol=0.5)
    assert np.abs(points[0, [0, 1, 3], :2] - EYES_MOUTH).max() < 8
    if rows == 512:  # what MediaPipe itself says of this picture
        np.testing.assert_allclose(edges, [(177.6, 82.9), (272.9, 178.2)], atol=4)


def test_where_no_face_is_none_is_found(node: NodeUnderTest, portrait: np.ndarray) -> None:
    suit = np.ascontiguousarray(portrait[300:480, 60:240])
    found, points = seen_points(node, 'mediapipe_face_detector', suit)
    assert not found.detections and points.size == 0


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
    # The network wants room for the whole body, also where the picture ends.
    left, top, side = 144, 40, 800
    roomy = np.zeros((side, side, 3), np.uint8)
    roomy[top : top + 512, left : left + 512] = portrait
    found, points = seen_points(node, 'mediapipe_pose', roomy)
    joints, presence, *_ = plain('mediapipe_pose', roomy, 256)
    (detection,) = found.detections
    assert detection.results[0].hypothesis.class_id == 'person'
    assert detection.results[0].hypothesis.score == pytest.approx(presence.item(), abs=1e-3)
    expected = joints.reshape(39, 5)[:33]
    np.testing.assert_allclose(points[0, :, :2], expected[:, :2] * side / 256, atol=0.3)
    np.testing.assert_allclose(points[0, :, 2], 1 / (1 + np.exp(-expected[:, 3])), atol=1e-3)
    eyes = points[0, [5, 2], :2] - (left, top)
    assert np.abs(eyes - EYES_MOUTH[:2]).max() < 15
    # She wears a wide collar and is shown down to her waist.
    right_shoulder, left_shoulder = points[0, [12, 11], :2] - (left, top)
    assert 70 < right_shoulder[0] < 150 and 270 < left_shoulder[0] < 350
    assert points[0, 11:13, 2].min() > 0.9 > points[0, 25:27, 2].max()
