"""Whatever is done to the files of a version, it does not become active, and the log says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx_models
import pytest
from model_folders import pin_files, write_model_folder
from signing import STRANGER, set_manifest, sign_folder, write_keys

from ml_integration.cli.main import main
from ml_integration.store.package.package import read_package
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.state_dir import StateDir

Fault = Callable[[Path], object]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def version_2(store: Path, tmp_path: Path) -> Path:
    """m@1 is active, m@2 is good and signed, other@2 as well; returns the folder of m@2."""
    folders = [
        write_model_folder(store, name, version, golden=False)
        for name, version in (('m', 1), ('other', 2), ('m', 2))
    ]
    for folder in folders:
        sign_folder(folder)
    (folders[1] / 'labels.txt').write_text('three\nother\nlabels\n')
    pin_files_of_signed(folders[1])
    write_keys(tmp_path / 'keys')
    assert activate(store, tmp_path, 'm@1', signed=True) == 0
    return folders[2]


def activate(store: Path, tmp_path: Path, model: str, *, signed: bool) -> int:
    keys = ['--trusted-keys', str(tmp_path / 'keys/trusted')] if signed else []
    return main(['activate', model, '--store', str(store), *keys])


def pin_files_of_signed(folder: Path) -> None:
    (folder / 'manifest.sig').unlink()
    pin_files(folder)
    sign_folder(folder)


def flip_bit(folder: Path) -> None:
    content = bytearray((folder / 'model.onnx').read_bytes())
    content[len(content) // 2] ^= 1
    (folder / 'model.onnx').write_bytes(content)


def of_other(folder: Path, name: str) -> Path:
    return folder.parents[1] / 'other' / '2' / name


def link_elsewhere(folder: Path) -> None:
    target = folder.parents[2] / 'elsewhere'
    (folder / 'model.onnx').rename(target)
    (folder / 'model.onnx').symlink_to(target)


def repin_tampered_model(folder: Path) -> None:
    """By somebody who may write the folder and has no key."""
    signature = (folder / 'manifest.sig').read_bytes()
    (folder / 'manifest.sig').unlink()
    (folder / 'model.onnx').write_bytes(onnx_models.tiny_detector(spoiled=True))
    pin_files(folder)
    (folder / 'manifest.sig').write_bytes(signature)


def take_other_package(folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(of_other(folder, ''), folder)


FILES = [
    (lambda f: os.truncate(f / 'model.onnx', 100), 'model.onnx (100 bytes instead'),
    (lambda f: os.truncate(f / 'manifest.yaml', 100), 'is no plain YAML'),
    (lambda f: os.truncate(f / 'model.onnx', 0), 'model.onnx (0 bytes instead'),
    (flip_bit, 'differing: model.onnx (sha256'),
    (lambda f: shutil.copy(of_other(f, 'labels.txt'), f), 'differing: labels.txt'),
    (lambda f: (f / 'labels.txt').rename(f / 'model.onnx'), 'missing: labels.txt'),
    (lambda f: (f / 'model.onnx').unlink(), 'missing: model.onnx'),
    (lambda f: (f / 'extra.so').write_bytes(b'x'), 'not listed: extra.so'),
    (link_elsewhere, 'links: model.onnx'),
    (take_other_package, "'other'; expected 'm', the name of its folder"),
]
SIGNATURES = [
    (lambda f: (f / 'manifest.sig').unlink(), 'the manifest is not signed'),
    (lambda f: os.truncate(f / 'manifest.sig', 50), 'it is not a signature file'),
    (lambda f: sign_folder(f, STRANGER), 'signed by a key that is not trusted'),
    (lambda f: shutil.copy(of_other(f, 'manifest.sig'), f), 'is not for this manifest'),
    (lambda f: set_manifest(f, description='another'), 'is not for this manifest'),
    (repin_tampered_model, 'is not for this manifest'),
    (lambda f: shutil.copy(of_other(f, 'manifest.yaml'), f), 'is not for this manifest'),
    (lambda f: [shutil.copy(of_other(f, n), f) for n in ('manifest.yaml', 'manifest.sig')],
     "'other'; expected 'm'"),  # signed, but the manifest of another model
]  # fmt: skip
CASES = [
    *((fault, words, False) for fault, words in FILES),
    *((fault, words, True) for fault, words in SIGNATURES),
]


@pytest.mark.parametrize(('fault', 'words', 'signed'), CASES)
def test_tampered_version_does_not_become_active(
    version_2: Path, store: Path, tmp_path: Path, state_dir: Path, capsys: Capture,
    fault: Fault, words: str, signed: bool,
) -> None:  # fmt: skip
    fault(version_2)
    assert activate(store, tmp_path, 'm@2', signed=signed) == 1
    assert words in capsys.readouterr().err
    state = StateDir(state_dir)
    assert state.model_state('m').active == 1
    entry = state.audit.entries()[-1]
    assert (entry.action, entry.result, entry.after) == ('activate', 'refused', 'm@1')
    assert words in entry.reason
    assert read_package(ModelStore([store], state).find('m')).manifest.version == 1


@pytest.mark.parametrize(('fault', 'words'), FILES)
def test_signature_does_not_make_up_for_wrong_files(
    version_2: Path, store: Path, tmp_path: Path, capsys: Capture, fault: Fault, words: str
) -> None:
    fault(version_2)
    assert activate(store, tmp_path, 'm@2', signed=True) == 1
    error = capsys.readouterr().err
    assert words in error or 'is not for this manifest' in error


def test_the_version_itself_is_good(version_2: Path, store: Path, tmp_path: Path) -> None:
    assert activate(store, tmp_path, 'm@2', signed=True) == 0


def test_verify_finds_the_bad_version_among_the_good_ones(
    version_2: Path, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    flip_bit(version_2)
    keys = str(tmp_path / 'keys/trusted')
    capsys.readouterr()
    assert main(['verify', '--store', str(store), '--trusted-keys', keys]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ['ok', 'm@1'], ['bad', 'm@2'], ['ok', 'other@2'],
    ]  # fmt: skip
    assert 'differing: model.onnx' in lines[1]
