"""A node is asked to roll a version out, and the disk tells how that goes."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from model_folders import write_model_folder
from node_states import node_state
from rollouts import CANARY, DONE, HALTED, NEW, ROLLED_BACK, SHADOW

from ml_integration.cli.main import main
from ml_integration.cli.rolling import start as start_verb
from ml_integration.deploy.rollout.steps import start
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.node_state import Edition, Rejection
from ml_integration.store.state.rollout_request import RolloutRequest
from ml_integration.store.state.rollout_state import RolloutState
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]
NODE = '/robot1/eye'


@pytest.fixture
def state(state_dir: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> StateDir:
    """A node has served m@1, and m@2 is there as well."""
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(store))
    for version in (1, 2):
        write_model_folder(store, 'm', version, golden=False)
    state = StateDir(state_dir)
    state.save_node_state(NODE, node_state('m@1', True))
    return state


def _instead(new: RolloutState, old: RolloutState) -> RolloutState:
    return new


@contextmanager
def looking(path: Path, refuse: str = '') -> Iterator[list[Edition]]:
    """A node that looks for requests until the end of the block; gives what it took."""
    state, ended, taken = StateDir(path), threading.Event(), list[Edition]()

    def look() -> None:
        while not ended.wait(0.02):
            candidate = RolloutRequest(state.path, NODE).take()
            if candidate is None:
                continue
            taken.append(candidate)
            if refuse:
                state.audit.append(
                    'rollout', actor=NODE, model='m@2', result='refused', reason=refuse
                )
            else:
                began = start(state.rollout_state(NODE), candidate, Edition('m@1')).state
                state.update_rollout_state(NODE, partial(_instead, began))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield taken
    finally:
        ended.set()
        thread.join()


def test_a_node_that_is_asked_begins(state: StateDir, store: Path, capsys: Capture) -> None:
    digest = read_manifest(store / 'm/2').digest
    with looking(state.path) as taken:
        assert main(['rollout', 'start', NODE, 'm@2']) == 0
        assert capsys.readouterr().out == f'{NODE}: m@2 runs in the shadow of m@1\n'
        assert main(['rollout', 'start', NODE, 'm@2']) == 1
        assert 'm@2 is being rolled out already, in shadow' in capsys.readouterr().err
        state.update_rollout_state(NODE, lambda _: RolloutState())
        assert main(['rollout', 'start', 'robot1/eye', 'm@2', '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        'node': NODE, 'model': 'm@2', 'digest': digest, 'answer': 'm@2 runs in the shadow of m@1',
    }  # fmt: skip
    assert taken == [Edition('m@2', digest)] * 2
    entry = state.audit.entries()[0]
    assert (entry.actor, entry.action, entry.model) == ('ml_model', 'rollout', 'm@2')
    assert entry.reason == f'{NODE} was asked to roll it out'


def test_what_a_node_refuses_is_told_every_time(state: StateDir, capsys: Capture) -> None:
    with looking(state.path, refuse='the model of this node is locked'):
        for told in ('the model of this node is locked', '1 more until '):
            assert main(['rollout', 'start', NODE, 'm@2']) == 1
            error = capsys.readouterr().err
            assert error.startswith(f'ml_model: {NODE} refuses it: {told}')
    assert not state.rollout_state(NODE).under_way


def test_a_request_that_nobody_takes_is_withdrawn(
    state: StateDir, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_verb, 'TAKEN_S', 0.2)
    assert main(['rollout', 'start', NODE, 'm@2']) == 1
    assert f'{NODE} has not taken the request in 0.2 s' in capsys.readouterr().err
    assert RolloutRequest(state.path, NODE).take() is None
    assert [entry.result for entry in state.audit.entries()] == ['refused']


def test_a_person_who_does_not_wait_leaves_no_request(
    state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(start_verb.time, 'sleep', interrupted)
    assert main(['rollout', 'start', NODE, 'm@2']) == 130
    assert RolloutRequest(state.path, NODE).take() is None


def quarantine(state: StateDir, store: Path) -> None:
    assert main(['quarantine', 'm@2', '--reason', 'it sees ghosts']) == 0


def bar(state: StateDir, store: Path) -> None:
    barred = Rejection(Edition.of(read_manifest(store / 'm/2')), 'rolled back m@2 after 41 s')
    state.update_rollout_state(NODE, lambda now: now.with_bar(barred))


def damage(state: StateDir, store: Path) -> None:
    (store / 'm/2/model.onnx').unlink()


@pytest.mark.parametrize(
    ('change', 'arguments', 'told'),
    [
        (quarantine, (NODE, 'm@2'), 'it sees ghosts'),
        (bar, (NODE, 'm@2'), 'no rollout takes m@2: rolled back m@2 after 41 s'),
        (damage, (NODE, 'm@2'), 'model.onnx'),
        (None, (NODE, 'm@1'), 'm@1 serves already'),
        (None, (NODE, 'm@9'), "there is no model 'm@9'"),
        (None, (NODE, 'm'), 'a version, name@3'),
        (None, ('/ear', 'm@2'), f'expected one of {NODE}'),
        (None, ('../x', 'm@2'), 'ros2 node list'),
    ],
)
def test_what_the_disk_tells_is_refused_at_once(
    state: StateDir,
    store: Path,
    capsys: Capture,
    change: Callable[[StateDir, Path], None] | None,
    arguments: tuple[str, str],
    told: str,
) -> None:
    if change is not None:
        change(state, store)
    assert main(['rollout', 'start', *arguments]) == 1
    assert told in capsys.readouterr().err
    assert RolloutRequest(state.path, NODE).take() is None


def test_what_a_rollout_took_back_is_released(
    state: StateDir, store: Path, capsys: Capture
) -> None:
    bar(state, store)
    assert main(['rollout', 'status', '--state-dir', str(state.path)]) == 0
    command = capsys.readouterr().out.rpartition('until: ml_model ')[2]
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == f'm@2 may be loaded again, it was rejected in {NODE}\n'
    with looking(state.path):
        assert main(['rollout', 'start', NODE, 'm@2']) == 0
    assert main(['release', 'm@2']) == 1


CRASHED = replace(SHADOW, paused=True).with_crash(NEW)
SHOWN = {
    'shadow, paused': (CRASHED, 'the process ended once while shapes@3 was in it'),
    'canary, share 1': (CANARY, 'shapes@3 gets 5 % of the frames after 60 s: as good'),
    'halted in canary': (HALTED, 'a person decides: promote, resume or abort'),
    'promoted, and watched for long enough': (DONE, 'shapes@3 stays: watched for 60 s: as good'),
    'rolled back': (ROLLED_BACK, 'no rollout takes shapes@3 until: ml_model release shapes@3'),
    'idle': (RolloutState(), ''),
}


@pytest.mark.parametrize('phase', SHOWN)
def test_status_shows_where_a_rollout_is(state: StateDir, capsys: Capture, phase: str) -> None:
    rollout, told = SHOWN[phase]
    state.update_rollout_state(NODE, lambda _: rollout)
    assert main(['rollout', 'status']) == 0
    first, *more = capsys.readouterr().out.splitlines()
    assert first == f'{NODE}: {phase}'
    assert any(told in line for line in more) == bool(told)
    assert main(['rollout', 'status', NODE, '--json']) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert document == {'node': NODE, 'since': '', **rollout.document()} | {
        key: document[key]
        for key in ('met', 'crashes', 'barred')  # lists in JSON
    }


def test_status_of_nothing(state: StateDir, capsys: Capture) -> None:
    assert main(['rollout', 'status']) == 0
    assert capsys.readouterr().out.startswith('no rollout was begun')
    assert main(['rollout', 'status', NODE]) == 0
    assert capsys.readouterr().out == f'{NODE}: idle\n'
    assert main(['rollout', 'status', '/ear']) == 1


def test_history_shows_decisions_with_their_numbers(state: StateDir, capsys: Capture) -> None:
    assert main(['rollout', 'history']) == 0
    assert capsys.readouterr().out == 'nothing was decided about a rollout\n'
    reason = 'rolled back shapes@3 after 41 s: disagreement 0.31 (limit 0.15, n = 1230)'
    state.audit.append('swap', actor=NODE, model='shapes@2')
    state.audit.append('rollout', actor='ml_model', model='shapes@3', reason='was asked')
    state.audit.append('rollout', actor='/ear', model='m@2', result='refused', reason='locked')
    state.audit.append('rollout', actor=NODE, model='shapes@3', reason='begins')
    last = state.audit.append('rollout', actor=NODE, model='shapes@3', reason=reason)
    assert main(['rollout', 'history']) == 0
    lines = [line.split('  ', 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines == ['/ear  refused: locked', f'{NODE}  begins', f'{NODE}  {reason}']
    assert main(['rollout', 'history', NODE, '--limit', '1', '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {'decisions': [last.document()], 'problems': []}
    assert main(['rollout', 'status', NODE, '--json']) == 0
    assert json.loads(capsys.readouterr().out)[0]['since'] == last.time


def test_history_that_was_tampered_with_is_told(state: StateDir, capsys: Capture) -> None:
    state.audit.append('rollout', actor=NODE, model='m@2', reason='rolled back')
    log = state.audit.path
    log.write_bytes(log.read_bytes().replace(b'rolled back', b'promoted'))
    for more in ((), ('--json',)):
        assert main(['rollout', 'history', *more]) == 1
    assert 'entry 1 was edited' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(['rollout', 'history', '--limit', '0'])
