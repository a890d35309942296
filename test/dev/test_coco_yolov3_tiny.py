"""The real detector: its package is consistent, and it finds what is in real pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
import yaml
from numpy.typing import NDArray

from dev.models import fetch
from dev.models.errors import FetchError
from dev.models.golden import INPUT_WH, letterboxed
from dev.models.packages import CFG, DETECTOR, WEIGHTS
from dev.models.registry import cache_folder

FOLDER = fetch.MODEL_FOLDER
MODEL = FOLDER / 'model.onnx'
LABELS = (FOLDER / 'labels.txt').read_text(encoding='utf-8').splitlines()

needs_model = pytest.mark.skipif(
    not MODEL.is_file(), reason='no model.onnx yet: python -m dev.models.fetch'
)


@pytest.fixture(scope='module')
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(MODEL), providers=['CPUExecutionProvider'])


@pytest.fixture(scope='module')
def manifest() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / 'manifest.yaml').read_text('utf-8'))
    return content


def video_frame(number: int) -> NDArray[np.uint8]:
    """Frame of the demo video, (576, 768, 3) uint8 BGR."""
    try:
        path = fetch.demo_video()
    except FetchError as error:
        pytest.skip(str(error))
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_POS_FRAMES, number)
    good, frame = capture.read()
    assert good
    return np.asarray(frame, np.uint8)


def found(session: onnxruntime.InferenceSession, frame: NDArray[np.uint8]) -> list[str]:
    """Labels of what scores above 0.5, after class-wise suppression of overlaps."""
    images = letterboxed(frame).astype(np.float32) / 255
    (rows,) = session.run(None, {'images': images})[0]
    scores = rows[:, 5:] * rows[:, 4:5]
    classes, best = scores.argmax(axis=1), scores.max(axis=1)
    corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], axis=1)
    kept = cv2.dnn.NMSBoxes((corners + 1e4 * classes[:, None]).tolist(), best.tolist(), 0.5, 0.45)
    return sorted(LABELS[classes[index]] for index in np.ravel(kept))


def test_committed_files_are_what_the_manifest_says(manifest: dict[str, Any]) -> None:
    for name in ('labels.txt', 'golden.npz'):
        content = (FOLDER / name).read_bytes()
        pin = manifest['files'][name]
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (pin['sha256'], pin['size'])


def test_the_package_is_where_its_manifest_says(manifest: dict[str, Any]) -> None:
    assert FOLDER.parts[-2:] == (manifest['name'], str(manifest['version']))
    assert len(LABELS) == len(set(LABELS)) == manifest['outputs'][0]['shape'][2] - 5


def test_the_golden_sample_is_small() -> None:
    assert (FOLDER / 'golden.npz').stat().st_size < 700_000


@needs_model
def test_the_model_reproduces_its_golden_sample(session: onnxruntime.InferenceSession) -> None:
    golden = np.load(FOLDER / 'golden.npz', allow_pickle=False)
    images = golden['input.images'].astype(np.float32) / golden['input_divisor']
    (detections,) = session.run(None, {'images': images})
    np.testing.assert_allclose(
        detections.ravel()[golden['output_indices.detections']],
        golden['output.detections'],
        rtol=float(golden['rtol']),
        atol=float(golden['atol']),
    )


@needs_model
def test_the_golden_sample_sees_a_person(session: onnxruntime.InferenceSession) -> None:
    golden = np.load(FOLDER / 'golden.npz', allow_pickle=False)
    images = golden['input.images'].astype(np.float32) / golden['input_divisor']
    (rows,) = session.run(None, {'images': images})[0]
    assert (rows[:, 5 + LABELS.index('person')] * rows[:, 4]).max() > 0.6
    # The bars above and below the picture are part of what is proven.
    assert (golden['input.images'][..., 0, :] == 128).all()


@needs_model
def test_the_model_takes_and_gives_what_the_manifest_says(
    session: onnxruntime.InferenceSession, manifest: dict[str, Any]
) -> None:
    for values, entries in (
        (session.get_inputs(), manifest['inputs']),
        (session.get_outputs(), manifest['outputs']),
    ):
        assert [(value.name, value.shape) for value in values] == [
            (entry['tensor'], entry['shape']) for entry in entries
        ]


@needs_model
def test_people_and_vehicles_of_a_real_frame_are_found(
    session: onnxruntime.InferenceSession,
) -> None:
    labels = found(session, video_frame(600))
    assert labels.count('person') == 6
    assert 'car' in labels


@needs_model
def test_boxes_lie_on_the_person(session: onnxruntime.InferenceSession) -> None:
    images = letterboxed(video_frame(600)).astype(np.float32) / 255
    (rows,) = session.run(None, {'images': images})[0]
    best = rows[(rows[:, 4] * rows[:, 5]).argmax()]
    assert best[:4] == pytest.approx([354.8, 243.3, 17.2, 61.9], abs=3)
    assert (best[:2] < INPUT_WH).all()


def test_the_masks_are_put_right_at_conversion() -> None:
    path: Path = cache_folder() / f'{DETECTOR.name}-{DETECTOR.version}' / Path(CFG.path).name
    if not path.is_file():
        pytest.skip(f'{path} has not been fetched yet')
    cfg = path.read_text(encoding='utf-8')
    assert cfg.count('mask = 0,1,2') == 1
    assert cfg.index('mask = 3,4,5') < cfg.index('mask = 0,1,2')
    assert fetch.HEAD_MASKS == {1: '1,2,3'}


def test_the_pinned_weights_hold_every_float_of_the_network() -> None:
    assert (WEIGHTS.size - 20) // 4 == 8_858_734
