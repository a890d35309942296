"""A wrong entry is made anew; a folder that cannot be written to keeps nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_integration.store.state.artifacts import KEPT, StoredArtifacts

DATA = bytes(range(256)) * 100


class Cache(StoredArtifacts):
    """Remembers what it told."""

    def __init__(self, path: Path) -> None:
        self.path, self.told = path, list[str]()
        super().__init__(path, self.told.append)

    def put(self, key: str, data: bytes) -> None:
        super().put(key, data)
        self.write()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / 'state' / 'cache')


def test_what_was_put_is_there_also_for_the_next_process(cache: Cache) -> None:
    assert cache.get('key') is None
    cache.put('key', DATA)
    assert cache.get('key') == DATA
    assert Cache(cache.path).get('key') == DATA
    assert cache.get('other') is None
    assert not cache.told


def test_nothing_is_written_until_somebody_has_the_time(tmp_path: Path) -> None:
    cache = StoredArtifacts(tmp_path / 'cache', print)
    cache.put('key', DATA)
    assert not (tmp_path / 'cache').exists()
    cache.write()
    assert cache.get('key') == DATA


def flip(entry: Path) -> None:
    data = bytearray(entry.read_bytes())
    data[-1] ^= 1
    entry.write_bytes(data)


def cut(entry: Path) -> None:
    os.truncate(entry, 70)


def empty(entry: Path) -> None:
    os.truncate(entry, 0)


def writable_by_the_group(entry: Path) -> None:
    entry.chmod(0o660)


def link(entry: Path) -> None:
    entry.rename(entry.with_name('.elsewhere'))
    entry.symlink_to('.elsewhere')


def folder(entry: Path) -> None:
    entry.unlink()
    entry.mkdir()


def pipe(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry)


def another_entry(entry: Path) -> None:
    Cache(entry.parent).put('other', DATA)
    shutil.copy2(entry.with_name('other'), entry)


def somebody_elses(entry: Path) -> None:
    os.chown(entry, 12345, -1)


@pytest.mark.parametrize(
    'spoil',
    [flip, cut, empty, writable_by_the_group, link, folder, pipe, another_entry, somebody_elses],
)
def test_an_entry_that_is_not_as_it_was_written_is_dropped_and_can_be_made_anew(
    spoil: Callable[[Path], None], cache: Cache
) -> None:
    cache.put('key', DATA)
    try:
        spoil(cache.path / 'key')
    except PermissionError:
        pytest.skip('only root can give files away')
    assert cache.get('key') is None
    (sentence,) = cache.told
    assert sentence.startswith(f'{cache.path}/key: this entry of the cache is not used')
    assert cache.get('key') is None  # and says so once
    assert len(cache.told) == 1
    cache.put('key', DATA)
    assert cache.get('key') == DATA


def test_nobody_else_may_write_even_where_new_files_are_the_groups(cache: Cache) -> None:
    before = os.umask(0o002)
    try:
        cache.put('key', DATA)
        made = cache.folder('engine')
    finally:
        os.umask(before)
    assert made is not None
    for path in (cache.path.parent, cache.path, cache.path / 'key', made):
        assert not path.stat().st_mode & 0o022


@pytest.mark.parametrize('mode', [0o775, 0o757, 0o1777])
@pytest.mark.parametrize('which', ['state', 'state/cache'])
def test_nothing_is_kept_or_used_where_others_may_write(
    which: str, mode: int, cache: Cache, tmp_path: Path
) -> None:
    cache.put('key', DATA)
    folder = tmp_path / which
    before = folder.stat().st_mode
    folder.chmod(mode)
    assert cache.get('key') is None
    cache.put('other', DATA)
    assert cache.folder('engine') is None
    assert [file.name for file in cache.path.iterdir()] == ['key']
    (sentence,) = cache.told
    assert sentence.startswith(f'{folder}: no optimized models are kept or used, as others may')
    folder.chmod(before)
    assert cache.get('key') == DATA


@pytest.mark.parametrize('which', ['state', 'state/cache'])
def test_nothing_is_kept_or_used_in_somebody_elses_folder(
    which: str, cache: Cache, tmp_path: Path
) -> None:
    cache.put('key', DATA)
    try:
        os.chown(tmp_path / which, 12345, -1)
    except PermissionError:
        pytest.skip('only root can give folders away')
    assert cache.get('key') is None
    (sentence,) = cache.told
    assert 'belongs to the user 12345' in sentence


def test_entries_that_were_not_used_for_long_make_room(cache: Cache) -> None:
    names = [f'key{number}' for number in range(KEPT)]
    for number, name in enumerate(names):
        cache.put(name, DATA)
        os.utime(cache.path / name, (number, number))
    cache.get('key0')
    cache.put('new', DATA)
    assert {entry.name for entry in cache.path.iterdir()} == {*names, 'new'} - {'key1'}


def test_an_engine_has_a_folder_for_files_of_its_own(cache: Cache) -> None:
    made = cache.folder('engine')
    assert made is not None
    (made / 'plan').write_bytes(DATA)
    assert cache.folder('engine') == made
    assert (made / 'plan').read_bytes() == DATA


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / 'state').write_text('a file where the folder should be')
    cache = Cache(tmp_path / 'state' / 'cache')
    cache.put('key', DATA)
    assert cache.get('key') is None
    assert cache.folder('engine') is None
    assert not cache.told
