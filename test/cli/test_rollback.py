from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_integration.cli.main import main
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


@pytest.fixture
def state(state_dir: Path, store: Path, model_folder: ModelFolder, capsys: Capture) -> StateDir:
    """m@2 is active, after m@1."""
    for version in (1, 2):
        model_folder('m', version, golden=False)
        assert main(['activate', f'm@{version}', '--store', str(store)]) == 0
    capsys.readouterr()
    return StateDir(state_dir)


def test_rollback_returns_to_the_previous_version_and_back(
    state: StateDir, store: Path, capsys: Capture
) -> None:
    assert main(['rollback', 'm', '--store', str(store)]) == 0
    assert capsys.readouterr().out == 'm@1 is active again, m@2 was taken back\n'
    main(['rollback', 'm', '--store', str(store), '--json'])
    assert json.loads(capsys.readouterr().out) == {'active': 'm@2', 'before': 'm@1'}
    assert [(entry.action, entry.before, entry.after) for entry in state.audit.entries()[2:]] == [
        ('rollback', 'm@2', 'm@1'), ('rollback', 'm@1', 'm@2'),
    ]  # fmt: skip


def test_the_first_activation_is_taken_back_to_what_the_name_meant_before(
    store: Path, state_dir: Path, model_folder: ModelFolder, capsys: Capture
) -> None:
    for version in (1, 2):
        model_folder('m', version, golden=False)
    main(['activate', 'm@1', '--store', str(store)])
    capsys.readouterr()
    assert main(['rollback', 'm', '--store', str(store)]) == 0
    assert capsys.readouterr().out == 'm@2 is active again, m@1 was taken back\n'


def test_damaged_previous_version_is_refused_and_the_active_one_stays(
    state: StateDir, store: Path, capsys: Capture
) -> None:
    (store / 'm' / '1' / 'model.onnx').write_bytes(b'')
    assert main(['rollback', 'm', '--store', str(store)]) == 1
    assert 'differing: model.onnx' in capsys.readouterr().err
    assert state.model_state('m').active == 2


def test_there_is_nothing_to_roll_back_to_without_a_previous_version(
    store: Path, state_dir: Path, capsys: Capture
) -> None:
    assert main(['rollback', 'm', '--store', str(store)]) == 1
    told = capsys.readouterr().err
    assert 'm has no previous version. Choose one: ml_model activate m@VERSION.' in told
    assert StateDir(state_dir).audit.entries()[0].result == 'refused'


def test_newer_release_does_not_stand_in_the_way_of_a_version_committed_here(
    state: StateDir, store: Path, capsys: Capture
) -> None:
    own = read_manifest(store / 'm/1').digest
    state.update_model_state('m', lambda now: now.proven(1, own, 0).proven(2, 'b' * 64, 9))
    assert main(['rollback', 'm', '--store', str(store)]) == 0
    assert state.model_state('m').active == 1
