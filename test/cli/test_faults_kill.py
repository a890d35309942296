"""`kill -9` at random instants: the store and the state are always whole, a good model active.

A killed process keeps what it wrote so far; a power cut may lose it. That writes are synced in
the right order before they become visible is tested with the writes themselves.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_processes import CommandServer
from model_folders import write_model_folder

from ml_integration.store.install.installing import remove
from ml_integration.store.package.package import read_package
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.state_dir import StateDir

KILLS = int(os.environ.get('ML_INTEGRATION_KILLS', '60'))
"""Of all tests here together; 200 and more by the variable."""


def kill_often(
    server: CommandServer, arguments: Callable[[int], list[object]], times: int,
    check: Callable[[bool], None],
) -> int:  # fmt: skip
    """Runs a command again and again, kills it at random, and checks; returns the true kills.

    Args:
        arguments: of the command, by its number.
        check: looks at what is left; it is told whether the command came to its end.
    """
    durations = []
    for number in range(3):
        start = time.monotonic()
        assert server.run(*arguments(number)).status == 0
        durations.append(time.monotonic() - start)
        check(True)
    killed = 0
    randomly = random.Random(20261123)
    for number in range(times):
        process = server.start(*arguments(number))
        time.sleep(randomly.uniform(0, min(durations)))
        with contextlib.suppress(ProcessLookupError):  # not reaped: always there
            os.kill(process, signal.SIGKILL)
        outcome = server.wait(process)
        assert outcome.killed or outcome.status == 0, outcome
        killed += outcome.killed
        check(not outcome.killed)
    return killed


@pytest.fixture
def server(state_dir: Path, tmp_path: Path) -> CommandServer:
    environment = {'ML_INTEGRATION_STATE_DIR': str(state_dir)}
    return CommandServer(environment, tmp_path / 'out')


def assert_state_is_whole(state_dir: Path) -> StateDir:
    state = StateDir(state_dir)
    assert state.model_state('m').active in (1, 2)
    assert state.problems == ()
    assert state.audit.verify() == ()
    return state


def test_killed_installation_leaves_a_whole_version_or_none(
    server: CommandServer, store: Path, state_dir: Path, tmp_path: Path
) -> None:
    write_model_folder(store, 'm', 1, golden=False)
    source = write_model_folder(tmp_path / 'built', 'm', 2)
    abandoned = []

    def check(finished: bool) -> None:
        found = ModelStore([store]).models()
        assert [model.error for model in found] == [''] * len(found)
        versions = [read_package(model.directory).manifest.version for model in found]
        assert versions in ([1], [1, 2])
        assert versions == [1, 2] or not finished
        state = assert_state_is_whole(state_dir)
        assert read_package(ModelStore([store], state).find('m')).manifest.version == 1
        abandoned.extend(store.glob('.staging-*'))
        if len(versions) == 2:
            remove(store / 'm' / '2')

    with server:
        assert server.run('activate', 'm@1', '--store', store).status == 0
        killed = kill_often(
            server, lambda _: ['install', source, '--into', store], KILLS // 2, check
        )
        assert killed > 0
        assert abandoned  # some were killed in the middle of it
        assert server.run('install', source, '--into', store).status == 0
    check(True)
    assert not [*store.glob('.staging-*')]


def test_killed_activation_leaves_a_good_version_active(
    server: CommandServer, store: Path, state_dir: Path
) -> None:
    for version in (1, 2):
        write_model_folder(store, 'm', version)
    now = [2]

    def check(finished: bool) -> None:
        state = assert_state_is_whole(state_dir)
        folder = ModelStore([store], state).find('m')
        assert read_package(folder).manifest.version == state.model_state('m').active
        now[0] = state.model_state('m').active or 0

    with server:
        # Always the version that is not active, so that there is something to be done.
        killed = kill_often(
            server, lambda _: ['activate', f'm@{3 - now[0]}', '--store', store], KILLS // 2, check
        )
        assert killed > 0
        assert server.run('activate', 'm@2', '--store', store).status == 0
        assert server.run('activate', 'm@1', '--store', store).status == 0
    check(True)
    assert now == [1]
    assert not [*state_dir.rglob('*.tmp')]


def test_two_installations_at_once_one_of_them_killed(
    server: CommandServer, store: Path, tmp_path: Path
) -> None:
    source = write_model_folder(tmp_path / 'built', 'm', 2, golden=False)
    randomly = random.Random(1)
    with server:
        for _ in range(5):
            first, second = (server.start('install', source, '--into', store) for _ in range(2))
            time.sleep(randomly.uniform(0, 0.1))
            with contextlib.suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
            server.wait(first)
            assert server.wait(second).status == 0
            assert read_package(store / 'm' / '2').manifest.version == 2
            shutil.rmtree(store / 'm')
