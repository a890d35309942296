"""Whatever lies in place of a file of the state directory, nobody waits for it or reads it all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from odd_files import KINDS, put_odd

from ml_integration.errors import StateError
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.durable import locked, write_durably
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir

pytestmark = pytest.mark.parametrize('kind', KINDS)


def test_the_state_of_a_node_is_the_default_and_the_next_one_is_kept(
    tmp_path: Path, kind: str
) -> None:
    state = StateDir(tmp_path)
    put_odd(tmp_path / 'nodes' / '%2Fn.json', kind)
    assert state.node_state('/n') == NodeState()
    assert len(state.problems) == 1
    with suppress(StateError):  # a folder stays where it is, unless it was set aside
        state.save_node_state('/n', NodeState('m@1'))
        assert StateDir(tmp_path).node_state('/n') == NodeState('m@1')


def test_the_state_of_a_model_has_nothing_in_it(tmp_path: Path, kind: str) -> None:
    state = StateDir(tmp_path)
    put_odd(tmp_path / 'models' / 'm.json', kind)
    assert state.model_state('m').active is None
    assert len(state.problems) == 1


def test_a_lock_is_refused(tmp_path: Path, kind: str) -> None:
    put_odd(tmp_path / 'lock', kind)
    with suppress(StateError), locked(tmp_path / 'lock', timeout_s=0):
        assert kind == 'huge'  # a regular file is a lock of any size


def test_what_an_abandoned_temporary_file_became_stays(tmp_path: Path, kind: str) -> None:
    put_odd(tmp_path / '.state.0a0a0a0a.tmp', kind)
    write_durably(tmp_path / 'state', b'new')
    assert (tmp_path / 'state').read_bytes() == b'new'


@pytest.mark.parametrize('name', ['audit.jsonl', 'audit.jsonl.head', 'audit.jsonl.lock'])
def test_the_audit_log_says_what_is_wrong_or_goes_on(tmp_path: Path, kind: str, name: str) -> None:
    audit = StateDir(tmp_path).audit
    audit.append('install', actor='test')
    put_odd(tmp_path / name, kind)
    for use in (audit.entries, audit.verify, lambda: audit.append('remove', actor='test')):
        with suppress(StateError):
            use()


def test_an_entry_of_the_cache_is_dropped(tmp_path: Path, kind: str) -> None:
    told: list[str] = []
    put_odd(tmp_path / 'cache' / 'key', kind)
    assert StoredArtifacts(tmp_path / 'cache', told.append).get('key') is None
    assert len(told) == 1
