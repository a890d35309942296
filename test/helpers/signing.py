"""Keys and signed packages for tests."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from model_folders import read_manifest_document, write_manifest

from ml_integration.store.trust.policy import Trust, load_trust
from ml_integration.store.trust.signature import key_id, private_pem, public_pem, sign

# The same in every run: names of parametrised tests are made from them.
KEY, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2))
KEY_ID = key_id(KEY.public_key())


def sign_folder(folder: Path, key: object = KEY) -> None:
    """Writes manifest.sig."""
    data = sign((folder / 'manifest.yaml').read_bytes(), key)  # type: ignore[arg-type]
    (folder / 'manifest.sig').write_bytes(data)


def set_manifest(folder: Path, **keys: object) -> None:
    """Changes keys of a manifest."""
    write_manifest(folder, {**read_manifest_document(folder), **keys})


def write_keys(folder: Path) -> Path:
    """Writes KEY as key.private.pem and, in `trusted/`, as key.pem; returns `trusted`."""
    trusted = folder / 'trusted'
    trusted.mkdir(parents=True)
    (trusted / 'key.pem').write_bytes(public_pem(KEY.public_key()))
    (folder / 'key.private.pem').write_bytes(private_pem(KEY))
    return trusted


def signed_trust(folder: Path) -> Trust:
    """Trusts KEY and nobody else."""
    return load_trust('signed', write_keys(folder), None, {})
