"""MediaPipe's networks without a word about them are read as their manifests say."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import yaml

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.outputs import read_outputs

ROOT = Path(__file__).parents[2]
PORTRAIT = ROOT / 'dev/data/astronaut.png'
LEARNED = ('points', 'points_options', 'keypoint_names', 'skeleton')
"""Settings that follow from the network; thresholds are a person's choice."""


@pytest.mark.skipif(not PORTRAIT.exists(), reason=f'{PORTRAIT} is not fetched')
@pytest.mark.parametrize('name', ['mediapipe_face_mesh', 'mediapipe_pose'])
def test_points_of_a_network_are_read_as_its_manifest_says(name: str) -> None:
    folder = ROOT / 'models' / name / '1'
    if not (folder / 'model.onnx').exists():
        pytest.skip(f'{name} is not fetched')
    session = onnxruntime.InferenceSession(str(folder / 'model.onnx'))
    (wanted,) = session.get_inputs()
    picture = cv2.resize(cv2.imread(str(PORTRAIT)), tuple(wanted.shape[1:3]))
    seen = picture[None, :, :, ::-1].astype(np.float32) / 255
    outputs = [TensorSpec(one.name, 'float32', tuple(one.shape)) for one in session.get_outputs()]
    values = session.run(None, {wanted.name: seen})
    runs = [dict(zip([spec.name for spec in outputs], values, strict=True))]
    given = [TensorSpec(wanted.name, 'float32', tuple(wanted.shape))]
    best = read_outputs(given, outputs, Claims(()), runs).fits[0]
    manifest = yaml.safe_load((folder / 'manifest.yaml').read_text('utf-8'))
    assert best.task == manifest['task'] and best.sure
    expected = {key: manifest['settings'][key] for key in LEARNED if key in manifest['settings']}
    assert {key: best.settings[key] for key in LEARNED if key in best.settings} == expected
    assert [spec.name for spec in best.outputs] == [one['tensor'] for one in manifest['outputs']]
