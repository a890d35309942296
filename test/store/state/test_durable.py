from __future__ import annotations

import fcntl
import os
import stat
import threading
from pathlib import Path

import pytest

from ml_integration.errors import StateError
from ml_integration.store.state import durable
from ml_integration.store.state.durable import locked, write_durably


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_content_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / 'deep' / 'down' / 'state.json'
    for content in (b'one', b'', bytes(3_000_000)):
        write_durably(file, content)
        assert file.read_bytes() == content
    assert names(file.parent) == ['state.json']


def test_secret_file_is_for_its_owner_only(tmp_path: Path) -> None:
    write_durably(tmp_path / 'key', b'secret', 0o600)
    assert (tmp_path / 'key').stat().st_mode & 0o777 == 0o600


def test_reader_sees_the_old_content_until_the_new_one_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / 'state'
    file.write_bytes(b'old')
    steps = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        steps.append(('fsync', stat.S_ISDIR(os.fstat(descriptor).st_mode)))
        steps.append(('seen', file.read_bytes()))
        sync(descriptor)

    monkeypatch.setattr(os, 'fsync', fsync)
    write_durably(file, b'new')
    assert steps == [('fsync', False), ('seen', b'old'), ('fsync', True), ('seen', b'new')]


@pytest.mark.parametrize('broken', ['fsync', 'write'])
def test_failed_write_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    file = tmp_path / 'state'
    file.write_bytes(b'old')

    def fail(*_: object) -> int:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(StateError) as caught:
        write_durably(file, b'new')
    assert str(caught.value) == (
        f'{file}: it cannot be written: No space left on device. Free some space on that disk.'
    )
    assert file.read_bytes() == b'old'
    assert names(tmp_path) == ['state']


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_has_stays(
    tmp_path: Path,
) -> None:
    abandoned = tmp_path / '.state.0a0a0a0a.tmp'
    abandoned.write_bytes(b'half')
    (tmp_path / '.other.0a0a0a0a.tmp').write_bytes(b'of another file')
    with (tmp_path / '.state.0b0b0b0b.tmp').open('wb') as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        write_durably(tmp_path / 'state', b'whole')
    assert names(tmp_path) == ['.other.0a0a0a0a.tmp', '.state.0b0b0b0b.tmp', 'state']


def test_many_writers_at_once_all_succeed(tmp_path: Path) -> None:
    contents = [bytes([number]) * 1000 for number in range(8)]
    errors: list[Exception] = []

    def write(content: bytes) -> None:
        try:
            for _ in range(10):
                write_durably(tmp_path / 'state', content)
        except StateError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert (tmp_path / 'state').read_bytes() in contents
    assert names(tmp_path) == ['state']


@pytest.mark.parametrize(
    ('place', 'reason'),
    [('folder', 'Is a directory'), ('file/state', 'File exists')],
)
def test_place_that_cannot_be_written_is_named(tmp_path: Path, place: str, reason: str) -> None:
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').touch()
    with pytest.raises(StateError) as caught:
        write_durably(tmp_path / place, b'')
    assert str(caught.value) == f'{tmp_path / place}: it cannot be written: {reason}'
    assert names(tmp_path) == ['file', 'folder']


def test_lock_keeps_others_out_and_names_the_holder(tmp_path: Path) -> None:
    file = tmp_path / 'lock'
    with locked(file), pytest.raises(StateError) as caught:  # noqa: SIM117
        with locked(file, timeout_s=0.02):
            pass
    assert f'process {os.getpid()} holds the lock for more than 0.02 s' in str(caught.value)


def test_lock_is_free_after_an_error_inside(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='inside'), locked(tmp_path / 'lock'):
        raise ValueError('inside')
    with locked(tmp_path / 'lock', timeout_s=0):
        pass


@pytest.mark.parametrize('mask', [0o000, 0o022, 0o077])
def test_nobody_else_can_hold_a_lock(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with locked(tmp_path / 'state/locks/models'):
            pass
    finally:
        os.umask(before)
    (tmp_path / 'state/locks').chmod(0o777)  # of a careless hand
    with locked(tmp_path / 'state/locks/models'):
        pass
    assert stat.S_IMODE((tmp_path / 'state/locks').stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / 'state/locks/models').stat().st_mode) == 0o600


@pytest.mark.parametrize('kind', ['link', 'linked folder', 'pipe', 'folder'])
def test_a_lock_is_a_file_of_its_own(tmp_path: Path, kind: str) -> None:
    locks, target = tmp_path / 'locks', tmp_path / 'target'
    target.mkdir(mode=0o755)
    if kind == 'linked folder':
        locks.symlink_to(target)
    else:
        locks.mkdir()
    if kind == 'link':
        (locks / 'models').symlink_to(target / 'file')
    elif kind == 'pipe':
        os.mkfifo(locks / 'models')
    elif kind == 'folder':
        (locks / 'models').mkdir()
    with pytest.raises(StateError, match='it cannot be locked'), locked(locks / 'models'):
        pass
    assert list(target.iterdir()) == []
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


def test_lock_makes_changes_follow_each_other(tmp_path: Path) -> None:
    count = tmp_path / 'count'
    count.write_text('0')

    def add() -> None:
        for _ in range(20):
            with locked(tmp_path / 'lock'):
                durable.write_durably(count, str(int(count.read_text()) + 1).encode())

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.read_text() == '80'
