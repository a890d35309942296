from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.errors import IntegrityError, SettingError
from ml_integration.store.trust.encryption import MAGIC, VARIABLE, decrypt, encrypt, load_model_key

KEY = bytes(range(32))
MODEL = ModelIdentity('shapes', 2)
DATA = b'weights ' * 100
FILE = Path('model.onnx')


def test_only_the_key_gives_the_content_back() -> None:
    sealed = encrypt(DATA, KEY, MODEL, 'model.onnx')
    assert b'weights' not in sealed
    assert decrypt(sealed, KEY, MODEL, 'model.onnx', FILE) == DATA


def test_the_same_content_never_looks_the_same_twice() -> None:
    assert encrypt(DATA, KEY, MODEL, 'a') != encrypt(DATA, KEY, MODEL, 'a')


@pytest.mark.parametrize(
    ('key', 'model', 'name'),
    [
        (bytes(32), MODEL, 'model.onnx'),  # another key
        (KEY, ModelIdentity('shapes', 3), 'model.onnx'),  # another version
        (KEY, ModelIdentity('shape', 2), 'model.onnx'),
        (KEY, MODEL, 'other.onnx'),
    ],
)
def test_another_key_model_or_file_is_refused(key: bytes, model: ModelIdentity, name: str) -> None:
    sealed = encrypt(DATA, KEY, MODEL, 'model.onnx')
    with pytest.raises(IntegrityError, match=f'cannot be decrypted as {name} of {model}'):
        decrypt(sealed, key, model, name, FILE)


@pytest.mark.parametrize('position', [len(MAGIC), len(MAGIC) + 12, 60, -1])
def test_flipped_bit_is_refused(position: int) -> None:
    sealed = bytearray(encrypt(DATA, KEY, MODEL, 'model.onnx'))
    sealed[position] ^= 1
    with pytest.raises(IntegrityError, match='cannot be decrypted'):
        decrypt(bytes(sealed), KEY, MODEL, 'model.onnx', FILE)


@pytest.mark.parametrize('size', [len(MAGIC), len(MAGIC) + 3, len(MAGIC) + 12, 50])
def test_truncated_file_is_refused(size: int) -> None:
    sealed = encrypt(DATA, KEY, MODEL, 'model.onnx')[:size]
    with pytest.raises(IntegrityError, match='cannot be decrypted'):
        decrypt(sealed, KEY, MODEL, 'model.onnx', FILE)


def test_plain_file_and_missing_key_are_told_apart() -> None:
    with pytest.raises(IntegrityError, match='says that it is encrypted, but it is not'):
        decrypt(DATA, KEY, MODEL, 'model.onnx', FILE)
    with pytest.raises(IntegrityError, match=f'there is no key.*{VARIABLE}'):
        decrypt(encrypt(DATA, KEY, MODEL, 'm'), None, MODEL, 'm', FILE)


@pytest.mark.parametrize(
    'content',
    [KEY, KEY.hex().encode(), f' {KEY.hex().upper()}\n'.encode(), base64.b64encode(KEY)],
)
def test_key_file_may_be_raw_hex_or_base64(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'key').write_bytes(content)
    assert load_model_key(tmp_path / 'key', {}) == KEY


def test_key_comes_from_the_environment_unless_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / 'key').write_bytes(KEY)
    environment = {VARIABLE: bytes(32).hex()}
    assert load_model_key(None, environment) == bytes(32)
    assert load_model_key(tmp_path / 'key', environment) == KEY
    assert load_model_key(None, {VARIABLE: ''}) is None


@pytest.mark.parametrize('content', ['00' * 31, 'secret!', 'ü' * 20, KEY.hex() + '00'])
def test_malformed_key_is_refused_and_not_shown(content: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_model_key(None, {VARIABLE: content})
    assert VARIABLE in str(caught.value)
    assert content not in str(caught.value)


def test_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        SettingError, match='the key of encrypted models cannot be read: there is no such file'
    ):
        load_model_key(tmp_path / 'key', {VARIABLE: KEY.hex()})
