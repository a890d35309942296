"""Archives that attack: whatever is in them, nothing gets out of the store's own folder."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from model_folders import read_manifest_document, write_manifest, write_model_folder

from ml_integration.errors import InstallError, ManifestError, StateError
from ml_integration.store.install import copying
from ml_integration.store.install.archives import BoundedReader
from ml_integration.store.install.installing import install
from ml_integration.store.install.source_file import SourceLimits
from ml_integration.store.state.durable import write_all

LIMITS = SourceLimits(files=50, size=2_000_000)
UNSAFE_NAMES = [
    '../escaped', '/escaped', 'm/../../escaped', '//escaped', '..\\escaped', 'm/\nescaped',
    'm/\x1b[2Jescaped',
]  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A good package, so that only the attack can be the reason for a refusal."""
    return write_model_folder(tmp_path / 'built', 'm', 1, golden=False)


def refusal(archive: Path, store: Path) -> str:
    """Tries to install an archive; nothing may be left of it anywhere."""
    before = everything(store.parent)
    with pytest.raises(InstallError) as caught:
        install(archive, store, limits=LIMITS)
    assert everything(store.parent) == before
    assert [*store.iterdir()] == []
    message = str(caught.value)
    assert message.startswith(f'{archive}: ')
    return message


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob('*')
        if path != folder / 'store'
    }


