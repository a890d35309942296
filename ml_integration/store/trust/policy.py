"""Proofs that a model package has to show before its bytes are used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ml_integration.errors import IntegrityError, SettingError
from ml_integration.store.files import read_file
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, Manifest
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.trust.encryption import load_model_key
from ml_integration.store.trust.signature import (
    LARGEST_SIGNATURE,
    check_signature,
    key_id,
    load_public_key,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Policy = Literal['signed', 'digest', 'off']
POLICIES: tuple[Policy, ...] = get_args(Policy)


@dataclass(frozen=True, slots=True)
class Trust:
    """Proofs that a model package has to show before its bytes are used.

    Attributes:
        policy: `signed` asks for a signature by one of the keys and for the content that the
            manifest pins, `digest` for the content only, `off` for nothing.
        keys: trusted public keys by their ids.
        model_key: decrypts encrypted model files; None: there is no key.
    """

    policy: Policy = 'digest'
    keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    model_key: bytes | None = field(default=None, repr=False)

    def check_manifest(self, manifest: bytes, directory: Path) -> str:
        """Checks a manifest's content as far as the policy asks for it.

        Returns:
            What vouches for the package: 'signature of <key id>', 'digest' or 'nothing'.

        Raises:
            IntegrityError: it is not signed by a trusted key.
        """
        if self.policy != 'signed':
            return 'digest' if self.policy == 'digest' else 'nothing'
        file = directory / SIGNATURE
        return f'{SIGNED}{check_signature(manifest, _signature(file), self.keys, file)}'


DIGEST = Trust()
SIGNED = 'signature of '
"""Beginning of what vouches for a package that is signed; the key's id follows."""


def load_trust(
    policy: str,
    trusted_keys_dir: Path | None = None,
    model_key_file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Trust:
    """Reads the keys that a policy needs.

    Args:
        policy: signed, digest or off.
        trusted_keys_dir: holds the trusted public keys as `*.pem`; only `signed` reads it.
        model_key_file: holds the key of encrypted models.
        environment: may hold the key of encrypted models in ML_INTEGRATION_MODEL_KEY.

    Raises:
        SettingError: there is no such policy, or a key is missing or unusable.
    """
    if policy not in POLICIES:
        raise SettingError('integrity', policy, f'one of {", ".join(POLICIES)}', where='trust')
    keys = _load_keys(trusted_keys_dir) if policy == 'signed' else {}
    return Trust(policy, keys, load_model_key(model_key_file, environment))


def check_release(manifest: Manifest, state: ModelState, trust: Trust = DIGEST) -> None:
    """Refuses a downgrade: an old release may hold faults that a newer one has mended.

    Raises:
        IntegrityError: it is older than a signed release that was committed on this machine, and
            was not itself committed here before; or signatures are asked for and nobody knows
            what was committed.
    """
    if trust.policy == 'signed' and not state.floor_known:
        raise IntegrityError(
            Path(MANIFEST),
            f'nobody knows below which release {manifest.identity.name} must not go: what was '
            'remembered here cannot be read',
            hint='Look at the state directory, then say it: '
            f'ml_model floor {manifest.identity.name} RELEASE.',
        )
    if manifest.release >= state.release_floor or _was_committed(manifest, state):
        return
    raise IntegrityError(
        Path(MANIFEST),
        f'{manifest.identity} is an older release than one that was committed here',
        got=f'release {manifest.release}',
        expected=f'release {state.release_floor} or later, or a version committed here before',
        hint='Publish it again with a higher release counter. If the older one is wanted: '
        f'ml_model floor {manifest.identity.name} {manifest.release}.',
    )


def _signature(file: Path) -> bytes | None:
    try:
        return read_file(file, LARGEST_SIGNATURE)
    except OSError:
        return None
    except ValueError as error:
        raise IntegrityError(file, f'it is not a signature file: {error}') from error


def _was_committed(manifest: Manifest, state: ModelState) -> bool:
    return manifest.digest in state.committed or manifest.version in state.committed_versions


def _no_keys(folder: Path | None) -> str:
    if folder is None:
        return 'signatures are asked for, and no folder of trusted keys is named'
    if folder.is_dir():
        return 'there is no trusted key in this folder'
    return 'this is a file' if folder.exists() else 'there is no such folder'


def _load_keys(folder: Path | None) -> dict[str, Ed25519PublicKey]:
    files = sorted(folder.glob('*.pem')) if folder is not None else []
    if not files:
        raise SettingError(
            'trusted_keys_dir',
            '',
            'a folder with at least one public key, *.pem',
            where='trusted_keys_dir' if folder is None else str(folder),
            hint='Make a pair of keys with: ml_model keygen NAME.',
            what=_no_keys(folder),
        )
    keys = [load_public_key(file) for file in files]
    return {key_id(key): key for key in keys}
