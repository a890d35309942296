from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ml_integration.errors import StateError
from ml_integration.store.state.audit import AuditLog
from ml_integration.store.state.audit_entry import FIRST

Lines = list[bytes]


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    """Five entries: shapes@1 to shapes@5 were activated."""
    log = AuditLog(tmp_path / 'audit.jsonl')
    for version in range(1, 6):
        log.append(
            'activate',
            actor='ml_model',
            model='shapes',
            before=f'shapes@{version - 1}',
            after=f'shapes@{version}',
        )
    return log


def head(log: AuditLog) -> Path:
    return log.path.with_name('audit.jsonl.head')


def change(log: AuditLog, edit: Callable[[Lines], Lines]) -> None:
    log.path.write_bytes(b''.join(edit(log.path.read_bytes().splitlines(keepends=True))))


def test_entry_says_what_happened_and_follows_the_one_before(log: AuditLog) -> None:
    entry = log.append('commit', actor='/detector', model='shapes@5', result='ok', reason='why')
    first, *_, before, last = log.entries()
    assert last == entry
    assert (entry.actor, entry.action, entry.model, entry.reason) == (
        '/detector', 'commit', 'shapes@5', 'why',
    )  # fmt: skip
    age = datetime.now(timezone.utc) - datetime.fromisoformat(entry.time)
    assert 0 <= age.total_seconds() < 3600
    assert first.previous == FIRST
    assert entry.previous == before.sha256
    assert log.verify() == ()


def test_line_is_plain_json_with_the_documented_keys(log: AuditLog) -> None:
    document = json.loads(log.path.read_bytes().splitlines()[0])
    assert list(document) == [
        'time', 'actor', 'action', 'model', 'from', 'to', 'result', 'reason', 'previous', 'sha256',
    ]  # fmt: skip


@pytest.mark.parametrize('text', ['two\nlines', '\r', '"', 'ü ☃ 𝄞', '\x00', '\u2028'])
def test_any_text_stays_one_line(log: AuditLog, text: str) -> None:
    log.append('swap', actor=text, model=text, reason=text)
    assert log.verify() == ()
    assert log.entries()[-1].reason == text
    assert len(log.entries()) == 6


def edited(lines: Lines) -> Lines:
    return [*lines[:2], lines[2].replace(b'shapes@3', b'shapes@9'), *lines[3:]]


def rehashed(lines: Lines) -> Lines:
    """Edited by somebody who knows how to make the entry itself fit again."""
    document = json.loads(lines[2])
    del document['sha256']
    document['to'] = 'shapes@9'
    text = json.dumps(document, sort_keys=True, separators=(',', ':'))
    document['sha256'] = hashlib.sha256(text.encode()).hexdigest()
    return [*lines[:2], json.dumps(document).encode() + b'\n', *lines[3:]]


@pytest.mark.parametrize(
    ('edit', 'problem'),
    [
        (edited, 'entry 3 was edited'),
        (rehashed, 'entry 4 does not follow'),
        (lambda lines: lines[1:], 'entry 1 does not follow'),  # the first is gone
        (lambda lines: [*lines[:2], *lines[3:]], 'entry 3 does not follow'),  # one in the middle
        (lambda lines: lines[:-1], '1 entries are gone from the end'),
        (lambda lines: lines[:-3], '3 entries are gone from the end'),
        (lambda lines: [], '5 entries are gone from the end'),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 'entry 1 does not follow'),  # swapped
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 'entry 3 does not follow'),  # twice
        (lambda lines: [*lines[:2], b'\n', *lines[2:]], 'line 3 is not an entry'),
        (lambda lines: [*lines[:2], b'{}\n', *lines[3:]], 'line 3 is not an entry'),
        (lambda lines: [*lines[:4], b'{}\n'], 'line 5 is not an entry'),
        (lambda lines: [*lines[:4], lines[4].rstrip()], '1 entries are gone from the end'),
    ],
)
def test_tampering_is_found(log: AuditLog, edit: Callable[[Lines], Lines], problem: str) -> None:
    change(log, edit)
    assert any(problem in found for found in log.verify())


