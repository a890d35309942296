"""A full or read-only disk stops what is being done, and nothing that was done before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_processes import CommandServer
from model_folders import write_model_folder
from node_states import node_state

from ml_integration.cli.main import main
from ml_integration.errors import StateError
from ml_integration.store.package.package import read_package
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]
Disk = Callable[[str], Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mounts a small disk of its own; `disk('ro')` makes it read-only."""
    folder = tmp_path / 'disk'
    folder.mkdir()

    def mount(options: str) -> Path:
        what = ['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(folder)]
        done = subprocess.run(what, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f'no small disk can be mounted here: {done.stderr.strip()}')
        return folder

    yield mount
    while os.path.ismount(folder):
        subprocess.run(['umount', '--lazy', str(folder)], check=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_model_folder(tmp_path / 'built', 'm', 2, golden=False)


def fill(folder: Path) -> None:
    """Takes the last byte of a disk."""
    for size in (65536, 4096, 1):
        with (folder / f'filler{size}').open('wb', buffering=0) as stream:
            try:
                while True:
                    stream.write(bytes(size))
            except OSError:
                continue


def test_full_disk_stops_an_installation_without_a_trace(
    disk: Disk, source: Path, capsys: Capture
) -> None:
    folder = disk('size=128k')
    store = folder / 'store'
    main(['install', str(source), '--into', str(store)])
    before = sorted(store.rglob('*'))
    (source / 'labels.txt').unlink()
    big = write_model_folder(source.parents[1], 'big', 1, labels=('x' * 200_000,), golden=False)
    capsys.readouterr()
    assert main(['install', str(big), '--into', str(store)]) == 1
    assert 'No space left on device. Free some space on that disk.' in capsys.readouterr().err
    assert sorted(store.rglob('*')) == before
    assert read_package(ModelStore([store]).find('m')).manifest.version == 2


def test_full_disk_stops_an_activation_and_the_active_version_stays(
    disk: Disk, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = disk('size=128k')
    monkeypatch.setenv('ML_INTEGRATION_STATE_DIR', str(folder))
    for version in (1, 2):
        write_model_folder(store, 'm', version, golden=False)
    assert main(['activate', 'm@1', '--store', str(store)]) == 0
    state = StateDir(folder)
    state.save_node_state('/n', node_state('m@1', True))
    log = state.audit.path.read_bytes()
    fill(folder)
    capsys.readouterr()
    assert main(['activate', 'm@2', '--store', str(store)]) == 1
    error = capsys.readouterr().err
    assert error.count('No space left on device') == 2  # the state, and the log of the failure
    assert error.splitlines()[0].startswith('ml_model: warning: this is missing in the audit log')
    with pytest.raises(StateError, match='No space left'):
        state.save_node_state('/n', node_state('m@2'))
    assert state.model_state('m').active == 1
    assert state.node_state('/n') == node_state('m@1', True)
    assert state.audit.path.read_bytes() == log
    assert state.audit.verify() == ()
    assert state.problems == ()
    assert not [path for path in folder.rglob('*') if path.suffix == '.tmp']
    for filler in folder.glob('filler*'):
        filler.unlink()
    assert main(['activate', 'm@2', '--store', str(store)]) == 0
    assert state.audit.verify() == ()


def test_limit_on_file_sizes_stops_an_installation_without_a_trace(
    store: Path, state_dir: Path, tmp_path: Path
) -> None:
    source = write_model_folder(tmp_path / 'built', 'm', 2, labels=('x' * 4999,), golden=False)
    with CommandServer({'ML_INTEGRATION_STATE_DIR': str(state_dir)}, tmp_path / 'out') as server:
        for limit in (1000, 2500, 4999):
            outcome = server.run('install', source, '--into', store, largest_file=limit)
            assert outcome.status == 1
            assert 'File too large' in outcome.output
            assert [*store.iterdir()] == []
            state = StateDir(state_dir)
            assert state.audit.verify() == ()
            assert state.problems == ()
        assert server.run('install', source, '--into', store).status == 0
    assert read_package(store / 'm' / '2').manifest.version == 2


def test_read_only_state_still_says_what_is_active_and_refuses_changes(
    disk: Disk, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = disk('size=1m')
    monkeypatch.setenv('ML_INTEGRATION_STATE_DIR', str(folder / 'state'))
    for version in (1, 2):
        write_model_folder(store, 'm', version, golden=False)
    assert main(['activate', 'm@1', '--store', str(store)]) == 0
    state = StateDir(folder / 'state')
    state.save_node_state('/n', node_state('m@1', True))
    disk('remount,ro')
    capsys.readouterr()
    for arguments in (['activate', 'm@2'], ['rollback', 'm'], ['remove', 'm@2']):
        assert main([*arguments, '--store', str(store)]) == 1
        error = capsys.readouterr().err
        assert 'Read-only file system' in error
        assert 'mounted read-only' in error
    for arguments in (['list'], ['check', 'm'], ['show', 'm'], ['verify']):
        assert main([*arguments, '--store', str(store)]) == 0
    assert main(['history']) == 0
    assert ModelStore([store], state).find('m') == store / 'm' / '1'
    assert state.node_state('/n') == node_state('m@1', True)
    with pytest.raises(StateError, match='Read-only file system'):
        state.save_node_state('/n', NodeState())


def test_corrupt_state_on_a_read_only_disk_gives_a_default_and_a_problem(disk: Disk) -> None:
    folder = disk('size=1m')
    StateDir(folder).save_node_state('/n', node_state('m@1', True))
    next((folder / 'nodes').iterdir()).write_text('{')
    disk('remount,ro')
    state = StateDir(folder)
    assert state.node_state('/n') == NodeState()
    (problem,) = state.problems
    assert 'a default is used' in problem
    assert 'Read-only file system' in problem


def test_read_only_store_can_be_used_but_not_changed(
    disk: Disk, source: Path, capsys: Capture
) -> None:
    store = disk('size=1m') / 'store'
    assert main(['install', str(source), '--into', str(store)]) == 0
    disk('remount,ro')
    assert main(['activate', 'm@2', '--store', str(store)]) == 0
    (source / 'labels.txt').touch()
    capsys.readouterr()
    assert main(['install', str(source), '--into', str(store)]) == 1
    assert 'Read-only file system' in capsys.readouterr().err
