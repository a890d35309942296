"""Child processes, and waiting for what they do."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.client.child_process import ChildProcess, parameters, start_node
from ml_integration.ros.client.waiting import wait_until

STUBBORN = """
import signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print(subprocess.Popen(['sleep', '60']).pid, flush=True)
time.sleep(60)
"""


def python(program: str, log: Path, **options: object) -> ChildProcess:
    # Through -m, as all of them are started.
    log.with_name('program.py').write_text(program)
    environment = {**os.environ, 'PYTHONPATH': str(log.parent)}
    return ChildProcess(['-m', 'program'], log, environment, **options)


def test_an_ended_process_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = python('print("line\\n" * 30 + "the reason"); raise SystemExit(3)', tmp_path / 'log')
    assert child.wait() == 3
    with pytest.raises(MlIntegrationError, match=r'has ended with exit code 3\.') as caught:
        child.check()
    assert 'the reason' in caught.value.hint
    assert caught.value.hint.count('line') == 19
    child.end()


def test_a_text_that_never_comes_ends_the_wait_with_the_process(tmp_path: Path) -> None:
    child = python('print("something else")', tmp_path / 'log', name='/node')
    with pytest.raises(MlIntegrationError, match="/node: ended without 'ready' in its log"):
        child.wait_for_log('ready')
    child.end()


def test_who_heeds_no_signal_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml_integration.ros.client import child_process

    patient = tuple((number, 0.2) for number, _ in child_process.LAST_WORDS)
    monkeypatch.setattr(child_process, 'LAST_WORDS', patient)
    child = python(STUBBORN, tmp_path / 'log')
    child.wait_for_log('\n')
    grandchild = psutil.Process(int(child.log))
    child.end()
    assert child.returncode == -9
    wait_until(
        lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE,
        'the grandchild to end',
    )


def test_who_is_asked_by_lines_ends_with_them(tmp_path: Path) -> None:
    program = 'import sys\nfor line in sys.stdin: print(line.upper(), end="", flush=True)'
    child = python(program, tmp_path / 'log', asked=True)
    assert child.stdin is not None
    assert child.stdout is not None
    print('a line', file=child.stdin, flush=True)
    assert child.stdout.readline() == 'A LINE\n'
    child.end()
    assert child.returncode == 0


def test_a_node_is_started_with_its_name_and_parameters(tmp_path: Path) -> None:
    (tmp_path / 'shown.py').write_text('import sys; print(sys.argv[1:])')
    environment = {**os.environ, 'PYTHONPATH': str(tmp_path)}
    arguments = parameters({'rate_hz': 3.0, 'a.b': Path('/x')})
    child = start_node('eye', 'shown', arguments, tmp_path / 'log', environment)
    assert child.wait() == 0
    shown = ['--ros-args', '-r', '__node:=eye', '-p', 'rate_hz:=3.0', '-p', 'a.b:=/x']
    assert child.log == f'{shown}\n'
    assert child.name == '/eye'


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(MlIntegrationError, match=r'waited 0\.01 s in vain for a miracle'):
        wait_until(lambda: False, 'a miracle', 0.01)


def test_waiting_ends_with_what_is_checked_meanwhile() -> None:
    def ended() -> None:
        raise MlIntegrationError('the node has ended')

    with pytest.raises(MlIntegrationError, match='the node has ended'):
        wait_until(lambda: False, 'a miracle', check=ended)
