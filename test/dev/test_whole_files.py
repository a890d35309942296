"""A file is whole and right, or it is not there."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import NoReturn

import pytest

from dev.models import whole_files
from dev.models.errors import FetchError
from dev.models.whole_files import is_right, require_right, work_folder, write_whole

CONTENT = b'network'
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_a_written_file_is_right_and_readable_by_everybody(tmp_path: Path) -> None:
    path = tmp_path / 'new folder' / 'model.onnx'
    write_whole(path, CONTENT)
    assert is_right(path, SHA256, len(CONTENT))
    assert path.stat().st_mode & 0o777 == 0o644
    assert [path] == list(path.parent.iterdir())


def test_another_content_of_the_same_size_is_not_right(tmp_path: Path) -> None:
    path = tmp_path / 'model.onnx'
    path.write_bytes(CONTENT[::-1])
    assert not is_right(path, SHA256, len(CONTENT))


def test_a_kill_before_the_rename_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Path) -> NoReturn:
        raise KeyboardInterrupt

    path = tmp_path / 'model.onnx'
    write_whole(path, b'old')
    monkeypatch.setattr(Path, 'replace', killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, CONTENT)
    assert path.read_bytes() == b'old'
    assert [path] == list(tmp_path.iterdir())


def test_a_full_disk_is_told_with_the_room_that_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, 'No space left on device')

    path = tmp_path / 'model.onnx'
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(FetchError) as caught:
        write_whole(path, bytes(2_500_000))
    assert f'{path}: the disk is full' in str(caught.value)
    assert '2.5 MB needed; make room' in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'')
    with pytest.raises(FetchError, match=r'file/model\.onnx: cannot be written'):
        write_whole(tmp_path / 'file' / 'model.onnx', CONTENT)


def test_leftovers_of_a_killed_process_go_when_they_are_old(tmp_path: Path) -> None:
    old, fresh = tmp_path / '.model.onnx.a.part', tmp_path / '.model.onnx.b.part'
    folder = tmp_path / '.c.part'
    folder.mkdir()
    for part in (old, fresh):
        part.write_bytes(CONTENT)
    for part in (old, folder):
        os.utime(part, (0, 0))
    write_whole(tmp_path / 'model.onnx', CONTENT)
    assert sorted(tmp_path.iterdir()) == [fresh, tmp_path / 'model.onnx']


def test_a_work_folder_is_gone_afterwards_whatever_happens(tmp_path: Path) -> None:
    def fail_half_way() -> None:
        with work_folder(tmp_path / 'cache') as work:
            (work / 'archive').write_bytes(CONTENT)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert list((tmp_path / 'cache').iterdir()) == []


def test_wrong_content_is_told_with_both_digests_and_the_advice() -> None:
    with pytest.raises(FetchError) as caught:
        require_right(b'other', SHA256, 'labels.txt', 'restore it')
    got = hashlib.sha256(b'other').hexdigest()
    expected = f'labels.txt: wrong content: got sha256 {got}, expected {SHA256}; restore it'
    assert str(caught.value) == expected


def test_a_file_of_another_size_is_not_even_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'model.onnx'
    path.write_bytes(CONTENT)
    monkeypatch.setattr(whole_files, 'sha256_of', lambda _: pytest.fail('it was read'))
    assert not is_right(path, SHA256, len(CONTENT) + 1)