def tar_with(package: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    archive = package.parents[2] / 'attack.tar'
    with tarfile.open(archive, 'w') as opened:
        opened.add(package, 'm')
        for member, content in members:
            opened.addfile(member, io.BytesIO(content))
    return archive


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = '', size: int = 0
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def zip_with(package: Path, *members: tuple[zipfile.ZipInfo, bytes]) -> Path:
    archive = package.parents[2] / 'attack.zip'
    with zipfile.ZipFile(archive, 'w') as opened:
        for file in sorted(package.iterdir()):
            opened.write(file, f'm/{file.name}')
        for info, content in members:
            opened.writestr(info, content)
    return archive


def test_the_archives_without_an_attack_are_fine(package: Path, store: Path) -> None:
    assert install(tar_with(package), store, limits=LIMITS).is_new
    assert not install(zip_with(package), store, limits=LIMITS).is_new


@pytest.mark.parametrize('name', UNSAFE_NAMES)
def test_name_that_leaves_the_folder_is_refused(package: Path, store: Path, name: str) -> None:
    words = 'would leave the folder it is unpacked to'
    assert words in refusal(tar_with(package, (member(name, size=1), b'x')), store)
    assert words in refusal(zip_with(package, (zipfile.ZipInfo(name), b'x')), store)


@pytest.mark.parametrize(
    ('kind', 'link'),
    [
        (tarfile.SYMTYPE, '/etc/passwd'),
        (tarfile.SYMTYPE, 'labels.txt'),  # even inside
        (tarfile.LNKTYPE, '/etc/passwd'),
        (tarfile.LNKTYPE, 'm/labels.txt'),
        (tarfile.CHRTYPE, ''),
        (tarfile.BLKTYPE, ''),
        (tarfile.FIFOTYPE, ''),
        (tarfile.GNUTYPE_SPARSE, ''),
    ],
)
def test_member_of_a_tar_that_is_no_plain_file_is_refused(
    package: Path, store: Path, kind: bytes, link: str
) -> None:
    message = refusal(tar_with(package, (member('m/odd', kind, link), b'')), store)
    assert 'm/odd is a link or no regular file' in message


def test_file_behind_a_link_is_not_written_through_it(
    package: Path, store: Path, tmp_path: Path
) -> None:
    target = tmp_path / 'outside'
    target.mkdir()
    link = member('m/sub', tarfile.SYMTYPE, str(target))
    refusal(tar_with(package, (link, b''), (member('m/sub/file', size=1), b'x')), store)
    assert [*target.iterdir()] == []


@pytest.mark.parametrize('kind', [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_member_of_a_zip_that_is_no_plain_file_is_refused(
    package: Path, store: Path, kind: int
) -> None:
    info = zipfile.ZipInfo('m/odd')
    info.external_attr = (kind | 0o777) << 16
    message = refusal(zip_with(package, (info, b'/etc/passwd')), store)
    assert 'm/odd is a link or no regular file' in message


@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize('name', ['m/model.onnx', './m/model.onnx', 'm//model.onnx'])
def test_name_that_comes_twice_is_refused(package: Path, store: Path, name: str) -> None:
    words = 'it holds m/model.onnx twice'
    assert words in refusal(tar_with(package, (member(name, size=1), b'x')), store)
    assert words in refusal(zip_with(package, (zipfile.ZipInfo(name), b'x')), store)


def test_file_that_is_also_a_folder_is_refused(package: Path, store: Path) -> None:
    attack = (member('m/model.onnx/x', size=1), b'x')
    assert 'not listed: model.onnx/x' in refusal(tar_with(package, attack), store)
    document = read_manifest_document(package)
    document['files']['model.onnx/x'] = {'sha256': hashlib.sha256(b'x').hexdigest(), 'size': 1}
    write_manifest(package, document)
    with pytest.raises(StateError, match='cannot be written'):
        install(tar_with(package, attack), store)
    assert [*store.iterdir()] == []


def test_too_many_members_are_refused(package: Path, store: Path) -> None:
    many = [f'm/{number}' for number in range(60)]
    words = 'it holds more than 50 entries'
    folders = ((member(name, tarfile.DIRTYPE), b'') for name in many)
    assert words in refusal(tar_with(package, *folders), store)
    assert words in refusal(
        zip_with(package, *((zipfile.ZipInfo(name), b'') for name in many)), store
    )


def bomb_zip(package: Path) -> Path:
    archive = package.parents[2] / 'bomb.zip'
    with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as opened:
        opened.write(package / 'manifest.yaml', 'm/manifest.yaml')
        opened.writestr('m/model.onnx', bytes(50_000_000))
    return archive


def lying_zip(package: Path) -> Path:
    """The directory of the archive says that the model has its right size."""
    archive = bomb_zip(package)
    data = archive.read_bytes()
    right = struct.pack('<L', (package / 'model.onnx').stat().st_size)
    archive.write_bytes(data.replace(struct.pack('<L', 50_000_000), right))
    return archive


def bomb_tar_gz(package: Path) -> Path:
    archive = package.parents[2] / 'bomb.tar.gz'
    with tarfile.open(archive, 'w:gz') as opened:
        opened.add(package / 'manifest.yaml', 'm/manifest.yaml')
        opened.addfile(member('m/model.onnx', size=50_000_000), io.BytesIO(bytes(50_000_000)))
    return archive


def bomb_before_the_manifest(package: Path) -> Path:
    archive = package.parents[2] / 'bomb.tgz'
    with tarfile.open(archive, 'w:gz') as opened:
        opened.addfile(member('m/model.onnx', size=50_000_000), io.BytesIO(bytes(50_000_000)))
        opened.add(package / 'manifest.yaml', 'm/manifest.yaml')
    return archive


def bomb_in_a_header(package: Path) -> Path:
    """A comment of 50 MB: `tarfile` would read it into memory."""
    archive = package.parents[2] / 'header.tar.gz'
    info = tarfile.TarInfo('x')
    info.type, info.size = tarfile.XHDTYPE, 50_000_000
    with gzip.open(archive, 'wb') as stream:
        stream.write(info.tobuf(tarfile.USTAR_FORMAT))
        stream.write(bytes(50_000_000))
    return archive


@pytest.mark.parametrize(
    'make',
    [bomb_zip, lying_zip, bomb_tar_gz, bomb_before_the_manifest, bomb_in_a_header],
    ids=lambda make: make.__name__,
)
def test_small_archive_with_a_huge_content_is_refused(
    package: Path, store: Path, make: Callable[[Path], Path]
) -> None:
    archive = make(package)
    assert archive.stat().st_size < 200_000
    message = refusal(archive, store)
    assert any(words in message for words in ('more than', 'larger than', 'damaged')), message


def pack_late(package: Path, archive: Path, extra: str, content: bytes) -> None:
    """Packs a file that the manifest does not list, and the manifest at the very end."""
    names = sorted(path.name for path in package.iterdir() if path.name != 'manifest.yaml')
    if archive.suffix == '.zip':
        with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(f'm/{extra}', content)
            for name in [*names, 'manifest.yaml']:
                packed.write(package / name, f'm/{name}')
        return
    with tarfile.open(archive, 'w:gz' if archive.name.endswith('gz') else 'w') as opened:
        opened.addfile(member(f'm/{extra}', size=len(content)), io.BytesIO(content))
        for name in [*names, 'manifest.yaml']:
            opened.add(package / name, f'm/{name}')


@pytest.mark.parametrize('name', ['m.zip', 'm.tar', 'm.tar.gz'])
def test_what_is_not_listed_is_never_written(
    package: Path, store: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def write(descriptor: int, data: bytes) -> None:
        written.append(len(data))
        write_all(descriptor, data)

    monkeypatch.setattr(copying, 'write_all', write)
    archive = package.parents[2] / name
    pack_late(package, archive, 'extra', bytes(1_900_000))
    assert 'not listed: extra' in refusal(archive, store)
    assert sum(written) == (package / 'manifest.yaml').stat().st_size


@pytest.mark.parametrize('name', ['m.zip', 'm.tar', 'm.tar.gz'])
def test_the_manifest_may_come_last(package: Path, store: Path, name: str) -> None:
    archive = package.parents[2] / name
    pack_late(package, archive, 'manifest.sig', b'signature')
    assert install(archive, store).is_new


@pytest.mark.parametrize('method', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_what_unpacks_in_bounds_is_unpacked(package: Path, store: Path, method: int) -> None:
    archive = package.parents[2] / 'm.zip'
    with zipfile.ZipFile(archive, 'w', method) as opened:
        opened.write(package / 'manifest.yaml', 'm/manifest.yaml')
    assert f'm/manifest.yaml is packed by method {method}' in refusal(archive, store)


def test_a_file_of_less_than_nothing_is_refused(package: Path, store: Path) -> None:
    archive = tar_with(package, (member('m/x'), b''))
    data = bytearray(archive.read_bytes())
    at = data.index(b'm/x\0')
    info = tarfile.TarInfo.frombuf(bytes(data[at : at + 512]), 'utf-8', 'strict')
    info.size = -512
    data[at : at + 512] = info.tobuf(tarfile.GNU_FORMAT)
    archive.write_bytes(data)
    refusal(archive, store)


def test_an_archive_does_not_end_at_a_header_that_makes_no_sense(
    package: Path, store: Path
) -> None:
    archive = tar_with(package, (member('m/x'), b''))
    data = bytearray(archive.read_bytes())
    at = data.index(b'm/x\0')
    data[at] ^= 1  # its checksum is wrong
    archive.write_bytes(data)
    assert f'the entry at byte {at} of it cannot be read' in refusal(archive, store)


@pytest.mark.parametrize('name', ['m.zip', 'm.tar', 'm.tgz', 'm.onnx'])
def test_what_is_no_file_is_refused_and_never_waited_for(
    tmp_path: Path, store: Path, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / 'manifest.yaml').symlink_to('/dev/zero')
    with pytest.raises((InstallError, ManifestError), match='not a regular file'):
        install(tmp_path / name, store)


@pytest.mark.parametrize('name', ['m.zip', 'm.tar', 'm.tar.gz', 'm.tgz'])
@pytest.mark.parametrize(
    'content', [b'', b'no archive at all' * 100, b'PK\x03\x04', b'\x1f\x8b\x08\x00'],
)  # fmt: skip
def test_what_is_no_archive_is_refused(
    tmp_path: Path, store: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    refusal(tmp_path / name, store)


@pytest.mark.parametrize('share', [0.3, 0.6, 0.95])
def test_truncated_archive_is_refused(package: Path, store: Path, share: float) -> None:
    for archive in (zip_with(package), gzipped(tar_with(package))):
        data = archive.read_bytes()
        archive.write_bytes(data[: int(len(data) * share)])
        refusal(archive, store)


def gzipped(archive: Path) -> Path:
    target = archive.with_name('attack.tar.gz')
    target.write_bytes(gzip.compress(archive.read_bytes()))
    return target


def test_flipped_bits_never_install_another_model(package: Path, store: Path) -> None:
    good = zip_with(package).read_bytes()
    archive = package.parents[2] / 'flipped.zip'
    for position in range(0, len(good), max(1, len(good) // 60)):
        data = bytearray(good)
        data[position] ^= 0x10
        archive.write_bytes(data)
        try:
            install(archive, store, limits=LIMITS)
        except InstallError:
            assert not (store / 'm' / '1').exists()
        else:  # the bit does not matter, such as one of a time
            assert not install(package, store, limits=LIMITS).is_new
            for file in (store / 'm' / '1').iterdir():
                file.unlink()
            (store / 'm' / '1').rmdir()


def test_encrypted_zip_is_refused(package: Path, store: Path) -> None:
    archive = zip_with(package)
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b'PK\x03\x04', 6), (b'PK\x01\x02', 8)):
        position = data.find(signature)
        while position >= 0:
            data[position + offset] |= 1
            position = data.find(signature, position + 4)
    archive.write_bytes(data)
    assert 'encrypted' in refusal(archive, store)


def test_what_is_within_the_limit_can_be_read() -> None:
    reader = BoundedReader(io.BytesIO(b'0123456789'), 10)
    assert reader.read(4) == b'0123'
    assert reader.seek(8) == 8
    assert reader.read(2) == b'89'


@pytest.mark.parametrize(
    ('limit', 'position', 'size'),
    [
        (9, 0, 10),
        (9, 9, 1),
        (2**40, 0, 2**24 + 1),  # a header that is to be read into memory
        (2**40, 0, -1),  # all of it
    ],
)
def test_what_is_beyond_the_limit_is_refused_before_it_is_read(
    limit: int, position: int, size: int
) -> None:
    stream = io.BytesIO(bytes(100))
    reader = BoundedReader(stream, limit)
    reader.seek(position)
    with pytest.raises(ValueError, match='larger than it may be'):
        reader.read(size)
    assert stream.tell() == position


def test_seeking_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match='larger than it may be'):
        BoundedReader(io.BytesIO(bytes(100)), 50).seek(51)
