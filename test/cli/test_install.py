from __future__ import annotations

import json
from pathlib import Path

import pytest
from model_folders import write_model_folder
from signing import KEY_ID, set_manifest, sign_folder, write_keys

from ml_integration.cli.main import main
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_model_folder(tmp_path / 'built', 'm', 2, golden=False)


def test_model_is_installed_where_it_is_looked_for(
    source: Path, tmp_path: Path, capsys: Capture
) -> None:
    target = tmp_path / 'data/ml_integration/models/m/2'
    assert main(['install', str(source)]) == 0
    assert capsys.readouterr().out == f'installed m@2 in {target}, verified by digest\n'
    assert main(['show', 'm']) == 0
    assert str(target) in capsys.readouterr().out
    assert main(['install', str(source)]) == 0
    assert 'm@2 is installed already' in capsys.readouterr().out


def test_install_as_json(source: Path, store: Path, capsys: Capture) -> None:
    main(['install', str(source), '--into', str(store), '--json'])
    assert json.loads(capsys.readouterr().out) == {
        'model': 'm@2',
        'directory': str(store / 'm' / '2'),
        'verified_by': 'digest',
        'new': True,
    }


def test_signature_is_asked_for_where_keys_are_given(
    source: Path, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    arguments = ['install', str(source), '--into', str(store)]
    arguments += ['--trusted-keys', str(write_keys(tmp_path))]
    assert main(arguments) == 1
    assert 'the manifest is not signed' in capsys.readouterr().err
    sign_folder(source)
    assert main(arguments) == 0
    assert f'verified by signature of {KEY_ID}' in capsys.readouterr().out


def test_success_and_refusal_are_in_the_audit_log(
    source: Path, store: Path, state_dir: Path, capsys: Capture
) -> None:
    main(['install', str(source), '--into', str(store)])
    set_manifest(source, description='another')
    main(['install', str(source), '--into', str(store)])
    good, bad = StateDir(state_dir).audit.entries()
    assert (good.actor, good.action, good.model, good.result) == (
        'ml_model', 'install', 'm@2', 'ok',
    )  # fmt: skip
    assert (bad.action, bad.result) == ('install', 'refused')
    assert 'with another manifest.yaml' in bad.reason


def test_installing_the_same_verified_content_ends_its_quarantine(
    source: Path, store: Path, state_dir: Path
) -> None:
    arguments = ['install', str(source), '--into', str(store)]
    assert main(arguments) == 0
    state, digest = StateDir(state_dir), read_manifest(source).digest
    state.update_model_state('m', lambda now: now.with_quarantine(2, digest, 'it was changed'))
    assert main(arguments) == 0
    assert state.model_state('m').quarantined == ()


def test_the_good_content_takes_the_place_of_what_is_quarantined(
    source: Path, store: Path, state_dir: Path, capsys: Capture
) -> None:
    arguments = ['install', str(source), '--into', str(store)]
    assert main(arguments) == 0
    folder = store / 'm/2'
    set_manifest(folder, description='put there by somebody')
    assert main(arguments) == 1
    assert main(['quarantine', 'm@2', '--store', str(store)]) == 0
    assert main(arguments) == 0
    assert read_manifest(folder).digest == read_manifest(source).digest
    assert ModelStore([store], StateDir(state_dir)).find('m@2') == folder
    (left,) = StateDir(state_dir).model_state('m').quarantined
    assert left.digest != read_manifest(source).digest