def test_lines_added_without_the_log_are_found(log: AuditLog) -> None:
    old = head(log).read_bytes()
    log.append('swap', actor='a')
    log.append('swap', actor='b')
    head(log).write_bytes(old)
    assert log.verify() == ('2 entries were added behind the back of the log',)


@pytest.mark.parametrize('content', [None, b'', b'[]', b'{"count": "5"}'])
def test_head_file_that_is_gone_or_unreadable_is_told(
    log: AuditLog, content: bytes | None
) -> None:
    head(log).unlink()
    if content is not None:
        head(log).write_bytes(content)
    (problem,) = log.verify()
    assert 'head file is missing or unreadable' in problem


def test_log_that_is_gone_is_told(log: AuditLog) -> None:
    log.path.unlink()
    assert log.verify() == ('5 entries are gone from the end',)


def test_missing_entries_are_not_forgotten_by_later_ones(log: AuditLog) -> None:
    change(log, lambda lines: lines[:-2])
    log.append('swap', actor='somebody')
    actions = [entry.action for entry in log.entries()]
    assert actions == ['activate'] * 3 + ['repair', 'swap']
    (problem,) = log.verify()
    assert problem.startswith('entry 4 of ')
    assert problem.endswith('found: 2 entries are gone from the end')


def test_unfinished_line_of_a_power_cut_is_tolerated_then_removed_and_told(
    log: AuditLog,
) -> None:
    with log.path.open('ab') as stream:
        stream.write(b'{"time": "20')
    assert log.verify() == ()
    assert len(log.entries()) == 5
    log.append('swap', actor='somebody')
    assert log.verify() == ()
    *_, repair, last = log.entries()
    assert last.action == 'swap'
    assert (repair.action, repair.result) == ('repair', 'ok')
    assert repair.reason == 'the unfinished last line, 12 bytes, was removed'


def test_power_cut_between_entry_and_head_is_tolerated(log: AuditLog) -> None:
    old = head(log).read_bytes()
    log.append('swap', actor='somebody')
    head(log).write_bytes(old)
    assert log.verify() == ()
    log.append('commit', actor='somebody')
    assert log.verify() == ()
    assert [entry.action for entry in log.entries()][-2:] == ['swap', 'commit']


def test_any_number_of_power_cuts_between_entry_and_head_is_tolerated(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_head = log._write_head
    for count in range(6, 10):
        heads: list[Any] = []
        with monkeypatch.context() as patch:
            patch.setattr(log, '_write_head', heads.append)
            log.append('swap', actor='somebody')
        for done in heads[:-1]:  # the last one is lost
            write_head(done)
        assert len(log.entries()) == count
        assert log.verify() == ()


def test_failed_append_leaves_the_log_as_it_was(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = log.path.read_bytes()
    write = os.write
    with monkeypatch.context() as patch:

        def half(descriptor: int, data: bytes) -> int:
            if len(data) > 40:
                return write(descriptor, data[:40])
            raise OSError(28, 'No space left on device')

        patch.setattr(os, 'write', half)
        with pytest.raises(StateError, match='No space left'):
            log.append('swap', actor='somebody')
    assert log.path.read_bytes() == before
    log.append('swap', actor='somebody')
    assert log.verify() == ()


def test_many_may_append_at_once(tmp_path: Path) -> None:
    def append(actor: str) -> None:
        for _ in range(5):
            AuditLog(tmp_path / 'audit.jsonl').append('swap', actor=actor)

    threads = [threading.Thread(target=append, args=(f'/node{n}',)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = AuditLog(tmp_path / 'audit.jsonl')
    assert len(log.entries()) == 20
    assert log.verify() == ()


def test_no_log_at_all_is_intact_and_empty(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / 'missing' / 'audit.jsonl')
    assert log.verify() == ()
    assert log.entries() == ()
