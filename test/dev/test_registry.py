"""Packages through the real pip, from a folder instead of the network."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from dev.models import registry
from dev.models.errors import FetchError
from dev.models.packages import Member, Package
from dev.models.registry import members_of

NETWORK = b'a network'
MEMBER = Member('toy/data/network.bin', hashlib.sha256(NETWORK).hexdigest(), len(NETWORK))
METADATA = 'Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n'

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('pip') is None, reason='this Python has no pip'
)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A wheel in a folder that is the only place where pip may look."""
    wheels = tmp_path / 'wheels'
    wheels.mkdir()
    wheel = wheels / 'toy-1.0-py3-none-any.whl'
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr(MEMBER.path, NETWORK)
        archive.writestr('toy-1.0.dist-info/METADATA', METADATA)
        archive.writestr('toy-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nTag: py3-none-any\n')
        archive.writestr('toy-1.0.dist-info/RECORD', '')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('PIP_CONFIG_FILE', os.devnull)
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_FIND_LINKS', str(wheels))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Package('toy', '1.0', digest, 1, ('--only-binary', ':all:'), (MEMBER,))


def no_pip(*_: object) -> Path:
    raise AssertionError('pip was called')


def test_members_are_kept_and_the_archive_is_not(toy: Package, tmp_path: Path) -> None:
    said: list[str] = []
    path = members_of(toy, said.append)[MEMBER]
    assert path.read_bytes() == NETWORK
    assert [file for file in (tmp_path / 'cache').rglob('*') if file.is_file()] == [path]
    assert said[0] == 'downloading toy 1.0 (1 MB) with pip ...'


def test_a_second_call_asks_nobody(toy: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    first = members_of(toy, print)
    monkeypatch.setattr(registry, '_download', no_pip)
    assert members_of(toy, print) == first


def test_a_spoiled_cache_is_fetched_again(toy: Package) -> None:
    path = members_of(toy, print)[MEMBER]
    path.write_bytes(NETWORK[::-1])
    assert members_of(toy, print)[MEMBER].read_bytes() == NETWORK


def test_another_archive_than_the_pinned_one_is_refused(toy: Package, tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        members_of(replace(toy, sha256='0' * 64), print)
    assert f'toy 1.0: wrong archive: got sha256 {toy.sha256}' in str(caught.value)
    assert f'expected {"0" * 64}' in str(caught.value)
    assert [file for file in (tmp_path / 'cache').rglob('*') if file.is_file()] == []


def test_a_member_that_does_not_fit_its_pin_is_refused(toy: Package) -> None:
    other = replace(MEMBER, sha256='0' * 64)
    with pytest.raises(FetchError, match=r'toy 1\.0: toy/data/network\.bin: wrong'):
        members_of(replace(toy, members=(other,)), print)


def test_a_member_that_is_not_there_is_named(toy: Package) -> None:
    absent = replace(MEMBER, path='toy/absent.bin')
    with pytest.raises(FetchError, match=r'toy-1.0-.*whl: toy/absent.bin is not in it'):
        members_of(replace(toy, members=(absent,)), print)


def test_without_a_network_the_error_says_what_can_be_done(toy: Package) -> None:
    with pytest.raises(FetchError) as caught:
        members_of(replace(toy, version='9.9'), print)
    text = str(caught.value)
    assert text.startswith('toy 9.9: pip could not download it. Got: ERROR:')
    assert f'Expected: an archive with sha256 {toy.sha256}' in text
    assert f'copy {registry.cache_folder() / "toy-9.9"} from a machine that has it' in text


def test_a_disk_that_is_full_for_pip_is_told_as_such(toy: Package, tmp_path: Path) -> None:
    error = registry._pip_error(toy, 'OSError: [Errno 28] No space left on device', tmp_path)
    assert 'the disk is full' in str(error)


def test_a_python_without_pip_is_told_as_such(toy: Package, tmp_path: Path) -> None:
    error = registry._pip_error(toy, '/usr/bin/python3: No module named pip', tmp_path)
    assert 'has no pip' in str(error)


def test_members_are_read_from_sources_too(tmp_path: Path) -> None:
    archive = tmp_path / 'toy-1.0.tar.gz'
    with tarfile.open(archive, 'w:gz') as sources:
        info = tarfile.TarInfo(MEMBER.path)
        info.size = len(NETWORK)
        sources.addfile(info, io.BytesIO(NETWORK))
    assert registry._read_member(archive, MEMBER) == NETWORK
    with pytest.raises(FetchError, match=r'absent\.bin is not in it'):
        registry._read_member(archive, replace(MEMBER, path='absent.bin'))
