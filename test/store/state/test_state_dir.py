from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from node_states import node_state

from ml_integration.errors import StateError
from ml_integration.store.state import state_dir
from ml_integration.store.state.model_state import ModelState, Quarantine
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir, default_state_dir

NODE = '/robot1/detector'
DIGEST, OTHER = 'd' * 64, 'e' * 64
SERVING = node_state('m@2', True, 'm@1', ('m@3',))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'state'


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({'ML_INTEGRATION_STATE_DIR': '/var/lib/robot', 'XDG_STATE_HOME': '/x'}, '/var/lib/robot'),
        ({'XDG_STATE_HOME': '/x'}, '/x/ml_integration'),
        ({'XDG_STATE_HOME': ''}, '/home/me/.local/state/ml_integration'),
    ],
)
def test_default_place(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('HOME', '/home/me')
    assert default_state_dir(environment) == Path(expected)


def test_reading_what_was_never_written_gives_defaults_and_makes_nothing(path: Path) -> None:
    state = StateDir(path)
    assert state.node_state(NODE) == NodeState()
    assert state.model_state('m') == ModelState()
    assert state.node_states() == {}
    assert state.problems == ()
    assert not path.exists()


def test_node_state_survives(path: Path) -> None:
    StateDir(path).save_node_state(NODE, SERVING)
    assert StateDir(path).node_state(NODE) == SERVING
    assert StateDir(path).node_states() == {NODE: SERVING}


@pytest.mark.parametrize('node', ['/a/b', '/a_b', '/a', '..', '/..', '../../x', 'ä b'])
def test_every_node_has_its_own_file_inside(path: Path, node: str) -> None:
    state = StateDir(path)
    state.save_node_state('/other', SERVING)
    state.save_node_state(node, replace(SERVING, asked=node))
    assert state.node_states() == {'/other': SERVING, node: replace(SERVING, asked=node)}
    assert len([*(path / 'nodes').iterdir()]) == 2
    assert [*path.iterdir()] == [path / 'nodes']


def test_model_state_survives(path: Path) -> None:
    new = StateDir(path).update_model_state(
        'm',
        lambda state: (
            state.activated(1)
            .activated(2)
            .proven(2, DIGEST, 7)
            .with_quarantine(3, OTHER, 'it was changed')
            .without_quarantine(4, OTHER)
        ),
    )
    barred = (Quarantine(3, OTHER, 'it was changed'),)
    assert new == ModelState(
        2, 1, barred, frozenset({DIGEST}), released=frozenset({OTHER}), release_floor=7
    )
    assert StateDir(path).model_state('m') == new
    assert StateDir(path).model_state('other') == ModelState()


def test_changes_at_once_are_all_kept(path: Path) -> None:
    def add(version: int) -> None:
        StateDir(path).update_model_state(
            'm', lambda state: state.proven(version, f'{version:064}', version)
        )

    threads = [threading.Thread(target=add, args=(version,)) for version in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = StateDir(path).model_state('m')
    assert state.committed == {f'{version:064}' for version in range(1, 13)}
    assert state.release_floor == 12


def test_refused_change_leaves_the_state_and_frees_the_lock(path: Path) -> None:
    state = StateDir(path)
    state.update_model_state('m', lambda now: now.activated(1))

    def refuse(_: ModelState) -> ModelState:
        raise ValueError('no')

    with pytest.raises(ValueError, match='no'):
        state.update_model_state('m', refuse)
    assert state.update_model_state('m', lambda now: now) == ModelState(active=1)


GOOD = {'schema': 1, **SERVING.document()}


@pytest.mark.parametrize(
    'content',
    [
        b'',  # an old file system after a power cut
        b'\0' * 300,  # another one
        b'{"schema": 1, "serving"',
        b'[]',
        b'[' * 100_000,
        b'\xff\xfe',
        json.dumps({**GOOD, 'schema': 2}).encode(),  # written by a later version
        json.dumps({**GOOD, 'attempts': 'many'}).encode(),
        json.dumps({**GOOD, 'attempts': -1}).encode(),
        json.dumps({**GOOD, 'rejected': [1]}).encode(),
        json.dumps({'schema': 1}).encode(),
    ],
)
def test_state_that_cannot_be_understood_is_set_aside_and_told(path: Path, content: bytes) -> None:
    StateDir(path).save_node_state(NODE, SERVING)
    (file,) = (path / 'nodes').iterdir()
    file.write_bytes(content)
    state = StateDir(path)
    assert state.node_state(NODE) == NodeState()
    (problem,) = state.problems
    assert str(file) in problem
    (aside,) = (path / 'nodes').iterdir()
    assert aside.name.startswith(f'{file.name}.corrupt-')
    assert aside.name in problem
    assert aside.read_bytes() == content
    state.save_node_state(NODE, SERVING)
    assert StateDir(path).node_states() == {NODE: SERVING}


@pytest.mark.parametrize(
    'change',
    [
        {'active': 'two'},
        {'quarantined': {'three': 'x'}},
        {'quarantined': [{'version': 3}]},
        {'quarantined': ['x']},
        {'released': ['x']},
        {'committed': ['1']},
        {'release_floor': None},
    ],
)
def test_malformed_state_of_a_model_is_set_aside_when_it_is_changed(
    path: Path, change: dict[str, object]
) -> None:
    state = StateDir(path)
    state.update_model_state('m', lambda now: now.activated(1))
    file = path / 'models' / 'm.json'
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    new = ModelState(active=5, floor_known=False)
    assert state.update_model_state('m', lambda now: now.activated(5)) == new
    assert len(state.problems) == 1
    assert len([*file.parent.glob('m.json.corrupt-*')]) == 1
    assert StateDir(path).model_state('m') == new


def test_corrupt_file_that_a_writer_has_just_replaced_is_not_set_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateDir(path)
    state.save_node_state(NODE, SERVING)
    (file,) = (path / 'nodes').iterdir()
    good = file.read_bytes()
    file.write_bytes(b'half')
    alone = state.alone
    monkeypatch.setattr(state, 'alone', lambda: (file.write_bytes(good), alone())[1])
    assert state.node_state(NODE) == SERVING
    assert state.problems == ()


def test_directory_that_cannot_be_made_reads_as_empty_and_says_so_on_writing(
    tmp_path: Path,
) -> None:
    (tmp_path / 'file').touch()
    state = StateDir(tmp_path / 'file' / 'state')
    assert state.node_state(NODE) == NodeState()
    with pytest.raises(StateError, match='cannot be written'):
        state.save_node_state(NODE, SERVING)
    with pytest.raises(StateError, match='cannot be locked'):
        state.update_model_state('m', lambda now: now.activated(1))


def test_activating_the_active_version_keeps_the_previous_one() -> None:
    state = ModelState().activated(1).activated(2).activated(2)
    assert (state.active, state.previous) == (2, 1)
    assert (state.rolled_back().active, state.rolled_back().previous) == (1, 2)


def test_lifted_quarantine_leaves_the_others() -> None:
    state = ModelState().with_quarantine(1, DIGEST, 'a').with_quarantine(1, OTHER, 'b')
    assert state.without_quarantine(1, DIGEST).quarantined == (Quarantine(1, OTHER, 'b'),)
    assert state.with_quarantine(1, OTHER, 'again') == state
    assert state.without_quarantine(1, DIGEST).released == {DIGEST}


def test_the_floor_only_rises_and_only_by_what_is_signed() -> None:
    assert ModelState().proven(3, DIGEST, 9).proven(4, OTHER, 5).release_floor == 9
    assert ModelState().proven(3, DIGEST, 0).release_floor == 0
    assert ModelState(release_floor=9).with_floor(2).release_floor == 2


def test_state_from_before_there_were_digests_keeps_its_meaning(path: Path) -> None:
    older = {
        'schema': 1, 'active': 2, 'previous': 1, 'quarantined': {'3': 'it was changed'},
        'committed': [1, 2], 'release_floor': 7,
    }  # fmt: skip
    (path / 'models').mkdir(parents=True)
    (path / 'models/m.json').write_text(json.dumps(older))
    state = StateDir(path)
    read = state.model_state('m')
    assert state.problems == ()
    assert read.quarantine_of(3, DIGEST) == Quarantine(3, '', 'it was changed')
    assert (read.active, read.previous, read.release_floor) == (2, 1, 7)
    assert read.committed_versions == {1, 2}
    new = state.update_model_state(
        'm', lambda now: now.proven(2, DIGEST, 0).without_quarantine(3, OTHER)
    )
    assert (new.committed, new.committed_versions, new.quarantined) == ({DIGEST}, {1}, ())
    assert StateDir(path).model_state('m') == new


@pytest.mark.parametrize('spoil', [lambda file: file.write_text('{'), lambda file: file.mkdir()])
def test_the_floor_of_a_state_that_was_lost_stays_unknown_until_a_person_says_it(
    path: Path, spoil: Callable[[Path], object]
) -> None:
    (path / 'models').mkdir(parents=True)
    spoil(path / 'models/m.json')
    for _ in range(2):  # it is set aside by the first look
        assert not StateDir(path).model_state('m').floor_known
    if not (path / 'models/m.json').is_dir():
        StateDir(path).update_model_state('m', lambda now: now.activated(1))
        assert not StateDir(path).model_state('m').floor_known
        StateDir(path).update_model_state('m', lambda now: now.with_floor(3))
        assert StateDir(path).model_state('m') == ModelState(active=1, release_floor=3)


def test_state_that_cannot_be_read_is_not_replaced_and_told_until_it_can(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateDir(path)
    state.update_model_state('m', lambda now: now.activated(1))
    before = (path / 'models/m.json').read_bytes()
    with monkeypatch.context() as patched:

        def no_descriptors(*_: object) -> ModelState:
            raise OSError(errno.EMFILE, 'Too many open files')

        patched.setattr(state_dir, '_load', no_descriptors)
        assert not state.model_state('m').floor_known
        assert 'Too many open files' in state.problems[0]
        with pytest.raises(StateError, match='cannot be read'):
            state.update_model_state('m', lambda now: now.activated(2))
    assert (path / 'models/m.json').read_bytes() == before
    assert state.model_state('m') == ModelState(active=1)
    assert state.problems == ()
