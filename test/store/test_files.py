from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_integration.store.files import (
    in_words,
    is_regular,
    open_file,
    open_named_file,
    read_file,
    read_named_file,
)

READERS = [read_file, read_named_file]


@pytest.mark.parametrize('read', READERS)
@pytest.mark.parametrize('size', [0, 1, 4096, 70_000])
def test_a_file_up_to_the_limit_is_read_whole(
    tmp_path: Path, read: Callable[[Path, int], bytes], size: int
) -> None:
    content = os.urandom(size)
    (tmp_path / 'file').write_bytes(content)
    assert read(tmp_path / 'file', max(size, 1)) == content


@pytest.mark.parametrize('read', READERS)
def test_a_larger_file_is_refused_with_both_sizes(
    tmp_path: Path, read: Callable[[Path, int], bytes]
) -> None:
    (tmp_path / 'file').write_bytes(b'12345')
    with pytest.raises(ValueError, match='5 bytes instead of at most 4'):
        read(tmp_path / 'file', 4)


@pytest.mark.parametrize('read', READERS)
def test_a_sparse_file_of_a_terabyte_is_refused_unread(
    tmp_path: Path, read: Callable[[Path, int], bytes]
) -> None:
    with (tmp_path / 'file').open('wb') as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match=f'{2**40} bytes'):
        read(tmp_path / 'file', 2**20)


@pytest.mark.parametrize('read', READERS)
@pytest.mark.parametrize('kind', ['FIFO', 'socket', 'folder', 'device'])
def test_what_is_no_regular_file_is_refused_and_never_waited_for(
    tmp_path: Path, read: Callable[[Path, int], bytes], kind: str
) -> None:
    path = tmp_path / 'file'
    if kind == 'FIFO':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'device':
        path = Path('/dev/zero')
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    with pytest.raises(ValueError, match='not a regular file'):
        read(path, 2**20)
    assert not is_regular(path)


def test_a_link_is_followed_only_where_a_person_named_it(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'content')
    (tmp_path / 'link').symlink_to('file')
    with pytest.raises(OSError) as caught:
        read_file(tmp_path / 'link', 100)
    assert caught.value.errno == errno.ELOOP
    assert read_named_file(tmp_path / 'link', 100) == b'content'
    assert is_regular(tmp_path / 'file') and not is_regular(tmp_path / 'link')


def test_a_link_to_a_device_is_refused_either_way(tmp_path: Path) -> None:
    (tmp_path / 'link').symlink_to('/dev/zero')
    for read in READERS:
        with pytest.raises((OSError, ValueError)):
            read(tmp_path / 'link', 2**20)


@pytest.mark.parametrize('read', READERS)
def test_what_is_missing_is_missing(tmp_path: Path, read: Callable[[Path, int], bytes]) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / 'file', 100)
    with pytest.raises(NotADirectoryError):
        read(Path(__file__) / 'file', 100)
    assert not is_regular(tmp_path / 'file')


def test_what_the_kernel_makes_up_is_read_up_to_the_limit() -> None:
    assert read_file(Path('/proc/self/cmdline'), 2**20)  # says that it has no bytes
    with pytest.raises(ValueError, match='more than 3 bytes'):
        read_file(Path('/proc/self/cmdline'), 3)


def test_pieces_are_read_of_a_regular_file_only(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'content')
    (tmp_path / 'link').symlink_to('file')
    os.mkfifo(tmp_path / 'fifo')
    with open_file(tmp_path / 'file') as stream:
        assert stream.read(3) == b'con'
    with open_named_file(tmp_path / 'link', 7) as stream:
        assert stream.read() == b'content'
    for open_ in (open_file, open_named_file):
        with pytest.raises(ValueError):
            open_(tmp_path / 'fifo')
    with pytest.raises(OSError):
        open_file(tmp_path / 'link')


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'content')
    os.mkfifo(tmp_path / 'fifo')
    before = _open_descriptors()
    for name in ('file', 'fifo', 'missing'):
        for limit in (3, 100):
            try:
                read_file(tmp_path / name, limit)
            except (OSError, ValueError):
                continue
    assert _open_descriptors() == before


def _open_descriptors() -> list[str]:
    return sorted(path.name for path in Path('/proc/self/fd').iterdir())


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (OSError(errno.ENOENT, 'No such file or directory'), 'there is no such file'),
        (OSError(errno.EACCES, 'Permission denied'), 'you may not read it'),
        (OSError(errno.ENOTDIR, 'Not a directory'), 'a part of its path is a file, not a folder'),
        (OSError(errno.EIO, 'Input/output error'), 'Input/output error'),
        (ValueError('not a regular file'), 'not a regular file'),
    ],
)
def test_a_reason_is_said_in_words(error: Exception, words: str) -> None:
    assert in_words(error) == words
