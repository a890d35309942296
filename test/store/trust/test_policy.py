from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from signing import (
    KEY,
    KEY_ID,
    STRANGER,
    set_manifest,
    sign_folder,
    signed_trust,
    write_keys,
)

from ml_integration.errors import IntegrityError, SettingError
from ml_integration.store.package.package import read_manifest, read_package
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.trust.encrypting import encrypt_package
from ml_integration.store.trust.policy import Trust, check_release, load_trust
from ml_integration.store.trust.signature import public_pem

ModelFolder = Callable[..., Path]


def test_package_says_what_vouches_for_it(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = model_folder(golden=False)
    sign_folder(folder)
    assert read_package(folder).verified_by == 'digest'
    assert read_package(folder, Trust('off')).verified_by == 'nothing'
    trust = signed_trust(tmp_path / 'keys')
    assert read_package(folder, trust).verified_by == f'signature of {KEY_ID}'


def test_linked_signature_does_not_count(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = model_folder(golden=False)
    sign_folder(folder)
    (folder / 'manifest.sig').rename(tmp_path / 'signature')
    (folder / 'manifest.sig').symlink_to(tmp_path / 'signature')
    with pytest.raises(IntegrityError, match='not signed'):
        read_package(folder, signed_trust(tmp_path / 'keys'))


def test_off_takes_changed_and_unlisted_files_and_says_which_bytes_they_are(
    model_folder: ModelFolder,
) -> None:
    folder = model_folder(golden=False)
    (folder / 'model.onnx').write_bytes(b'changed')
    (folder / 'extra').touch()
    package = read_package(folder, Trust('off'))
    assert package.content.model == b'changed'
    assert package.content.identity.sha256 == hashlib.sha256(b'changed').hexdigest()


def test_off_still_needs_the_files(model_folder: ModelFolder) -> None:
    folder = model_folder(golden=False)
    (folder / 'model.onnx').unlink()
    with pytest.raises(IntegrityError, match=r'model\.onnx: it cannot be read: No such file'):
        read_package(folder, Trust('off'))


def test_several_keys_may_be_trusted(model_folder: ModelFolder, tmp_path: Path) -> None:
    trusted = write_keys(tmp_path)
    (trusted / 'second.pem').write_bytes(public_pem(STRANGER.public_key()))
    (trusted / 'README').write_text('no key')
    trust = load_trust('signed', trusted, None, {})
    folder = model_folder(golden=False)
    for key in (KEY, STRANGER):
        sign_folder(folder, key)
        assert read_package(folder, trust).verified_by.startswith('signature of ')


@pytest.mark.parametrize(
    ('policy', 'folder', 'words'),
    [
        ('strict', 'keys', "'integrity' is not valid; got 'strict'; expected one of signed"),
        ('signed', None, 'at least one public key'),
        ('signed', 'missing', 'at least one public key'),
        ('signed', 'empty', 'ml_model keygen'),
        ('signed', 'broken', 'an Ed25519 public key'),
    ],
)
def test_unusable_policy_is_refused(
    tmp_path: Path, policy: str, folder: str | None, words: str
) -> None:
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'broken').mkdir()
    (tmp_path / 'broken' / 'key.pem').write_text('no key')
    with pytest.raises(SettingError) as caught:
        load_trust(policy, tmp_path / folder if folder else None, None, {})
    assert words in str(caught.value)


def test_keys_are_looked_at_only_where_they_are_needed(tmp_path: Path) -> None:
    assert load_trust('digest', tmp_path / 'missing', None, {}) == Trust('digest')


def test_encrypted_package_opens_with_its_key_only(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    folder = model_folder()
    key = bytes(range(32))
    encrypt_package(folder, tmp_path / 'sealed', key)
    environment = {'ML_INTEGRATION_MODEL_KEY': key.hex()}
    package = read_package(tmp_path / 'sealed', load_trust('digest', environment=environment))
    assert package.content.model == (folder / 'model.onnx').read_bytes()
    assert package.content.identity.sha256 == package.manifest.files['model.onnx'].sha256
    for trust in (Trust(), Trust(model_key=bytes(32))):
        with pytest.raises(IntegrityError):
            read_package(tmp_path / 'sealed', trust)


def test_key_is_not_printed() -> None:
    assert 'model_key' not in repr(Trust(model_key=b'secret'))


@pytest.mark.parametrize(
    ('release', 'version', 'accepted'),
    [
        (5, 9, True),
        (6, 9, True),
        (4, 9, False),
        (0, 9, False),  # the manifest names none
        (4, 2, True),  # committed here before, as an older state says
        (4, 3, False),
    ],
)
def test_downgrade_is_refused_unless_it_was_committed_here(
    model_folder: ModelFolder, release: int, version: int, accepted: bool
) -> None:
    folder = model_folder('m', version, golden=False)
    set_manifest(folder, release=release)
    state = ModelState(committed_versions=frozenset({1, 2}), release_floor=5)
    if accepted:
        check_release(read_manifest(folder), state)
    else:
        with pytest.raises(IntegrityError, match=f'got release {release}; expected release 5 or'):
            check_release(read_manifest(folder), state)


def test_what_was_committed_here_is_the_content_and_not_the_number(
    model_folder: ModelFolder,
) -> None:
    folder = model_folder('m', 2, golden=False)
    set_manifest(folder, release=4)
    state = ModelState(release_floor=5).proven(2, read_manifest(folder).digest, 0)
    check_release(read_manifest(folder), state)
    set_manifest(folder, description='other content under the same number')
    with pytest.raises(IntegrityError, match='older release'):
        check_release(read_manifest(folder), state)


def test_a_floor_that_nobody_knows_closes_the_door_where_signatures_are_asked_for(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    manifest, unknown = read_manifest(model_folder(golden=False)), ModelState(floor_known=False)
    check_release(manifest, unknown)
    trust = signed_trust(tmp_path / 'keys')
    with pytest.raises(IntegrityError, match='ml_model floor tiny_detector RELEASE'):
        check_release(manifest, unknown, trust)
    check_release(manifest, unknown.with_floor(0), trust)
