"""A model is as good in ROS as in Python: the node against a plain script, over DDS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from inference_processes import NodeUnderTest, image_message, running_node
from model_folders import write_model_folder
from plain_inference import detect
from ros_client import Client
from vision_msgs.msg import Detection2D

from ml_integration.cli.main import main
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render

ROOT = Path(__file__).parents[3]
VIDEO = ROOT / 'dev/data/vtest.avi'
COCO = ROOT / 'models/coco_yolov3_tiny'


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'tiny_detector')
    stretching = {'resize': 'stretch', 'color': 'bgr'}
    write_model_folder(folder, 'stretching', encode=stretching)
    return folder


@pytest.fixture(scope='module')
def node(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    stores = f'{store}:{ROOT / "models"}'
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'),
            client,
            name='/shared',
            model_path=stores,
            deadline_ms=0,
        ) as running,
    ):
        yield running


def blobs(width: int, height: int) -> np.ndarray:
    """Soft spots of color everywhere."""
    small = np.random.default_rng(3).integers(0, 256, (7, 9, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def xyxy(detection: Detection2D) -> np.ndarray:
    center = np.array([detection.bbox.center.position.x, detection.bbox.center.position.y])
    half = np.array([detection.bbox.size_x, detection.bbox.size_y]) / 2
    return np.concatenate([center - half, center + half])


def assert_same(node: NodeUnderTest, folder: Path, picture: np.ndarray, **form: object) -> None:
    expected = detect(folder, picture)
    assert expected, 'a picture without detections shows nothing'
    pixels = picture[..., ::-1] if form.get('encoding') == 'rgb8' else picture
    detections = node.ask(image_message(pixels, **form)).detections
    hypotheses = [detection.results[0].hypothesis for detection in detections]
    assert [h.class_id for h in hypotheses] == [found.label for found in expected]
    np.testing.assert_allclose(
        [h.score for h in hypotheses], [found.score for found in expected], rtol=0, atol=1e-3
    )
    np.testing.assert_allclose(
        [xyxy(d) for d in detections], [found.xyxy for found in expected], rtol=0, atol=0.5
    )


@pytest.mark.parametrize('name', ['tiny_detector', 'stretching'])
@pytest.mark.parametrize(
    'form',
    [
        {'encoding': 'bgr8'},  # as OpenCV has it
        {'encoding': 'rgb8'},  # as most cameras send it
        {'encoding': 'bgr8', 'padding': 13},  # rows end with bytes that are no pixels
    ],
    ids=str,
)
def test_accuracy_in_ros_is_that_in_python(
    node: NodeUnderTest, store: Path, name: str, form: dict[str, object]
) -> None:
    node.serve(model=name)
    assert_same(node, store / name / '1', blobs(101, 77), **form)


def test_ml_model_run_says_what_the_node_publishes(
    node: NodeUnderTest, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [blobs(101, 77), blobs(64, 48)[::-1], blobs(200, 50)]
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f'{number}.png'), picture)
    capsys.readouterr()
    assert main(['run', 'tiny_detector', str(tmp_path), '--store', str(store)]) == 0
    told = [json.loads(line)['results'] for line in capsys.readouterr().out.splitlines()]
    node.serve(model='tiny_detector')
    for picture, rows in zip(pictures, told, strict=True):
        detections = node.ask(image_message(picture)).detections
        hypotheses = [detection.results[0].hypothesis for detection in detections]
        assert rows
        assert [row['label'] for row in rows] == [h.class_id for h in hypotheses]
        assert [row['score'] for row in rows] == [h.score for h in hypotheses]
        edges = [[row[edge] for edge in ('left', 'top', 'right', 'bottom')] for row in rows]
        # The message has centers and sizes.
        np.testing.assert_allclose(edges, [xyxy(d) for d in detections], rtol=0, atol=1e-4)


def committed_models() -> list[Path]:
    return sorted(file.parent for file in (ROOT / 'models').glob('shapes*/*/manifest.yaml'))


@pytest.mark.skipif(not committed_models(), reason='there is no models/shapes*')
def test_accuracy_of_the_models_in_the_package_is_that_in_python(node: NodeUnderTest) -> None:
    for folder in committed_models():
        node.serve(model=f'{folder.parent.name}@{folder.name}')
        picture = render(make_scene(1), 0.0)[..., ::-1]
        assert_same(node, folder, np.ascontiguousarray(picture))


@pytest.mark.skipif(not (COCO / '1/model.onnx').exists(), reason=f'{COCO} is not fetched')
@pytest.mark.skipif(not VIDEO.exists(), reason=f'{VIDEO} is not fetched')
@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8'])
def test_accuracy_on_a_real_video_is_that_in_python(node: NodeUnderTest, encoding: str) -> None:
    decoded, picture = cv2.VideoCapture(str(VIDEO)).read()
    assert decoded
    node.serve(model='coco_yolov3_tiny')
    assert_same(node, COCO / '1', picture, encoding=encoding)
