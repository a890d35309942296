from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from model_folders import read_manifest_document, write_manifest, write_model_folder
from signing import KEY_ID, set_manifest, sign_folder, signed_trust

from ml_integration.errors import (
    InstallError,
    ManifestError,
    MlIntegrationError,
    ModelNotFoundError,
    StateError,
)
from ml_integration.store.install.installing import install, remove
from ml_integration.store.install.source_file import SourceLimits
from ml_integration.store.install.staging import staging
from ml_integration.store.package.package import read_package
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.trust.encrypting import encrypt_package
from ml_integration.store.trust.policy import Trust

Pack = Callable[[Path], Path]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A package m@2 outside of any store."""
    return write_model_folder(tmp_path / 'built', 'm', 2)


def as_folder(folder: Path) -> Path:
    return folder


def as_tar_gz(folder: Path) -> Path:
    archive = folder.parent / 'm.tar.gz'
    with tarfile.open(archive, 'w:gz') as opened:
        opened.add(folder, 'some name')
    return archive


def as_tar_of_the_content(folder: Path) -> Path:
    archive = folder.parent / 'm.tar'
    subprocess.run(['tar', 'cf', archive, '-C', folder, '.'], check=True)
    return archive


def as_zip(folder: Path) -> Path:
    archive = folder.parent / 'm.ZIP'
    with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as opened:
        for file in sorted(folder.rglob('*')):
            opened.write(file, Path('m/2') / file.relative_to(folder))
    return archive


def as_onnx(folder: Path) -> Path:
    return (folder / 'model.onnx').rename(folder / 'anything.onnx')


SOURCES = [as_folder, as_tar_gz, as_tar_of_the_content, as_zip, as_onnx]


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its digest, hidden ones too."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob('*'))
        if not file.is_dir()
    }


@pytest.mark.parametrize('pack', SOURCES, ids=lambda pack: pack.__name__)
def test_every_kind_of_source_gives_the_same_package(
    source: Path, store: Path, pack: Pack, tmp_path: Path
) -> None:
    sign_folder(source)
    expected = tree(source)
    installed = install(pack(source), store, signed_trust(tmp_path / 'keys'))
    assert installed.directory == store / 'm' / '2'
    assert installed.is_new
    assert installed.verified_by == f'signature of {KEY_ID}'
    assert tree(installed.directory) == expected
    assert [*store.iterdir()] == [store / 'm']
    assert ModelStore([store]).find('m') == installed.directory


def test_files_in_subfolders_are_installed(source: Path, store: Path) -> None:
    document = read_manifest_document(source)
    (source / 'data').mkdir()
    (source / 'model.onnx').rename(source / 'data' / 'model.onnx')
    document['files']['data/model.onnx'] = document['files'].pop('model.onnx')
    write_manifest(source, {**document, 'model': 'data/model.onnx'})
    assert read_package(install(as_zip(source), store).directory).manifest.version == 2


def test_everything_is_on_the_disk_before_it_becomes_visible(
    source: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    unsynced: list[Path] = []
    sync, rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        sync(descriptor)

    def publish(old: Path, new: Path) -> Path:
        if new == store / 'm' / '2':
            unsynced.extend(p for p in [old, *old.rglob('*')] if p.stat().st_ino not in synced)
            synced.clear()
        return rename(old, new)

    monkeypatch.setattr(os, 'fsync', fsync)
    monkeypatch.setattr(Path, 'rename', publish)
    install(source, store)
    assert unsynced == []
    assert (store / 'm').stat().st_ino in synced  # the new name, afterwards


def test_onnx_file_takes_a_manifest_from_elsewhere(
    source: Path, store: Path, tmp_path: Path
) -> None:
    model = (source / 'model.onnx').rename(tmp_path / 'net.onnx')
    with pytest.raises(ManifestError, match=r'no manifest.yaml beside net.onnx.*--manifest'):
        install(model, store)
    assert install(model, store, manifest=source / 'manifest.yaml').is_new
    assert sorted(tree(store / 'm' / '2')) == [
        'golden.npz', 'labels.txt', 'manifest.yaml', 'model.onnx',
    ]  # fmt: skip


def test_progress_reaches_the_size_of_all_files(source: Path, store: Path) -> None:
    seen: list[tuple[int, int]] = []
    install(source, store, progress=lambda done, total: seen.append((done, total)))
    size = sum(file.stat().st_size for file in source.iterdir())
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)


def test_same_version_again_is_no_error_and_changes_nothing(source: Path, store: Path) -> None:
    directory = install(source, store).directory
    before = directory.stat().st_ino
    again = install(as_zip(source), store)
    assert not again.is_new
    assert again.directory.stat().st_ino == before


def test_same_version_with_another_content_is_refused(source: Path, store: Path) -> None:
    install(source, store)
    before = tree(store)
    set_manifest(source, description='another one')
    with pytest.raises(InstallError, match=r'there already, with another manifest\.yaml'):
        install(source, store)
    assert tree(store) == before


@pytest.mark.parametrize(
    'damage',
    [
        lambda folder: (folder / 'model.onnx').write_bytes(b''),
        lambda folder: (folder / 'model.onnx').unlink(),
        lambda folder: (folder / 'notes.txt').touch(),
    ],
    ids=['altered', 'missing', 'extra'],
)
def test_damaged_version_is_not_taken_for_the_same_but_made_whole(
    source: Path, store: Path, damage: Callable[[Path], object]
) -> None:
    directory = install(source, store).directory
    before = tree(store)
    damage(directory)
    assert install(source, store).is_new
    assert tree(store) == before
    assert read_package(directory).manifest.name == 'm'


def test_other_content_is_replaced_where_nobody_may_use_it(source: Path, store: Path) -> None:
    directory = install(source, store).directory
    set_manifest(directory, description='put there by somebody')
    with pytest.raises(InstallError, match='with another manifest'):
        install(source, store, replaceable=lambda found: found != directory)
    assert install(source, store, replaceable=lambda found: found == directory).is_new
    assert (directory / 'manifest.yaml').read_bytes() == (source / 'manifest.yaml').read_bytes()


def break_model(folder: Path) -> None:
    content = bytearray((folder / 'model.onnx').read_bytes())
    content[100] ^= 1
    (folder / 'model.onnx').write_bytes(content)


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (break_model, r'model.onnx is not the file that|differing: model.onnx \(sha256'),
        (lambda folder: (folder / 'model.onnx').write_bytes(b''), r'is not the file|\(0 bytes'),
        (lambda folder: (folder / 'labels.txt').write_bytes(bytes(99)), r'larger than|\(99 bytes'),
        (lambda folder: (folder / 'labels.txt').unlink(), 'missing: labels.txt'),
        (lambda folder: (folder / 'extra').touch(), 'not listed: extra'),
        (lambda folder: (folder / 'manifest.yaml').unlink(), 'there is no manifest.yaml in it'),
        (lambda folder: (folder / 'manifest.yaml').write_bytes(b'['), 'plain YAML'),
        (lambda folder: (folder / 'manifest.yaml').write_bytes(bytes(2**20 + 1)), 'larger than'),
    ],
)
@pytest.mark.parametrize('pack', [as_folder, as_tar_gz, as_zip], ids=lambda pack: pack.__name__)
def test_bad_package_is_refused_and_leaves_nothing(
    source: Path, store: Path, pack: Pack, damage: Callable[[Path], object], words: str
) -> None:
    damage(source)
    packed = pack(source)
    with pytest.raises(MlIntegrationError) as caught:
        install(packed, store)
    assert re.search(words, str(caught.value))
    assert '.staging' not in str(caught.value)
    assert [*store.iterdir()] == []


def test_unsigned_package_is_refused_where_signatures_are_asked_for(
    source: Path, store: Path, tmp_path: Path
) -> None:
    with pytest.raises(InstallError, match=r'manifest\.sig: the manifest is not signed'):
        install(source, store, signed_trust(tmp_path / 'keys'))
    assert [*store.iterdir()] == []


def test_encrypted_package_needs_its_key(source: Path, store: Path, tmp_path: Path) -> None:
    key = bytes(range(32))
    encrypt_package(source, tmp_path / 'sealed', key)
    with pytest.raises(InstallError, match=r'model\.onnx: it is encrypted and there is no key'):
        install(tmp_path / 'sealed', store)
    installed = install(tmp_path / 'sealed', store, Trust(model_key=key))
    stored = (installed.directory / 'model.onnx').read_bytes()
    assert stored == (tmp_path / 'sealed' / 'model.onnx').read_bytes()
    assert stored != (source / 'model.onnx').read_bytes()


@pytest.mark.parametrize('name', ['missing', 'missing.zip', 'missing.tgz', 'missing.onnx', 'a.7z'])
def test_source_that_is_not_there_or_unknown_is_refused(
    tmp_path: Path, store: Path, name: str
) -> None:
    with pytest.raises(MlIntegrationError, match=name):
        install(tmp_path / name, store)
    assert [*store.iterdir()] == []


def test_package_of_too_many_or_too_large_files_is_refused(source: Path, store: Path) -> None:
    for limits in (SourceLimits(files=2), SourceLimits(size=100)):
        for pack in (as_folder, as_tar_gz, as_zip):
            with pytest.raises(InstallError, match=r'more than|larger than'):
                install(pack(source), store, limits=limits)
    assert [*store.iterdir()] == []


def test_two_packages_in_one_archive_are_refused(source: Path, store: Path) -> None:
    shutil.copytree(source, source / 'second')
    with pytest.raises(InstallError, match='2 files'):
        install(as_zip(source), store)


def test_files_beside_the_package_are_refused(source: Path, store: Path, tmp_path: Path) -> None:
    source.rename(tmp_path / 'outer')
    (tmp_path / 'all').mkdir()
    (tmp_path / 'outer').rename(tmp_path / 'all' / 'inner')
    (tmp_path / 'all' / 'virus.exe').touch()
    with pytest.raises(InstallError, match=r'beside the package: virus\.exe'):
        install(tmp_path / 'all', store)


def test_what_a_killed_installer_left_is_removed_and_what_a_living_one_has_stays(
    source: Path, store: Path
) -> None:
    (store / '.staging-0a0a0a0a' / 'all').mkdir(parents=True)
    (store / '.staging-0a0a0a0a' / 'all' / 'model.onnx').touch()
    with staging(store) as living:
        (living / 'file').touch()
        install(source, store)
        assert sorted(path.name for path in store.iterdir()) == sorted([living.name, 'm'])
        assert (living / 'file').exists()
    assert [*store.iterdir()] == [store / 'm']


def test_staged_files_are_no_models(source: Path, store: Path) -> None:
    shutil.copytree(source, store / '.staging-0a0a0a0a' / '1')
    assert ModelStore([store]).models() == ()


def test_removed_version_is_gone_at_once_and_others_stay(source: Path, store: Path) -> None:
    first = install(source, store).directory
    set_manifest(source, version=3)
    (source.parent / '2').rename(source.parent / '3')
    second = install(source.parent / '3', store).directory
    remove(first)
    assert ModelStore([store]).versions('m') == (3,)
    remove(second)
    assert ModelStore([store]).models() == ()
    with pytest.raises(ModelNotFoundError):
        ModelStore([store]).find('m')
    assert tree(store) == {}


def test_version_that_is_not_there_cannot_be_removed(store: Path) -> None:
    with pytest.raises(StateError, match='cannot be removed: No such file'):
        remove(store / 'm' / '1')


def test_installers_in_two_processes_do_not_disturb_each_other(source: Path, store: Path) -> None:
    program = (
        'import sys; from pathlib import Path;'
        'from ml_integration.store.install.installing import install;'
        'print("ready", flush=True); sys.stdin.readline();'
        'print(install(Path(sys.argv[1]), Path(sys.argv[2])).is_new)'
    )
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', program, source, store],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[3],
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == 'ready\n'
    results = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write('go\n')
        process.stdin.flush()
    for process in processes:
        results.append(process.communicate(timeout=60)[0].strip())
    assert sorted(results) == ['False', 'False', 'True']
    assert read_package(store / 'm' / '2').manifest.version == 2
    assert [*store.iterdir()] == [store / 'm']
