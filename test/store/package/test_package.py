from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx_models
import pytest
from model_folders import pin_files, read_manifest_document, write_manifest

from ml_integration.errors import IntegrityError, ManifestError
from ml_integration.store.package import pinned_files
from ml_integration.store.package.package import read_package

ModelFolder = Callable[..., Path]


def refusal(folder: Path) -> str:
    with pytest.raises(IntegrityError) as caught:
        read_package(folder)
    message = str(caught.value)
    assert message.startswith(f'{folder}: ')
    return message


def test_package_holds_what_the_folder_holds(model_folder: ModelFolder) -> None:
    folder = model_folder(labels=('cat', 'dog'))
    package = read_package(folder)
    assert package.directory == folder
    assert package.content.model == (folder / 'model.onnx').read_bytes()
    assert package.content.identity == package.manifest.identity
    assert package.content.external == {}
    assert package.labels == ('cat', 'dog')
    assert package.golden is not None


def test_labels_and_golden_sample_may_be_missing(model_folder: ModelFolder) -> None:
    package = read_package(model_folder(labels=(), golden=False))
    assert package.labels == ()
    assert package.golden is None


def test_files_without_another_role_are_external_weights(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    model, weights = onnx_models.with_external_weights(tmp_path / 'build')
    folder = model_folder(golden=False)
    (folder / 'model.onnx').write_bytes(model)
    (folder / 'weights.bin').write_bytes(weights)
    pin_files(folder)
    assert read_package(folder).content.external == {'weights.bin': weights}


@pytest.mark.parametrize('position', [0, 500, -1])
def test_one_flipped_bit_is_noticed(model_folder: ModelFolder, position: int) -> None:
    folder = model_folder()
    content = bytearray((folder / 'model.onnx').read_bytes())
    content[position] ^= 1
    (folder / 'model.onnx').write_bytes(content)
    assert 'differing: model.onnx (sha256 ' in refusal(folder)


def test_truncated_file_is_noticed_by_its_size(model_folder: ModelFolder) -> None:
    folder = model_folder()
    size = (folder / 'model.onnx').stat().st_size
    os.truncate(folder / 'model.onnx', size - 1)
    assert f'differing: model.onnx ({size - 1} bytes instead of {size})' in refusal(folder)


def test_missing_model_says_how_to_fetch_it(
    model_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder()
    (folder / 'model.onnx').unlink()
    message = refusal(folder)
    assert 'missing: model.onnx' in message
    assert 'make setup' not in message  # which fetches what came with the package only
    monkeypatch.setattr(pinned_files, 'ships_with_package', lambda directory: True)
    assert 'make setup' in refusal(folder)


@pytest.mark.parametrize('name', ['notes.txt', '.hidden', 'sub/notes.txt', 'model.onnx.part'])
def test_file_that_is_not_listed_is_refused(model_folder: ModelFolder, name: str) -> None:
    folder = model_folder()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    assert f'not listed: {name}' in refusal(folder)


def test_all_that_is_wrong_is_listed_at_once(model_folder: ModelFolder) -> None:
    folder = model_folder()
    (folder / 'labels.txt').unlink()
    (folder / 'golden.npz').write_bytes(b'')
    (folder / 'b.txt').touch()
    (folder / 'a.txt').touch()
    message = refusal(folder)
    for words in ('missing: labels.txt', 'not listed: a.txt, b.txt', 'differing: golden.npz (0 '):
        assert words in message
    assert 'make setup' not in message


def test_signature_beside_the_manifest_is_no_extra_file(model_folder: ModelFolder) -> None:
    folder = model_folder()
    (folder / 'manifest.sig').write_bytes(b'signature')
    read_package(folder)


@pytest.mark.parametrize('name', ['model.onnx', 'manifest.yaml', 'labels.txt'])
def test_link_is_refused_even_to_the_right_content(
    model_folder: ModelFolder, tmp_path: Path, name: str
) -> None:
    folder = model_folder()
    (folder / name).rename(tmp_path / 'elsewhere')
    (folder / name).symlink_to(tmp_path / 'elsewhere')
    message = refusal(folder)
    assert f'links: {name}. Put the files themselves there' in message


def test_linked_folder_inside_a_package_is_refused(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    folder = model_folder()
    document = read_manifest_document(folder)
    (tmp_path / 'data').mkdir()
    (folder / 'model.onnx').rename(tmp_path / 'data' / 'model.onnx')
    (folder / 'data').symlink_to(tmp_path / 'data')
    document['files']['data/model.onnx'] = document['files'].pop('model.onnx')
    document['model'] = 'data/model.onnx'
    write_manifest(folder, document)
    assert 'links: data.' in refusal(folder)


def test_store_may_be_reached_by_a_link(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = model_folder()
    (tmp_path / 'link').symlink_to(folder.parents[1])
    assert read_package(tmp_path / 'link' / 'tiny_detector' / '1').manifest.version == 1


@pytest.mark.parametrize(
    ('make', 'cause'),
    [
        (lambda path: path.symlink_to('/nowhere'), 'links: model.onnx'),  # dangling link
        (lambda path: path.symlink_to(path.name), 'links: model.onnx'),
        (lambda path: path.symlink_to('/dev/zero'), 'links: model.onnx'),
        (lambda path: path.mkdir(), 'differing: model.onnx (not a regular file)'),
        (os.mkfifo, 'differing: model.onnx (not a regular file)'),  # would block for ever
    ],
)
def test_what_is_no_regular_file_is_refused(
    model_folder: ModelFolder, make: Callable[[Path], None], cause: str
) -> None:
    folder = model_folder()
    (folder / 'model.onnx').unlink()
    make(folder / 'model.onnx')
    assert cause in refusal(folder)


def refuse_to_read(place: Path) -> None:
    (place / 'manifest.yaml').mkdir(parents=True)


@pytest.mark.parametrize(
    ('prepare', 'sentence'),
    [
        (Path.mkdir, 'there is no manifest.yaml in this folder. A model is a folder with'),
        (Path.touch, 'this is a file; a model is a folder with a manifest.yaml'),
        (str, 'there is no such folder'),
        (refuse_to_read, 'manifest.yaml cannot be read: not a regular file'),
    ],
)
def test_a_folder_without_a_manifest_is_named_in_words(
    prepare: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    prepare(tmp_path / 'best')
    with pytest.raises(ManifestError) as caught:
        read_package(tmp_path / 'best')
    assert str(caught.value).startswith(f'{tmp_path}/best: {sentence}')


@pytest.mark.parametrize(
    ('place', 'words'),
    [
        ('tiny_detector/2', "'version' is not valid; got '1'; expected '2', the name of its"),
        ('other/1', "'name' is not valid; got 'tiny_detector'; expected 'other', the name"),
    ],
)
def test_folder_of_a_store_is_named_like_its_model(
    model_folder: ModelFolder, store: Path, place: str, words: str
) -> None:
    folder = model_folder()
    (store / place).parent.mkdir(exist_ok=True)
    folder.rename(store / place)
    with pytest.raises(ManifestError) as caught:
        read_package(store / place)
    assert words in str(caught.value)


def test_folder_outside_a_store_may_have_any_name(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    model_folder().rename(tmp_path / 'candidate')
    assert read_package(tmp_path / 'candidate').manifest.version == 1


def test_relative_folder_is_checked_like_an_absolute_one(
    model_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model_folder())
    assert read_package(Path()).manifest.name == 'tiny_detector'


@pytest.mark.parametrize(
    ('content', 'labels'),
    [
        (b'cat\ndog\n', ('cat', 'dog')),
        (b'cat\r\ndog\r\n\r\n', ('cat', 'dog')),  # written on Windows
        (b'\xef\xbb\xbfcat\n', ('cat',)),  # byte order mark
        ('Katze \nHündin'.encode(), ('Katze', 'Hündin')),
    ],
)
def test_labels_are_lines(model_folder: ModelFolder, content: bytes, labels: Any) -> None:
    folder = model_folder()
    (folder / 'labels.txt').write_bytes(content)
    pin_files(folder)
    assert read_package(folder).labels == labels


@pytest.mark.parametrize(
    ('content', 'cause'),
    [
        (b'', 'there is no class name; expected one class name per line'),
        (b'cat\n\ndog\n', 'line 2 is empty'),  # an empty line would shift every class after it
        (b'\xff\xfe', 'UTF-8'),
    ],
)
def test_malformed_labels_are_refused(
    model_folder: ModelFolder, content: bytes, cause: str
) -> None:
    folder = model_folder()
    (folder / 'labels.txt').write_bytes(content)
    pin_files(folder)
    with pytest.raises(ManifestError, match=r'labels\.txt') as caught:
        read_package(folder)
    assert cause in str(caught.value)


def test_malformed_golden_sample_is_refused(model_folder: ModelFolder) -> None:
    folder = model_folder()
    (folder / 'golden.npz').write_bytes(b'no archive')
    pin_files(folder)
    with pytest.raises(ManifestError, match=r'golden\.npz'):
        read_package(folder)


def test_file_in_a_subfolder_is_found(model_folder: ModelFolder) -> None:
    folder = model_folder()
    document = read_manifest_document(folder)
    (folder / 'data').mkdir()
    (folder / 'model.onnx').rename(folder / 'data' / 'model.onnx')
    document['files']['data/model.onnx'] = document['files'].pop('model.onnx')
    document['model'] = 'data/model.onnx'
    write_manifest(folder, document)
    assert read_package(folder).content.model == (folder / 'data/model.onnx').read_bytes()


def test_a_folder_that_cannot_be_listed_is_refused_in_a_sentence(
    model_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder(golden=False)

    def refuses(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, 'scandir', refuses)
    with pytest.raises(IntegrityError, match='folders cannot be listed: Permission denied'):
        read_package(folder)
