"""MediaPipe's models: their packages are consistent, and they are made of what was published."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import yaml

from dev.models.fetch import STORE
from dev.models.mediapipe import MODELS
from dev.models.mediapipe_golden import SAMPLES
from dev.models.packages import FACE_DETECTION, MEDIAPIPE, Member
from dev.models.registry import cache_folder
from dev.models.tflite import convert

CONVERTED = MODELS | {'mediapipe_face_detector': FACE_DETECTION}
FACE_DETECTOR_SHA256 = '91bbf4fb445281c4c7cfdeb2f52a30661e5e3da252b71988e0fa2899db3472d2'


def folder_of(name: str) -> Path:
    return STORE / name / '1'


def manifest_of(name: str) -> dict[str, Any]:
    text = (folder_of(name) / 'manifest.yaml').read_text('utf-8')
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def session_of(name: str) -> onnxruntime.InferenceSession:
    model = folder_of(name) / 'model.onnx'
    if not model.is_file():
        pytest.skip(f'{model} is not fetched: python -m dev.models.fetch')
    return onnxruntime.InferenceSession(str(model), providers=['CPUExecutionProvider'])


@pytest.mark.parametrize('name', MODELS)
def test_committed_files_are_what_the_manifest_says(name: str) -> None:
    manifest = manifest_of(name)
    assert (manifest['name'], manifest['version']) == (name, 1)
    for file in ('labels.txt', 'golden.npz'):
        content = (folder_of(name) / file).read_bytes()
        pin = manifest['files'][file]
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (pin['sha256'], pin['size'])


@pytest.mark.parametrize('name', MODELS)
def test_the_model_takes_and_gives_what_the_manifest_says(name: str) -> None:
    session, manifest = session_of(name), manifest_of(name)
    (given,) = session.get_inputs()
    assert (given.name, given.shape) == tuple(
        manifest['inputs'][0][key] for key in ('tensor', 'shape')
    )
    shapes = {one.name: one.shape for one in session.get_outputs()}
    for one in manifest['outputs']:
        assert shapes[one['tensor']] == one['shape']


@pytest.mark.parametrize('name', MODELS)
def test_the_model_reproduces_its_golden_sample(name: str) -> None:
    session = session_of(name)
    golden = np.load(folder_of(name) / 'golden.npz', allow_pickle=False)
    (given,) = session.get_inputs()
    pixels = golden[f'input.{given.name}'].astype(np.float32) / golden['input_divisor']
    outputs = SAMPLES[name].outputs
    for output, values in zip(outputs, session.run(outputs, {given.name: pixels}), strict=True):
        np.testing.assert_allclose(
            values.ravel()[golden[f'output_indices.{output}']],
            golden[f'output.{output}'],
            rtol=float(golden['rtol']),
            atol=float(golden['atol']),
        )


@pytest.mark.parametrize(('name', 'network'), CONVERTED.items())
def test_the_published_network_is_converted_to_the_pinned_bytes(
    name: str, network: Member
) -> None:
    cache = cache_folder() / f'{MEDIAPIPE.name}-{MEDIAPIPE.version}'
    path = cache / Path(network.path).name
    if not path.is_file():
        pytest.skip(f'{path} has not been fetched yet')
    digest = hashlib.sha256(convert(path.read_bytes(), name)).hexdigest()
    if name in MODELS:
        assert digest == manifest_of(name)['files']['model.onnx']['sha256']
    else:
        assert digest == FACE_DETECTOR_SHA256
