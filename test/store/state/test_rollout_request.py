"""A request for a rollout is taken once, and nothing that lies there stops a node."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_integration.errors import StateError
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_request import RolloutRequest
from ml_integration.store.state.state_dir import StateDir

NODE, OTHER = '/robot1/eye', '/robot1/ear'
NEW, NEWER = Edition('m@2', 'a' * 64), Edition('m@3', 'b' * 64)


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[[str], RolloutRequest]:
    return lambda node: RolloutRequest(tmp_path, node)


def test_the_node_that_is_asked_takes_it_once(request_of: Callable[[str], RolloutRequest]) -> None:
    assert request_of(NODE).take() is None
    request_of(NODE).ask(NEW)
    request_of(NODE).ask(NEWER)
    assert request_of(NODE).is_waiting and request_of(OTHER).take() is None
    assert request_of(NODE).take() == NEWER
    assert request_of(NODE).take() is None and not request_of(NODE).is_waiting


def test_who_asked_may_withdraw_it_until_then(request_of: Callable[[str], RolloutRequest]) -> None:
    request_of(NODE).ask(NEW)
    assert request_of(NODE).withdraw()
    assert request_of(NODE).take() is None
    assert not request_of(NODE).withdraw()


def test_requests_are_no_states_of_rollouts(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    RolloutRequest(tmp_path, NODE).ask(NEW)
    assert state.rollout_states() == {} and state.problems == ()


def _place(tmp_path: Path) -> Path:
    RolloutRequest(tmp_path, NODE).ask(NEW)
    (file,) = tmp_path.rglob('*.request')
    return file


@pytest.mark.parametrize(
    'content',
    [b'', b'{', b'[]', b'{"schema": 2}', b'{"schema": 1, "candidate": "m@2"}', b'[' * 9000],
)
def test_what_makes_no_sense_is_removed_and_told(tmp_path: Path, content: bytes) -> None:
    file = _place(tmp_path)
    file.write_bytes(content)
    request = RolloutRequest(tmp_path, NODE)
    with pytest.raises(StateError, match='no request for a rollout'):
        request.take()
    assert not file.exists() and request.take() is None


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    file = _place(tmp_path)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(StateError, match='not a regular file'):
        RolloutRequest(tmp_path, NODE).take()
    assert not file.exists()


def test_what_cannot_be_removed_is_not_begun_and_told_once(tmp_path: Path) -> None:
    file = _place(tmp_path)
    file.unlink()
    file.mkdir()
    request = RolloutRequest(tmp_path, NODE)
    with pytest.raises(StateError, match='cannot be taken'):
        request.take()
    assert request.take() is None
    with pytest.raises(StateError, match='cannot be removed'):
        request.withdraw()
