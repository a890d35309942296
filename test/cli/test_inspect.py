from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import onnx
import onnx_models
import pytest

from ml_integration.cli.main import main
from ml_integration.store.package.manifest import parse_manifest
from ml_integration.store.package.package import read_package

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / 'My Detector (2).onnx'
    path.write_bytes(onnx_models.tiny_detector())
    return path


def test_inspect_says_what_a_model_is(file: Path, capsys: Capture) -> None:
    assert main(['inspect', str(file)]) == 0
    out = capsys.readouterr().out
    for words in (
        f'{file.stat().st_size} bytes',
        hashlib.sha256(file.read_bytes()).hexdigest(),
        'IR version 8, opset onnx 17',
        'producer    test',
        'images: float32[1, 3, 64, 64]',
        'detections: float32[1, 16, 8]',
        'CPUExecutionProvider',
        'runs here   yes, ',
        'a guess: ',
    ):
        assert words in out


def test_proposed_manifest_is_valid_for_a_file_of_any_name(file: Path, capsys: Capture) -> None:
    assert main(['inspect', str(file), '--manifest-only']) == 0
    manifest = parse_manifest(capsys.readouterr().out.encode(), Path('manifest.yaml'))
    assert (manifest.name, manifest.version, manifest.model) == ('my_detector_2', 1, 'model.onnx')
    assert manifest.settings['decoder']


def test_proposed_manifest_makes_a_package_of_a_folder_in_a_store(
    store: Path, capsys: Capture
) -> None:
    folder = store / 'shades' / '4'
    folder.mkdir(parents=True)
    (folder / 'model.onnx').write_bytes(onnx_models.classifier())
    (folder / 'labels.txt').write_text('red\ngreen\nblue\n')
    assert main(['inspect', str(folder / 'model.onnx'), '--manifest-only']) == 0
    (folder / 'manifest.yaml').write_text(capsys.readouterr().out)
    package = read_package(folder)
    assert str(package.manifest.identity) == 'shades@4'
    assert package.manifest.task == 'classification'
    assert package.labels == ('red', 'green', 'blue')
    assert main(['check', str(folder)]) == 0


def test_inspect_as_json(file: Path, capsys: Capture) -> None:
    assert main(['inspect', str(file), '--json']) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown['opsets'] == {'': 17}
    assert shown['inputs'] == ['images: float32[1, 3, 64, 64]']
    assert shown['runs_here'].startswith('yes, ')
    assert parse_manifest(shown['manifest'].encode(), Path('manifest.yaml')).version == 1


def test_model_that_fails_when_it_runs_is_still_shown(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / 'pairs.onnx'
    file.write_bytes(onnx_models.pairs_of_rows())  # one row of zeros is no pair
    assert main(['inspect', str(file)]) == 0
    out, errors = capsys.readouterr()
    assert 'runs here   no: ' in out
    assert 'no manifest can be proposed: ' in errors and 'looks like a picture' in errors


def test_what_no_task_reads_is_shown_without_a_manifest(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / 'flow.onnx'
    file.write_bytes(onnx_models.optical_flow())
    assert main(['inspect', str(file)]) == 0
    out, errors = capsys.readouterr()
    assert 'output      flow: float32[1, 2, 32, 48]' in out
    assert 'no manifest can be proposed: ' in errors
    assert 'looks like optical flow; no task here reads it yet' in errors
    assert main(['inspect', str(file), '--json']) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown['manifest'] == ''
    assert 'optical flow' in shown['refusal']
    assert main(['inspect', str(file), '--manifest-only']) == 1
    assert 'optical flow' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (None, 'there is no such file or folder'),
        (b'', 'the file is empty'),
        (onnx_models.tiny_detector()[:-9], 'no ONNX model, or it was cut off'),
        (onnx_models.identity(opset=999), 'newer ONNX'),
    ],
)
def test_file_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, content: bytes | None, words: str, capsys: Capture
) -> None:
    file = tmp_path / 'model.onnx'
    if content is not None:
        file.write_bytes(content)
    assert main(['inspect', str(file)]) == 1
    out, errors = capsys.readouterr()
    assert out == ''
    assert words in errors
    assert errors.count('\n') == 1


def test_an_edited_manifest_is_compared_and_stays(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder('m', 3, encode={'color': 'bgr'})
    before = (folder / 'manifest.yaml').read_bytes()
    assert main(['inspect', str(folder / 'model.onnx')]) == 0
    out = capsys.readouterr().out
    assert 'is there and stays as it is' in out
    assert 'inputs.images.encode.color: bgr there, rgb proposed' in out
    assert 'Proposed manifest' not in out
    assert (folder / 'manifest.yaml').read_bytes() == before


@onnx_models.takes_external_weights
def test_weights_beside_a_file_are_found(tmp_path: Path, capsys: Capture) -> None:
    model = onnx.load_from_string(onnx_models.tiny_detector())
    file = tmp_path / 'best.onnx'
    onnx.save_model(
        model, str(file), save_as_external_data=True, location='b.data', size_threshold=100
    )
    assert main(['inspect', str(file), '--json']) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown['weights'] == ['b.data']
    assert 'b.data' in parse_manifest(shown['manifest'].encode(), Path('manifest.yaml')).files


def test_what_is_not_known_is_named_with_the_flags_that_say_it(
    file: Path, capsys: Capture
) -> None:
    assert main(['inspect', str(file)]) == 0
    out = capsys.readouterr().out
    assert 'open        Nothing in the export says how a picture becomes a tensor' in out
    assert '--set encode.color=bgr' in out
