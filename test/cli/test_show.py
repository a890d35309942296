from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_integration.cli.main import main

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


def test_show_says_what_the_manifest_says(
    model_folder: ModelFolder, store: Path, capsys: Capture
) -> None:
    folder = model_folder('good', 3, golden=False)
    assert main(['show', 'good', '--store', str(store)]) == 0
    out = capsys.readouterr().out
    for words in ('good@3', str(folder), 'CC0-1.0', 'images: float32[1, 3, 64, 64] from image'):
        assert words in out


def test_show_as_json_holds_every_key(
    model_folder: ModelFolder, store: Path, capsys: Capture
) -> None:
    model_folder('good', 3, golden=False)
    main(['show', 'good@3', '--json', '--store', str(store)])
    shown = json.loads(capsys.readouterr().out)
    assert shown['model'] == 'good@3'
    assert shown['sha256'] == shown['files']['model.onnx']['sha256']
    assert shown['inputs'] == [
        {'tensor': 'images', 'kind': 'image', 'topic': 'image', 'dtype': 'float32',
         'shape': [1, 3, 64, 64]}
    ]  # fmt: skip
    assert shown['trigger'] == 'images'
    assert shown['settings'] == {'decoder': 'yolo'}


@pytest.mark.parametrize('reference', ['{folder}', '.', './'])
def test_model_may_be_a_folder(
    model_folder: ModelFolder, reference: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder('good', 3, golden=False)
    monkeypatch.chdir(folder)
    assert main(['show', reference.format(folder=folder)]) == 0
    assert 'good@3' in capsys.readouterr().out


def test_folder_in_the_current_directory_needs_no_separator(
    model_folder: ModelFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model_folder('good', 3, golden=False).parent)
    assert main(['show', '3']) == 0
    assert 'good@3' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('reference', 'words'),
    [
        ('missing', "no model 'missing'"),
        ('Bad Name', 'expected name, name@3, name@latest or name@previous'),
        (f'no{os.sep}folder', f'ml_model: no{os.sep}folder: there is no such folder'),
    ],
)
def test_what_is_not_there_is_one_sentence(
    store: Path, reference: str, words: str, capsys: Capture
) -> None:
    assert main(['show', reference, '--store', str(store)]) == 1
    out, errors = capsys.readouterr()
    assert out == ''
    assert words in errors
    assert errors.count('\n') == 1
