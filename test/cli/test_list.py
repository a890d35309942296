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
            'store': str(store),
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


def test_the_active_and_the_latest_version_are_marked(
    model_folder: ModelFolder, store: Path, state_dir: Path, capsys: Capture
) -> None:
    for version in (1, 2):
        model_folder('chosen', version, golden=False)
        model_folder('free', version, golden=False)
    assert main(['activate', 'chosen@1', '--store', str(store)]) == 0
    capsys.readouterr()
    main(['list', '--json', '--store', str(store)])
    states = {row['model']: row['state'] for row in json.loads(capsys.readouterr().out)}
    # What the bare name means: chosen@1 by choice, free@2 as nobody has chosen.
    assert (states['chosen@1'], states['free@1'], states['free@2']) == ('active', '', 'latest')


def test_with_several_stores_each_line_names_its_store(
    model_folder: ModelFolder, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    model_folder('one', 1, golden=False)
    (tmp_path / 'other').mkdir()
    model_folder('two', 1, golden=False).parent.rename(tmp_path / 'other' / 'two')
    main(['list', '--store', str(store), '--store', str(tmp_path / 'other')])
    one, two = capsys.readouterr().out.splitlines()
    assert one.split()[2] == str(store) and two.split()[2] == str(tmp_path / 'other')
