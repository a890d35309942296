"""`ml_model pin`: the author of a package pins it again after an edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx_models
import pytest

from ml_integration.cli.main import main
from ml_integration.errors import IntegrityError
from ml_integration.store.package.package import read_package
from ml_integration.store.package.repinning import repinned

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]
CONTENTS = {'model.onnx': b'model', 'odd name: x.txt': b'x'}


def test_edited_labels_are_pinned_again(model_folder: ModelFolder, capsys: Capture) -> None:
    folder = model_folder()
    (folder / 'labels.txt').write_text('rouge\nvert\nbleu\n')
    with pytest.raises(IntegrityError) as caught:
        read_package(folder)
    assert f'ml_model pin {folder}' in str(caught.value)
    assert 'signature' not in str(caught.value)
    assert main(['pin', str(folder)]) == 0
    assert read_package(folder).labels == ('rouge', 'vert', 'bleu')
    assert 'it loads and runs' in capsys.readouterr().out


def test_a_new_file_of_labels_is_pinned_too(model_folder: ModelFolder) -> None:
    folder = model_folder(labels=())
    (folder / 'labels.txt').write_text('red\ngreen\nblue\n')
    manifest = folder / 'manifest.yaml'
    manifest.write_text(f'{manifest.read_text()}labels: labels.txt\n')
    assert main(['pin', str(folder)]) == 0
    assert read_package(folder).labels == ('red', 'green', 'blue')


def test_another_model_with_an_old_golden_sample_is_refused_unchanged(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder()
    before = (folder / 'manifest.yaml').read_bytes()
    (folder / 'model.onnx').write_bytes(onnx_models.tiny_detector(spoiled=True))
    assert main(['pin', str(folder)]) == 1
    assert 'its golden sample is of the old one' in capsys.readouterr().err
    assert (folder / 'manifest.yaml').read_bytes() == before


def test_a_signature_has_to_be_made_anew(
    model_folder: ModelFolder, tmp_path: Path, capsys: Capture
) -> None:
    folder = model_folder()
    main(['keygen', str(tmp_path / 'signer')])
    assert main(['sign', str(folder), '--key', str(tmp_path / 'signer.private.pem')]) == 0
    (folder / 'labels.txt').write_text('rouge\nvert\nbleu\n')
    with pytest.raises(IntegrityError, match='sign it anew'):
        read_package(folder)
    assert main(['pin', str(folder)]) == 0
    assert f'ml_model sign {folder}' in capsys.readouterr().err


def test_an_installed_version_is_not_changed(
    model_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = model_folder()
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(folder.parents[1]))
    (folder / 'labels.txt').write_text('rouge\nvert\nbleu\n')
    with pytest.raises(IntegrityError, match='Install the model again'):
        read_package(folder)
    assert main(['pin', str(folder)]) == 1
    assert 'an installed version never changes' in capsys.readouterr().err


def test_a_link_is_no_file_of_a_package(model_folder: ModelFolder, capsys: Capture) -> None:
    folder = model_folder()
    (folder / 'more.txt').symlink_to('labels.txt')
    assert main(['pin', str(folder)]) == 1
    assert 'links: more.txt' in capsys.readouterr().err


def test_a_folder_without_a_manifest_is_a_sentence(tmp_path: Path, capsys: Capture) -> None:
    assert main(['pin', str(tmp_path)]) == 1
    assert 'ml_model new' in capsys.readouterr().err


@pytest.mark.parametrize(
    'files',
    [
        'files: {}   # to be filled in\n',
        'files:\n  a.onnx: {sha256: x, size: 1}\n  b.txt:\n    sha256: y\n    size: 2\n',
        'files: {a.onnx: {sha256: x,\n    size: 1}}\n',
        '',
    ],
)
def test_comments_and_all_other_keys_stay(files: str) -> None:
    before, after = '# mine\nname: m  # why\n', '\n# about the task\ntask: tensor\n'
    text = repinned(f'{before}{files}{after}'.encode(), CONTENTS, Path('m.yaml')).decode()
    assert text.startswith(before)
    assert text.count('files:') == 1
    assert '# about the task\ntask: tensor\n' in text
    assert "'odd name: x.txt': {sha256: " in text


def test_an_empty_package_has_nothing_to_pin_yet(tmp_path: Path, capsys: Capture) -> None:
    assert main(['new', 'object_detection', 'walls', '--into', str(tmp_path)]) == 0
    assert main(['pin', str(tmp_path / 'walls' / '1')]) == 1
    assert 'there is nothing to pin beside the manifest yet' in capsys.readouterr().err
