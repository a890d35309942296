from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import hidden_weights
import numpy as np
import onnx_models
import pytest
from model_folders import pin_files, read_manifest_document, write_manifest

from ml_integration.cli.main import main
from ml_integration.deploy.loading import Loader
from ml_integration.errors import ModelLoadError
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.policy import Trust

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


def refusal(folder: Path, capsys: Capture) -> str:
    assert main(['check', str(folder)]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith('ml_model: ')
    assert errors.count('\n') == 1
    return errors


def test_good_package_passes_every_step(model_folder: ModelFolder, capsys: Capture) -> None:
    assert main(['check', str(model_folder())]) == 0
    out, errors = capsys.readouterr()
    manifest, files, pipeline, golden = out.splitlines()
    assert manifest.startswith('ok  manifest: tiny_detector@1, object_detection, onnx')
    assert files.startswith('ok  files: 3 files, ')
    assert pipeline.startswith('ok  pipeline: images: float32[1, 3, 64, 64]; detections:')
    assert 'CPUExecutionProvider' in pipeline
    assert golden == 'ok  golden sample: reproduced'
    assert errors == ''


def test_check_as_json(model_folder: ModelFolder, store: Path, capsys: Capture) -> None:
    model_folder()
    assert main(['check', 'tiny_detector', '--json', '--store', str(store)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown['model'] == 'tiny_detector@1'
    assert [step['step'] for step in shown['steps']] == ['manifest', 'files', 'pipeline']


def test_package_without_a_golden_sample_passes_but_says_so(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    assert main(['check', str(model_folder(golden=False))]) == 0
    assert 'golden sample: none, so its results are unproven' in capsys.readouterr().out


def test_damaged_file_fails_after_the_steps_that_passed(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder()
    (folder / 'labels.txt').write_text('something else')
    assert main(['check', str(folder)]) == 1
    out, errors = capsys.readouterr()
    assert out.startswith('ok  manifest')
    assert 'files' not in out
    assert 'differing: labels.txt' in errors


def test_model_that_computes_something_else_fails_its_golden_sample(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder()
    with np.load(folder / 'golden.npz') as archive:
        arrays = dict(archive)
    arrays['output.detections'] += np.float32(0.5)
    np.savez(folder / 'golden.npz', **arrays)
    pin_files(folder)
    assert "'detections' differs from the golden sample" in refusal(folder, capsys)


def test_model_that_gives_nan_fails_its_golden_sample(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder()
    (folder / 'model.onnx').write_bytes(onnx_models.tiny_detector(spoiled=True))
    pin_files(folder)
    assert 'differs from the golden sample' in refusal(folder, capsys)


@pytest.mark.parametrize(
    ('key', 'value', 'words'),
    [
        ('settings', {'decodr': 'yolo'}, "Did you mean 'decoder'?"),  # misspelled setting
        ('settings', {'score_threshold': 2.0}, "'score_threshold' is not valid; got 2.0"),
        ('task', 'telepathy', "there is no 'telepathy'"),
        ('format', 'abacus', "the engine 'onnx_runtime' opens onnx, the model is abacus"),
        ('settings', {'preprocess': {'color': 'rgb'}}, "move it to its 'encode'"),
        ('outputs', [{'tensor': 'boxes', 'dtype': 'float32', 'shape': [1, 16, 8]}],
         'boxes: float32[1, 16, 8]'),  # not what the file has
    ],
)  # fmt: skip
def test_manifest_that_does_not_fit_the_model_or_the_task_is_refused(
    model_folder: ModelFolder, key: str, value: object, words: str, capsys: Capture
) -> None:
    folder = model_folder()
    write_manifest(folder, {**read_manifest_document(folder), key: value})
    assert words in refusal(folder, capsys)


@pytest.mark.parametrize(
    ('model', 'words'),
    [
        (onnx_models.sequence_output(), "output 'y' is a seq(tensor(float))"),
        (onnx_models.identity(opset=999), 'newer ONNX'),
        (b'no model at all', 'not an ONNX model'),
    ],
)
def test_model_the_engine_refuses_is_explained(
    model_folder: ModelFolder, model: bytes, words: str, capsys: Capture
) -> None:
    folder = model_folder()
    (folder / 'model.onnx').write_bytes(model)
    pin_files(folder)
    assert words in refusal(folder, capsys)


@pytest.mark.parametrize('location', ['../outside/secret.bin', 'weights.bin'])
def test_weights_that_nobody_pinned_are_refused(
    location: str,
    model_folder: ModelFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    folder = model_folder()
    for file in (tmp_path / 'outside/secret.bin', tmp_path / 'here/weights.bin'):
        file.parent.mkdir()
        file.write_bytes(hidden_weights.WEIGHTS.tobytes())
    monkeypatch.chdir(tmp_path / 'here')
    model = hidden_weights.hidden('branch', hidden_weights.external(location))
    (folder / 'model.onnx').write_bytes(model)
    pin_files(folder)
    assert f"'{location}'" in refusal(folder, capsys)
    with pytest.raises(ModelLoadError, match='external weights'):
        Loader().load(read_package(folder, Trust('off')))
