from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from model_folders import write_model_folder
from node_states import node_state
from signing import set_manifest

from ml_integration.cli.main import main
from ml_integration.errors import IntegrityError
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.model_state import ModelState, Quarantine
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(store: Path) -> Path:
    return write_model_folder(store, 'm', 2, golden=False)


@pytest.fixture
def state(state_dir: Path) -> StateDir:
    return StateDir(state_dir)


def test_a_person_bars_content_and_lets_it_go_as_the_error_says(
    folder: Path, store: Path, state: StateDir, capsys: Capture
) -> None:
    digest = read_manifest(folder).digest
    assert main(['quarantine', 'm@2', '--reason', 'it sees ghosts', '--store', str(store)]) == 0
    assert f'm@2 is quarantined, {digest[:12]}: it sees ghosts' in capsys.readouterr().out
    assert main(['list', '--store', str(store)]) == 0
    assert 'quarantined' in capsys.readouterr().out
    with pytest.raises(IntegrityError) as caught:
        ModelStore([store], state).find('m@2')
    command = str(caught.value).rpartition('let it go: ml_model ')[2].removesuffix('.')
    assert main(shlex.split(command)) == 0
    assert ModelStore([store], state).find('m@2') == folder
    assert state.model_state('m').released == {digest}
    entries = [(entry.action, entry.model, entry.result) for entry in state.audit.entries()]
    assert entries == [('quarantine', 'm@2', 'ok'), ('release', 'm@2', 'ok')]


def test_what_is_not_as_pinned_is_not_released(
    folder: Path, store: Path, state: StateDir, capsys: Capture
) -> None:
    assert main(['quarantine', 'm@2', '--store', str(store)]) == 0
    (folder / 'model.onnx').write_bytes(b'something else')
    assert main(['release', 'm@2', '--store', str(store)]) == 1
    assert 'differing: model.onnx' in capsys.readouterr().err
    assert state.model_state('m').quarantined


def test_release_also_lets_nodes_start_again_what_they_gave_up(
    folder: Path, store: Path, state: StateDir, capsys: Capture
) -> None:
    state.save_node_state('/eye', node_state('m@1', True, rejected=('m@2', 'm@3')))
    assert main(['release', 'm@2', '--store', str(store)]) == 0
    told = 'm@2 may be loaded again, it was rejected in /eye\n'
    assert capsys.readouterr().out == told
    assert [str(item.edition) for item in state.node_state('/eye').rejected] == ['m@3']
    assert main(['release', 'm@2', '--store', str(store)]) == 1


def test_content_that_is_gone_is_released_by_its_digest_only(
    folder: Path, store: Path, state: StateDir, capsys: Capture
) -> None:
    own, gone = read_manifest(folder).digest, 'c' * 64
    state.update_model_state('m', lambda now: now.with_quarantine(2, gone, 'it was changed'))
    assert main(['release', 'm@2', '--store', str(store)]) == 1
    error = capsys.readouterr().err
    assert own[:12] in error
    assert f'expected --digest {gone[:12]}' in error
    assert main(['release', 'm@2', '--store', str(store), '--digest', gone[:12]]) == 0
    assert state.model_state('m').quarantined == ()
    assert main(['release', 'm@2', '--store', str(store)]) == 1


def test_a_quarantine_of_any_content_is_released_with_what_is_there(
    folder: Path, store: Path, state: StateDir
) -> None:
    older = ModelState(quarantined=(Quarantine(2, '', 'from an older state'),))
    state.update_model_state('m', lambda _: older)
    assert main(['release', 'm@2', '--store', str(store)]) == 0
    assert state.model_state('m').quarantined == ()


@pytest.mark.parametrize('verb', ['quarantine', 'release'])
@pytest.mark.parametrize('model', ['m', 'm@latest', 'm@9', '/tmp/m@'])
def test_what_is_not_a_version_of_the_store_is_refused(
    folder: Path, store: Path, capsys: Capture, verb: str, model: str
) -> None:
    assert main([verb, model, '--store', str(store)]) == 1
    assert capsys.readouterr().err.startswith('ml_model: ')


def test_the_floor_is_shown_and_set_in_both_directions(state: StateDir, capsys: Capture) -> None:
    assert main(['floor', 'm']) == 0
    assert main(['floor', 'm', '7']) == 0
    assert main(['floor', 'm', '3', '--json']) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert (first, second) == ('m: release 0', 'm: release 7')
    assert json.loads(third) == {'name': 'm', 'floor': 3}
    assert [entry.reason for entry in state.audit.entries()] == [
        'release 0 -> release 7', 'release 7 -> release 3',
    ]  # fmt: skip
    assert main(['floor', 'm@2', '7']) == main(['floor', 'm', '7', '--state-dir', '/proc/x']) == 1


def test_a_lost_floor_is_said_and_can_be_set_again(state_dir: Path, capsys: Capture) -> None:
    (state_dir / 'models').mkdir(parents=True)
    (state_dir / 'models/m.json').write_text('{')
    assert main(['floor', 'm']) == 0
    shown = capsys.readouterr()
    assert shown.out == 'm: not known\n'
    assert 'm.json' in shown.err
    assert main(['floor', 'm', '4']) == 0
    assert StateDir(state_dir).model_state('m') == ModelState(release_floor=4)


def test_replaced_content_under_the_same_number_is_not_what_was_barred(
    folder: Path, store: Path, state: StateDir
) -> None:
    assert main(['quarantine', 'm@2', '--store', str(store)]) == 0
    set_manifest(folder, description='mended')
    assert ModelStore([store], state).find('m@2') == folder
