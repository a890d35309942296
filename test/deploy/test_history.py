"""What is newest ends on disk, however slow that is, and no frame waits for it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from deployed_robots import WAIT_S, Robot

from ml_integration.errors import SwapError
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir

SLOW_S = 0.4


def slow_disk(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the write of a proof take its time."""
    directory = robot.deployment._history._state_dir
    save = directory.save_node_state

    def slow(node: str, new: NodeState) -> None:
        if new.committed and not new.rejected:
            time.sleep(SLOW_S)
        save(node, new)

    monkeypatch.setattr(directory, 'save_node_state', slow)


def test_a_rollback_while_a_proof_is_being_written_is_what_ends_on_disk(
    robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    slow_disk(robot, monkeypatch)
    robot.serve()
    assert robot.deployment.state.committed
    robot.deployment.rollback().result(WAIT_S)
    rejected = robot.deployment.state
    assert (rejected.serving, rejected.committed) == ('m@1', True)
    assert [str(item.edition) for item in rejected.rejected] == ['m@2']
    assert StateDir(tmp_path / 'state').node_state('/detector') == rejected
    robot.deployment.close()
    assert StateDir(tmp_path / 'state').node_state('/detector') == rejected
    robot.boot().start('m@1')
    assert robot.serving() == 'm@1'


def test_a_clean_close_has_written_the_last_state(
    robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot.deployment.start('m@1')
    slow_disk(robot, monkeypatch)
    robot.serve()
    robot.deployment.close()
    proof = robot.deployment.state
    assert proof.committed
    assert StateDir(tmp_path / 'state').node_state('/detector') == proof
    assert ('commit', 'm@1', 'ok') in robot.audit()


def test_frames_do_not_wait_while_the_state_of_a_swap_is_being_written(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot.deployment.start('m@1')
    directory = robot.deployment._history._state_dir
    writing, written = threading.Event(), threading.Event()
    save = directory.save_node_state

    def waits(node: str, state: NodeState) -> None:
        writing.set()
        assert written.wait(WAIT_S)
        save(node, state)

    monkeypatch.setattr(directory, 'save_node_state', waits)
    swapped = robot.deployment.swap(robot.deployment.admit('m@2'))
    assert writing.wait(WAIT_S)
    robot.serve()  # enough to prove m@1, which is about to go
    assert not swapped.done()
    assert robot.serving() == 'm@1'
    written.set()
    swapped.result(WAIT_S)
    state = robot.deployment.state
    assert (state.serving, state.committed, state.attempts) == ('m@2', False, 1)


def test_a_rollback_that_is_refused_again_and_again_does_not_fill_the_disk(
    robot: Robot, tmp_path: Path
) -> None:
    robot.deployment.start('m@1')
    log = StateDir(tmp_path / 'state').audit
    before = len(log.entries())
    for _ in range(50):
        with pytest.raises(SwapError):
            robot.deployment.rollback().result(WAIT_S)
    assert len(log.entries()) == before + 1
    (counted,) = log.examine().refusals
    assert counted.reason.startswith('49 more until ')
    assert log.verify() == ()


def test_a_power_cut_in_the_audit_log_is_no_complaint_and_tampering_is_one(
    robot: Robot, tmp_path: Path
) -> None:
    log = tmp_path / 'state/audit.jsonl'
    robot.deployment.start('m@1')
    robot.deployment.close()
    with log.open('ab') as stream:
        stream.write(b'{"torn')
    robot.boot().start('m@1')
    assert robot.deployment.complaints == ()
    robot.deployment.close()
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b''.join(lines[:-2]))
    robot.boot().start('m@1')
    (complaint,) = robot.deployment.complaints
    assert complaint == f'{log}: 2 entries are gone from the end'
