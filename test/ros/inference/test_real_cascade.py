"""Faces of a real picture, and the mesh of each, by two published models in one node over DDS."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from inference_processes import image_message, running_node, stamp_of
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import PointCloud2
from vision_msgs.msg import Detection2D

ROOT = Path(__file__).parents[3]
PORTRAIT = ROOT / 'dev/data/astronaut.png'
FACES, MESH = (
    ROOT / 'models' / name for name in ('mediapipe_face_detector', 'mediapipe_face_mesh')
)
FACE = (slice(30, 210), slice(145, 325))
"""Rows and columns of the face with some of what is around it."""
FEATURES = {'right eye': (33, 133), 'left eye': (362, 263), 'mouth': (13, 14)}
"""Points of the mesh around features of a face."""
PLACES = np.array([(203, 101), (247, 103), (223, 146)]) - (145, 30)
"""The features in the face [px of the part], chosen by eye."""

pytestmark = [
    pytest.mark.skipif(not path.exists(), reason=f'{path} is not fetched')
    for path in (PORTRAIT, FACES / '1/model.onnx', MESH / '1/model.onnx')
]


def two_faces() -> np.ndarray:
    """A face, and a smaller one on its right that reaches over the edges of the picture."""
    face = cv2.imread(str(PORTRAIT))[FACE]
    small = cv2.resize(face, (120, 120), interpolation=cv2.INTER_AREA)
    picture = np.full((180, 290, 3), 127, np.uint8)
    picture[:, :180] = face
    picture[60:, 180:] = small[:, :110]
    return picture


def plain_mesh(picture: np.ndarray, box: Detection2D) -> np.ndarray:
    """What the network alone gives for a face (468, 2), with nothing of this package."""
    center = np.array([box.bbox.center.position.x, box.bbox.center.position.y])
    side = max(1, round(1.5 * max(box.bbox.size_x, box.bbox.size_y)))
    far = cv2.copyMakeBorder(picture, 300, 300, 300, 300, cv2.BORDER_REPLICATE)
    left, top = (round(middle - side / 2) for middle in center)
    crop = far[300 + top : 300 + top + side, 300 + left : 300 + left + side, ::-1]
    session = onnxruntime.InferenceSession(
        str(MESH / '1/model.onnx'), providers=['CPUExecutionProvider']
    )
    tensor = cv2.resize(crop, (192, 192))[None].astype(np.float32) / 255
    points = session.run(['conv2d_21'], {'input_1': tensor})[0].reshape(468, 3)[:, :2]
    return points * side / 192 + (left, top)


def test_each_face_has_the_mesh_that_the_network_gives_for_it_alone(
    tmp_path: Path, ros_domain: int
) -> None:
    picture = two_faces()
    parameters = {'model_path': ROOT / 'models', 'deadline_ms': 0, 'sensor_qos': 'reliable'}
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name='/meshes', **parameters) as node,
    ):
        meshes = node.results(PointCloud2, 'cascade/keypoints')
        node.serve(model=FACES.name, stages=['cascade'], cascade__model=f'{MESH.name}@1')
        found = node.ask(image_message(picture))
        stamp = stamp_of(found)
        wait_until(lambda: stamp in map(stamp_of, meshes.messages), 'the meshes')
        (cloud,) = (one for one in meshes.messages if stamp_of(one) == stamp)
    assert len(found.detections) == cloud.height == 2 and cloud.width == 468
    points = np.frombuffer(cloud.data, '<f4').reshape(2, 468, 3)
    assert np.isfinite(points).all()
    for box, mesh in zip(found.detections, points, strict=True):
        assert np.abs(mesh[:, :2] - plain_mesh(picture, box)).max() < 0.05
        is_small = box.bbox.center.position.x > 180
        scale, offset = (2 / 3, (180, 60)) if is_small else (1, (0, 0))
        expected = PLACES * scale + offset
        features = np.array([mesh[list(pair), :2].mean(axis=0) for pair in FEATURES.values()])
        assert np.abs(features - expected).max() < 6 * scale
