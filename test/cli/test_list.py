from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_integration.cli.main import main

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


def test_list_shows_models_and_what_is_wrong_with_them(
    model_folder: ModelFolder, store: Path, capsys: Capture
) -> None:
    model_folder('good', 1, golden=False)
    (model_folder('unfetched', 1, golden=False) / 'model.onnx').unlink()
    (store / 'empty' / '1').mkdir(parents=True)
    assert main(['list', '--store', str(store)]) == 0
    empty, good, unfetched = capsys.readouterr().out.splitlines()
    assert empty.startswith('empty@1') and 'there is no manifest.yaml in this folder' in empty
    assert good.split(maxsplit=2) == ['good@1', 'object_detection', 'A model for tests.']
    assert 'incomplete, missing: model.onnx' in unfetched


def test_a_folder_under_a_name_that_no_model_can_have_is_named_with_the_rule(
    model_folder: ModelFolder, store: Path, capsys: Capture
) -> None:
    model_folder('good', 1, golden=False).parent.rename(store / 'My Model')
    (store / '.git/1').mkdir(parents=True)
    assert main(['list', '--store', str(store)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith('My Model') and 'lower-case letters, digits' in line
    assert main(['show', 'My Model', '--store', str(store)]) == 1
    assert 'lower-case letters, digits' in capsys.readouterr().err
    assert main(['prune', '--keep', '1', '--store', str(store)]) == 0
    assert (store / 'My Model/1').is_dir()


def test_list_as_json(model_folder: ModelFolder, store: Path, capsys: Capture) -> None:
    folder = model_folder('good', 1, golden=False)
    main(['list', '--json', '--store', str(store)])
    assert json.loads(capsys.readouterr().out) == [
        {
            'model': 'good@1',
            'state': '',
            'directory': str(folder),
            'task': 'object_detection',
            'description': 'A model for tests.',
            'error': '',
        }
    ]


def test_several_stores_are_listed_together(
    model_folder: ModelFolder, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    model_folder('one', 1, golden=False)
    (tmp_path / 'other').mkdir()
    model_folder('two', 1, golden=False).parent.rename(tmp_path / 'other' / 'two')
    main(['list', '--store', str(store), '--store', str(tmp_path / 'other')])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ['one@1', 'two@1']


def test_stores_come_from_the_environment(
    model_folder: ModelFolder, store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_folder('one', 1, golden=False)
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(store))
    main(['list'])
    assert capsys.readouterr().out.startswith('one@1')


def test_empty_store_says_where_it_looked(store: Path, capsys: Capture) -> None:
    assert main(['list', '--store', str(store)]) == 0
    assert capsys.readouterr().out == f'no models in {store}\n'
