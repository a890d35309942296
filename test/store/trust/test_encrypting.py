from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx_models
import pytest
from model_folders import pin_files
from signing import sign_folder

from ml_integration.errors import InstallError, IntegrityError
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.encrypting import encrypt_package
from ml_integration.store.trust.policy import Trust

KEY = bytes(range(32))
ModelFolder = Callable[..., Path]


def test_copy_holds_the_same_model_and_shows_nothing_of_it(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    model, weights = onnx_models.with_external_weights(tmp_path / 'build')
    folder = model_folder(golden=False)
    (folder / 'model.onnx').write_bytes(model)
    (folder / 'weights.bin').write_bytes(weights)
    pin_files(folder)
    sign_folder(folder)
    manifest = encrypt_package(folder, tmp_path / 'sealed', KEY)
    assert manifest.encrypted == ('model.onnx', 'weights.bin')
    assert not (tmp_path / 'sealed' / 'manifest.sig').exists()
    for name, plain in (('model.onnx', model), ('weights.bin', weights)):
        assert plain not in (tmp_path / 'sealed' / name).read_bytes()
    content = read_package(tmp_path / 'sealed', Trust(model_key=KEY)).content
    assert (content.model, content.external) == (model, {'weights.bin': weights})


def test_nothing_is_encrypted_twice_or_overwritten(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    encrypt_package(model_folder(golden=False), tmp_path / 'sealed', KEY)
    with pytest.raises(InstallError, match='encrypted already'):
        encrypt_package(tmp_path / 'sealed', tmp_path / 'again', KEY)
    with pytest.raises(InstallError, match='exists already'):
        encrypt_package(tmp_path / 'store/tiny_detector/1', tmp_path / 'sealed', KEY)


def test_tampered_package_is_not_encrypted(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = model_folder(golden=False)
    (folder / 'model.onnx').write_bytes(b'other')
    with pytest.raises(IntegrityError):
        encrypt_package(folder, tmp_path / 'sealed', KEY)
    assert not (tmp_path / 'sealed').exists()
