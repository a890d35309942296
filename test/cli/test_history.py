from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml_integration.cli.main import main
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def state(state_dir: Path) -> StateDir:
    state = StateDir(state_dir)
    state.audit.append('install', actor='ml_model', model='m@2', reason='from a USB stick')
    state.audit.append('swap', actor='/front', model='m@2', before='m@1', after='m@2')
    state.audit.append('swap', actor='/rear', model='n@7', result='refused', reason='too slow')
    return state


def test_history_is_one_line_per_entry(state: StateDir, capsys: Capture) -> None:
    assert main(['history']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split('  ', 1)[1] for line in lines[:3]] == [
        'ml_model  install  m@2 (from a USB stick)',
        '/front  swap  m@1 -> m@2',
        '/rear  swap  n@7: refused (too slow)',
    ]
    assert lines[3] == '3 entries, the chain is intact'


def test_history_of_one_model(state: StateDir, capsys: Capture) -> None:
    assert main(['history', 'n', '--json']) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [entry['model'] for entry in shown['entries']] == ['n@7']
    assert shown['problems'] == []


def test_tampered_history_is_shown_with_its_problems(state: StateDir, capsys: Capture) -> None:
    log = state.audit.path
    log.write_bytes(log.read_bytes().replace(b'too slow', b'all good'))
    assert main(['history']) == 1
    out, errors = capsys.readouterr()
    assert out.splitlines()[-1] == '3 entries, 1 problem'
    assert 'entry 3 was edited' in errors
    assert main(['history', '--json']) == 1
    assert json.loads(capsys.readouterr().out)['problems'] == ['entry 3 was edited']


def test_history_of_nothing_is_empty(capsys: Capture) -> None:
    assert main(['history']) == 0
    assert capsys.readouterr().out == '0 entries, the chain is intact\n'


def test_refusals_that_are_only_counted_are_shown_as_well(
    state: StateDir, capsys: Capture
) -> None:
    for _ in range(3):
        state.audit.append('rollback', actor='/front', model='m@2', result='failed', reason='no')
    assert main(['history', 'm']) == 0
    *_, written, coming, intact = capsys.readouterr().out.splitlines()
    assert written.endswith('/front  rollback  m@2: failed (no)')
    assert coming.startswith('not written yet: ') and '(2 more until ' in coming
    assert intact == '4 entries, the chain is intact'
    main(['history', '--json'])
    (counted,) = json.loads(capsys.readouterr().out)['counted']
    assert counted['reason'].startswith('2 more until ')


def test_a_repair_is_told_when_it_is_to_come_when_it_is_done_and_for_ever(
    state: StateDir, capsys: Capture
) -> None:
    with state.audit.path.open('ab') as stream:
        stream.write(b'{"time"')
    assert main(['history']) == 0
    assert 'the last line, 7 bytes, is unfinished' in capsys.readouterr().err
    assert main(['rollback', 'm']) == 1
    told = 'the unfinished last line, 7 bytes, was removed'
    assert f'audit.jsonl: {told}' in capsys.readouterr().err
    assert main(['history']) == 0
    out, errors = capsys.readouterr()
    assert 'audit log  repair ' in out and f'({told})' in out
    assert errors == ''
