from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ml_integration.errors import StateError
from ml_integration.store.state import audit
from ml_integration.store.state.audit import AuditLog
from ml_integration.store.state.audit_entry import FIRST, AuditEntry
from ml_integration.store.state.audit_files import AuditFiles

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


class PowerCutError(Exception):
    """Nothing of the program runs after it."""


def cut_power_after(
    monkeypatch: pytest.MonkeyPatch, steps: int, append: Callable[[], object]
) -> bool:
    """Runs `append` up to a number of changes on disk; tells whether it was cut short."""
    left = [steps]

    def counting(change: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            if left[0] <= 0:
                raise PowerCutError
            left[0] -= 1
            return change(*args)

        return counted

    with monkeypatch.context() as patch:
        for owner, name in (
            (audit, 'write_durably'),
            (AuditFiles, 'add'),
            (AuditFiles, 'cut'),
            (AuditFiles, 'set_aside'),
            (Path, 'unlink'),
        ):
            patch.setattr(owner, name, counting(getattr(owner, name)))
        try:
            append()
        except PowerCutError:
            return True
    return False


@pytest.mark.parametrize('steps', range(5))
def test_a_power_cut_between_any_two_writes_is_no_tampering(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    was_cut = cut_power_after(monkeypatch, steps, lambda: log.append('swap', actor='somebody'))
    assert was_cut == (steps < 3)  # announced, written, confirmed
    assert log.verify() == ()
    again = AuditLog(log.path)
    again.append('commit', actor='somebody')
    assert again.verify() == ()
    actions = [entry.action for entry in again.entries()][5:]
    assert actions == {0: ['commit'], 1: ['repair', 'commit']}.get(steps, ['swap', 'commit'])
    assert len(again.repairs) == (steps == 1)
    assert again.tampering == ()


@pytest.mark.parametrize('steps', range(12))
def test_a_power_cut_while_files_are_set_aside_is_no_tampering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    path = tmp_path / 'audit.jsonl'
    small = partial(AuditLog, path, largest=900, kept=2)
    while len(list(tmp_path.glob('audit.jsonl.[0-9]*'))) < 2 or path.stat().st_size < 900:
        small().append('swap', actor='somebody')
    cut_power_after(monkeypatch, steps, lambda: small().append('swap', actor='x'))
    assert small().verify() == ()
    for _ in range(8):
        small().append('commit', actor='somebody')
    assert small().verify() == ()
    assert len(list(tmp_path.glob('audit.jsonl.[0-9]*'))) <= 3


def forged(log: AuditLog) -> bytes:
    """An entry that follows the last one, made by somebody who has read this code."""
    entry = AuditEntry.now('ml_model', 'commit', 'evil@1', '', 'evil@1', 'ok', '')
    return entry.after_entry(log.entries()[-1].sha256).line()


def test_an_entry_added_behind_the_back_of_the_log_is_found_for_ever(log: AuditLog) -> None:
    with log.path.open('ab') as stream:
        stream.write(forged(log))
    assert log.verify() == ('1 entries were added behind the back of the log',)
    log.append('swap', actor='somebody')
    (problem,) = log.verify()
    assert problem.endswith('found: 1 entries were added behind the back of the log')
    assert log.repairs == log.tampering
    assert any('behind the back' in repair for repair in log.repairs)


def test_a_forged_entry_in_place_of_the_announced_one_is_found(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_power_after(monkeypatch, 1, lambda: log.append('swap', actor='somebody'))
    with log.path.open('ab') as stream:
        stream.write(forged(log))
    assert log.verify() == ('1 entries were added behind the back of the log',)


def test_the_last_entry_cannot_be_taken_away_after_a_power_cut(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_power_after(monkeypatch, 1, lambda: log.append('swap', actor='somebody'))
    change(log, lambda lines: lines[:-1])
    assert log.verify() == ('1 entries are gone from the end',)


def test_an_append_reads_the_end_only(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> Any:
        raise AssertionError('it reads the whole log')

    monkeypatch.setattr(AuditFiles, 'lines', refuse)
    log.append('swap', actor='somebody')
    with log.path.open('ab') as stream:
        stream.write(b'{"torn')
    log.append('commit', actor='somebody')


def test_a_log_that_grows_is_continued_in_further_files(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / 'audit.jsonl', largest=2000, kept=100)
    for number in range(40):
        log.append('swap', actor='somebody', reason=str(number))
    files = list(tmp_path.glob('audit.jsonl.[0-9]*'))
    assert len(files) > 3 and all(file.stat().st_size < 3000 for file in files)
    assert [entry.reason for entry in log.entries()] == [str(number) for number in range(40)]
    assert log.verify() == ()


def test_the_oldest_files_are_removed_and_the_chain_still_holds(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / 'audit.jsonl', largest=2000, kept=3)
    for number in range(100):
        log.append('swap', actor='somebody', reason=str(number))
    assert sum(file.stat().st_size for file in tmp_path.glob('audit.jsonl*')) < 5 * 3000
    entries = log.entries()
    assert [entry.reason for entry in entries if entry.action == 'swap'][-1] == '99'
    rotated = [entry for entry in entries if entry.action == 'rotate']
    assert rotated and 'the oldest ' in rotated[-1].reason
    assert log.verify() == ()
    (remark,) = log.examine().remarks
    assert 'entries were removed as the log grew' in remark
    assert AuditLog(log.path, largest=2000, kept=3).append('swap', actor='x').previous


@pytest.mark.parametrize('which', [0, 1, -1])
@pytest.mark.parametrize('damage', ['gone', 'cut', 'edited', 'renamed'])
def test_tampering_with_an_older_file_is_found(tmp_path: Path, which: int, damage: str) -> None:
    log = AuditLog(tmp_path / 'audit.jsonl', largest=1000, kept=5)
    for number in range(60):
        log.append('swap', actor='somebody', reason=str(number))
    files = sorted(tmp_path.glob('audit.jsonl.[0-9]*'), key=lambda file: int(file.suffix[1:]))
    file = files[which]
    content = file.read_bytes()
    if damage == 'gone':
        file.unlink()
    elif damage == 'renamed':
        file.rename(file.with_suffix('.999'))
    elif damage == 'cut':
        file.write_bytes(content[: content.index(b'\n') + 1])
    else:
        file.write_bytes(content.replace(b'somebody', b'Somebody', 1))
    # The newest of the older files has the last number anyway.
    assert log.verify() or (damage, which) == ('renamed', -1)


def test_the_same_refusal_again_and_again_is_one_entry_and_a_count(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = log.path.stat().st_size
    for number in range(500):
        reason = f'm@1 has served {number} good frames'
        log.append('rollback', actor='/front', model='m@1', result='failed', reason=reason)
    assert log.path.stat().st_size < size + 1000
    (first,) = log.entries()[5:]
    assert (first.action, first.reason) == ('rollback', 'm@1 has served 0 good frames')
    (coming,) = log.examine().refusals
    assert coming.reason.startswith('499 more until ')
    log.append('swap', actor='/front')  # the time is not over
    assert len(log.entries()) == 7
    later(monkeypatch, 601)
    log.append('commit', actor='/front')
    counted, commit = AuditLog(log.path).entries()[7:]
    assert (counted.actor, counted.action, counted.result) == ('/front', 'rollback', 'failed')
    assert '499 more until ' in counted.reason and 'served 499 good frames' in counted.reason
    assert commit.action == 'commit'
    assert log.examine().refusals == ()
    assert log.verify() == ()


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time()
    monkeypatch.setattr(time, 'time', lambda: now + seconds)


def test_refusals_of_ever_new_kinds_are_counted_together(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f'{a}{b}{c}' for a in 'abcd' for b in 'abcd' for c in 'abcdefgh']
    for name in names:
        log.append('activate', actor='ml_model', model=name, result='refused', reason='no')
    assert len(log.entries()) == 5 + 40
    later(monkeypatch, 601)
    log.append('swap', actor='x')
    *_, others, swap = log.entries()
    assert others.reason.startswith(f'{len(names) - 40} more until ')
    assert swap.action == 'swap'
    assert log.verify() == ()


def test_what_succeeds_is_never_counted_together(log: AuditLog) -> None:
    for _ in range(3):
        log.append('swap', actor='x')
    assert len(log.entries()) == 8


def test_refusals_that_differ_are_told_apart(log: AuditLog) -> None:
    for actor, reason in (('/a', 'no'), ('/b', 'no'), ('/a', 'never')):
        log.append('swap', actor=actor, model='m@1', result='refused', reason=reason)
    assert len(log.entries()) == 8


@pytest.mark.parametrize(
    'content', [b'', b'{', b'[]', b'{"a": 1}', b'[{"actor": 1}]', b'[' * 100_000, b'[null]']
)
def test_counts_that_cannot_be_understood_are_none(log: AuditLog, content: bytes) -> None:
    log.path.with_name('audit.jsonl.refusals').write_bytes(content)
    log.append('swap', actor='x', result='refused')
    assert len(log.entries()) == 6


def test_a_clock_that_is_set_back_ends_the_count(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        log.append('swap', actor='x', result='refused')
    later(monkeypatch, -1e6)
    log.append('swap', actor='x', result='refused')
    assert [entry.reason[:6] for entry in log.entries()[5:]] == ['', '2 more', '']


@pytest.mark.parametrize('name', ['audit.jsonl', 'audit.jsonl.refusals', 'locks/audit.jsonl'])
@pytest.mark.parametrize('kind', ['link', 'pipe'])
def test_a_link_or_a_pipe_in_the_place_of_a_file_is_not_written(
    tmp_path: Path, name: str, kind: str
) -> None:
    target = tmp_path / 'target'
    target.write_bytes(b'mine')
    (tmp_path / 'state/locks').mkdir(parents=True)
    place = tmp_path / 'state' / name
    if kind == 'link':
        place.symlink_to(target)
    else:
        os.mkfifo(place)
    with pytest.raises(StateError):
        AuditLog(tmp_path / 'state/audit.jsonl').append('swap', actor='x', result='refused')
    assert target.read_bytes() == b'mine'


def test_the_texts_of_an_entry_are_bounded(log: AuditLog) -> None:
    log.append('activate', actor='ml_model', model='\U0001d11e' * 100_000, reason='\x00' * 10**6)
    assert len(log.path.read_bytes().splitlines()[-1]) < 2**15
    log.append('swap', actor='x')
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
