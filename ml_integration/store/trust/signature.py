"""Ed25519 signatures over a manifest's exact bytes, which pin everything else.

A key's id is the start of the SHA-256 of the raw public key. `cryptography` is imported where it
is used: it is not needed without signatures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ml_integration.errors import IntegrityError, SettingError
from ml_integration.store.files import in_words, read_named_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

LARGEST_SIGNATURE = 2**12
_LARGEST_KEY = 2**16
_HOW_TO_SIGN = 'Sign it with: ml_model sign FOLDER --key PRIVATE_KEY.pem.'


def new_key() -> Ed25519PrivateKey:
    """Makes a new private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate()


def key_id(key: Ed25519PublicKey) -> str:
    """Returns the name of a key in signatures: 16 hex digits."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """Returns a private key as the content of a PEM file."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Returns a public key as the content of a PEM file."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_private_key(file: Path) -> Ed25519PrivateKey:
    """Reads a private key that `ml_model keygen` wrote.

    Raises:
        SettingError: it is none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(file, 'key')
    try:
        key = load_pem_private_key(data, None)
    except Exception as error:  # the library raises more kinds than it says
        raise _no_key(file, 'an Ed25519 private key, PEM without a password') from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(file, 'an Ed25519 private key, PEM without a password')
    return key


def load_public_key(file: Path) -> Ed25519PublicKey:
    """Reads a public key that `ml_model keygen` wrote.

    Raises:
        SettingError: it is none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = _read(file, 'trusted_keys_dir')
    hint = 'Private keys do not belong on a robot.' if b'PRIVATE KEY' in data else ''
    try:
        key = load_pem_public_key(data)
    except Exception as error:  # the library raises more kinds than it says
        raise _no_key(file, 'an Ed25519 public key, PEM', hint) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(file, 'an Ed25519 public key, PEM')
    return key


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Returns the content of `manifest.sig` for a manifest's content."""
    document = {
        'schema': 1,
        'algorithm': 'ed25519',
        'key': key_id(key.public_key()),
        'signature': base64.b64encode(key.sign(manifest)).decode(),
    }
    return (json.dumps(document, indent=2) + '\n').encode()


def check_signature(
    manifest: bytes,
    signature: bytes | None,
    keys: Mapping[str, Ed25519PublicKey],
    file: Path,
    what: str = 'the manifest',
    how: str = _HOW_TO_SIGN,
) -> str:
    """Checks that a trusted key has signed a manifest, or something else.

    Args:
        manifest: the content of `manifest.yaml`.
        signature: the content of `manifest.sig`; None when there is none.
        keys: trusted keys by id.
        file: where the signature is, for errors.
        what: what is signed, for errors.
        how: sentence that says how it is signed.

    Returns:
        The id of the key that signed.

    Raises:
        IntegrityError: there is no signature, or none by a trusted key, or it does not fit.
    """
    from cryptography.exceptions import InvalidSignature

    trusted = f'a signature by {" or ".join(sorted(keys)) or "a trusted key; there is none"}'
    if signature is None:
        raise IntegrityError(file, f'{what} is not signed', '', trusted, how)
    signer, value = _parse(signature, file, how)
    if signer not in keys:
        hint = 'Add its public key to the trusted ones if you trust it.'
        reason = f'{what} is signed by a key that is not trusted'
        raise IntegrityError(file, reason, signer, trusted, hint)
    try:
        keys[signer].verify(value, manifest)
    except InvalidSignature as error:
        reason = f'the signature of {signer} is not for this {what.rpartition(" ")[2]}'
        hint = 'One of the two was changed or swapped: do not use this model.'
        raise IntegrityError(file, reason, hint=hint) from error
    return signer


def _parse(signature: bytes, file: Path, how: str) -> tuple[str, bytes]:
    try:
        document = json.loads(signature)
        match document:
            case {'schema': 1, 'algorithm': 'ed25519', 'key': str(key), 'signature': str(value)}:
                return key, base64.b64decode(value, validate=True)
    except (ValueError, RecursionError, binascii.Error):
        pass
    what = 'it is not a signature file of schema 1 and algorithm ed25519'
    raise IntegrityError(file, what, hint=how)


def _read(file: Path, key: str) -> bytes:
    try:
        return read_named_file(file, _LARGEST_KEY)
    except (OSError, ValueError) as error:
        what = f'the key cannot be read: {in_words(error)}'
        raise SettingError(key, '', '', where=str(file), what=what) from error


def _no_key(file: Path, expected: str, hint: str = '') -> SettingError:
    return SettingError('key', '', '', where=str(file), hint=hint, what=f'it is not {expected}')
