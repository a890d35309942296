"""Model files encrypted at rest with AES-256-GCM; they are decrypted in memory only.

An encrypted file is the magic bytes, a random nonce and the ciphertext with its tag. Model,
version and file name are authenticated with it, so one cannot take the place of another. The
manifest pins the file as it is stored and lists it under `encryption.files`.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.errors import IntegrityError, SettingError
from ml_integration.store.files import in_words, read_named_file

VARIABLE = 'ML_INTEGRATION_MODEL_KEY'
ALGORITHM = 'aes-256-gcm'
KEY_BYTES, NONCE_BYTES = 32, 12
MAGIC = b'MLAES\x01\r\n'
_LARGEST_KEY = 2**12
_LARGEST = 2**31 - 1  # of the library


def encrypt(data: bytes, key: bytes, model: ModelIdentity, name: str) -> bytes:
    """Encrypts the content of a file of a model.

    Raises:
        SettingError: the file is too large.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(data) > _LARGEST - 16:
        raise SettingError('encryption', f'{len(data)} bytes', 'less than 2 GiB', where=name)
    nonce = os.urandom(NONCE_BYTES)
    return MAGIC + nonce + AESGCM(key).encrypt(nonce, data, _bound_to(model, name))


def decrypt(data: bytes, key: bytes | None, model: ModelIdentity, name: str, file: Path) -> bytes:
    """Returns the content that `encrypt` was given.

    Raises:
        IntegrityError: there is no key, it is another one, or this is another file.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not data.startswith(MAGIC):
        raise IntegrityError(file, 'the manifest says that it is encrypted, but it is not')
    if key is None:
        hint = f'Give the key as model_key_file or in the variable {VARIABLE}.'
        raise IntegrityError(file, 'it is encrypted and there is no key', hint=hint)
    nonce = data[len(MAGIC) : len(MAGIC) + NONCE_BYTES]
    try:
        sealed = data[len(MAGIC) + NONCE_BYTES :]
        return AESGCM(key).decrypt(nonce, sealed, _bound_to(model, name))
    except (InvalidTag, ValueError) as error:
        what = f'it cannot be decrypted as {name} of {model}'
        hint = 'The key is another one, or the file belongs to another model.'
        raise IntegrityError(file, what, hint=hint) from error


def load_model_key(file: Path | None, environment: Mapping[str, str]) -> bytes | None:
    """Reads the key of encrypted models from a file, else from the environment; None without.

    It is 32 bytes: raw, as hex or as base64.

    Raises:
        SettingError: it is something else.
    """
    if file is not None:
        try:
            data = read_named_file(file, _LARGEST_KEY)
        except (OSError, ValueError) as error:
            what = f'the key of encrypted models cannot be read: {in_words(error)}'
            raise SettingError('model_key_file', '', '', where=str(file), what=what) from error
        return _parse_key(data, str(file))
    text = environment.get(VARIABLE, '')
    return _parse_key(text.encode(), f'the variable {VARIABLE}') if text else None


def _parse_key(data: bytes, where: str) -> bytes:
    if len(data) == KEY_BYTES:
        return data
    text = data.strip()
    try:
        key = (
            bytes.fromhex(text.decode()) if len(text) == 64 else base64.b64decode(text, None, True)
        )
    except (ValueError, binascii.Error):
        key = b''
    if len(key) != KEY_BYTES:  # the key itself is not shown
        expected = f'{KEY_BYTES} bytes: raw, 64 hex digits or base64'
        what = f'{len(data)} bytes of it are no key of encrypted models'
        raise SettingError('model key', '', expected, where=where, what=what)
    return key


def _bound_to(model: ModelIdentity, name: str) -> bytes:
    return f'{model}/{name}'.encode()
