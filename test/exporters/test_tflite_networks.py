"""MediaPipe's networks: as ONNX they give what the TensorFlow Lite interpreter gives."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from dev.models.mediapipe import MODELS
from dev.models.packages import ASTRONAUT, FACE_DETECTION, MEDIAPIPE, PICTURES, Member
from dev.models.registry import members_of
from dev.models.tflite import convert

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get('EXPORTERS_PYTHON', '')
NETWORKS = (FACE_DETECTION, *MODELS.values())
CLOSE = 5e-4
"""Part of the range of an output's values."""

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(not PYTHON, reason="needs exporters' libraries: make test-models"),
]


def seen_at(side: int, whole: bool) -> np.ndarray:
    """The portrait, or the face in it, (1, side, side, 3) RGB 0..1."""
    picture = cv2.imread(str(members_of(PICTURES, print)[ASTRONAUT]))
    part = picture if whole else picture[30:210, 145:325]
    return cv2.resize(part, (side, side))[None, :, :, ::-1].astype(np.float32) / 255


@pytest.mark.parametrize('whole', [True, False])
@pytest.mark.parametrize('network', NETWORKS, ids=lambda one: Path(one.path).stem)
def test_converted_network_gives_what_the_original_gives(
    network: Member, whole: bool, tmp_path: Path
) -> None:
    path = members_of(MEDIAPIPE, print)[network]
    session = onnxruntime.InferenceSession(
        convert(path.read_bytes(), 'converted'), providers=['CPUExecutionProvider']
    )
    (wanted,) = session.get_inputs()
    seen, out = tmp_path / 'seen.npz', tmp_path / 'out.npz'
    np.savez(seen, seen=seen_at(wanted.shape[1], whole))
    # Paths of the ROS wheels are none of this other Python's.
    environment = {
        k: v for k, v in os.environ.items() if k not in ('LD_LIBRARY_PATH', 'PYTHONPATH')
    }
    done = subprocess.run(
        [PYTHON, '-m', 'dev.exporters.tflite_interpreter', path, seen, out],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = [one.name for one in session.get_outputs()]
    with np.load(seen) as given, np.load(out) as expected:
        assert set(expected) == set(outputs)
        results = session.run(outputs, {wanted.name: given['seen']})
        for name, got in zip(outputs, results, strict=True):
            assert got.shape == expected[name].shape
            spread = max(1.0, float(np.ptp(expected[name])))
            np.testing.assert_allclose(got, expected[name], rtol=0, atol=CLOSE * spread)
            assert got.size == 1 or np.ptp(got) > 0.1
