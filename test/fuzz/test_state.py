"""Whatever the state directory holds, or somebody asks for, there is a sentence or a default."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from fuzzing import SECONDS, fuzz
from model_folders import write_model_folder

from ml_integration.errors import (
    IntegrityError,
    ModelNotFoundError,
    SettingError,
    StateError,
)
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.audit_entry import parse_entry
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.node_state import Edition, NodeState, Rejection, ServedModel
from ml_integration.store.state.state_dir import StateDir

CORPUS = [b'', b'[' * 100_000, b'{"schema": ' + b'1' * 5000 + b'}', b'\xff', b'null', b'1e999']
WORDS = [b'null', b'true', b'NaN', b'Infinity', b'[', b'{', b'"\\ud800"', b'"schema": ', b'\n']


def good_states() -> tuple[NodeState, ModelState]:
    one, two = Edition('m@1', '1' * 64), Edition('m@2', '2' * 64)
    served = (ServedModel(two, 3), ServedModel(one, 100, True))
    node = NodeState('m', two, served, 1, True, one, (Rejection(Edition('m@3')),))
    return node, ModelState(2, 1)


@pytest.mark.parametrize('kind', ['nodes', 'models'])
def test_states(tmp_path: Path, kind: str) -> None:
    state = StateDir(tmp_path / 'state')
    node, model = good_states()
    state.save_node_state('/n', node)
    state.update_model_state('m', lambda _: model)
    file = next((state.path / kind).iterdir())

    def read(data: bytes) -> None:
        file.write_bytes(data)
        fresh = StateDir(state.path)
        fresh.node_state('/n'), fresh.node_states()
        with suppress(StateError):
            fresh.update_model_state('m', lambda now: now.activated(3))
        str(fresh.problems).encode()
        for aside in file.parent.glob('*.corrupt-*'):
            aside.unlink()

    document = json.loads(file.read_bytes())
    seeds = [file.read_bytes(), *(json.dumps({**document, key: []}).encode() for key in document)]
    fuzz(read, seeds, StateError, corpus=CORPUS, words=WORDS, keep=tmp_path)


@pytest.mark.parametrize('name', ['audit.jsonl', 'audit.jsonl.head'])
def test_audit_logs(tmp_path: Path, name: str) -> None:
    state = StateDir(tmp_path / 'state')
    for model in ('m@1', 'm@2', 'm@3'):
        state.audit.append('install', actor='test', model=model)
    shutil.copytree(state.path, tmp_path / 'good')
    good = (state.path / name).read_bytes()

    def read(data: bytes) -> None:
        shutil.copytree(tmp_path / 'good', state.path, dirs_exist_ok=True)
        (state.path / name).write_bytes(data)
        audit = StateDir(state.path).audit
        problems = audit.verify()
        str((problems, audit.entries())).encode()
        lines = [parse_entry(line) for line in data.splitlines()]
        if name == 'audit.jsonl' and data.endswith(b'\n') and not problems:
            assert lines == [parse_entry(line) for line in good.splitlines()], 'a forgery'
        audit.append('remove', actor='test')

    fuzz(read, [good], StateError, corpus=CORPUS, words=WORDS, keep=tmp_path)


def test_references(tmp_path: Path) -> None:
    write_model_folder(tmp_path / 'store', 'm', 1)
    store = ModelStore([tmp_path / 'store', tmp_path / 'none'], StateDir(tmp_path / 'state'))

    def read(data: bytes) -> None:
        found = store.find(data.decode('utf-8', 'surrogateescape'))
        assert found == tmp_path / 'store/m/1'

    def printable(data: bytes) -> None:
        try:
            read(data)
        except (SettingError, ModelNotFoundError) as error:
            str(error).encode('utf-8', 'backslashreplace')

    seeds = [b'm', b'm@1', b'm@latest', b'm@previous']
    corpus = [b'shapes@' + b'1' * 5000, b'm' * 5000, b'm@1\n', b'm@\xd9\xa3', b'../m@1', b'm@01']
    words = [b'@', b'..', b'/', b'\0', b'latest', b'previous', b'\xff', b'\n']
    fuzz(printable, seeds, IntegrityError, corpus=corpus, words=words, keep=tmp_path)


def test_entries_of_the_cache(tmp_path: Path) -> None:
    cache = StoredArtifacts(tmp_path / 'cache', lambda sentence: None)
    cache.put('key', b'content')
    cache.write()
    entry = tmp_path / 'cache' / 'key'
    good = entry.read_bytes()

    def read(data: bytes) -> None:
        entry.write_bytes(data)
        entry.chmod(0o600)
        assert cache.get('key') in (None, b'content')

    fuzz(read, [good], (), keep=tmp_path, seconds=SECONDS / 4)
