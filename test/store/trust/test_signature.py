from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from signing import KEY, KEY_ID, STRANGER

from ml_integration.errors import IntegrityError, SettingError
from ml_integration.store.trust.signature import (
    check_signature,
    key_id,
    load_private_key,
    load_public_key,
    private_pem,
    public_pem,
    sign,
)

MANIFEST = b'name: shapes\nversion: 2\n'
KEYS = {KEY_ID: KEY.public_key()}


def check(signature: bytes | None, manifest: bytes = MANIFEST) -> str:
    return check_signature(manifest, signature, KEYS, Path('manifest.sig'))


def test_signature_by_a_trusted_key_gives_its_id() -> None:
    assert check(sign(MANIFEST, KEY)) == KEY_ID


def test_key_id_is_the_start_of_the_digest_of_the_raw_public_key(tmp_path: Path) -> None:
    (tmp_path / 'rfc8032.pem').write_text(  # the first test vector of RFC 8032
        '-----BEGIN PUBLIC KEY-----\n'
        'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n'
        '-----END PUBLIC KEY-----\n'
    )
    assert key_id(load_public_key(tmp_path / 'rfc8032.pem')) == '21fe31dfa154a261'


def test_it_is_an_ed25519_signature_of_the_very_bytes() -> None:
    document = json.loads(sign(MANIFEST, KEY))
    assert document['key'] == KEY_ID
    KEY.public_key().verify(base64.b64decode(document['signature']), MANIFEST)


@pytest.mark.parametrize(
    'changed', [MANIFEST + b' ', MANIFEST[:-1], MANIFEST.replace(b'2', b'3'), b'']
)
def test_any_change_of_the_manifest_breaks_it(changed: bytes) -> None:
    with pytest.raises(IntegrityError, match=f'signature of {KEY_ID} is not for this manifest'):
        check(sign(MANIFEST, KEY), changed)


def test_missing_signature_says_whose_is_wanted_and_how_to_sign() -> None:
    with pytest.raises(IntegrityError) as caught:
        check(None)
    assert f'not signed; expected a signature by {KEY_ID}' in str(caught.value)
    assert 'ml_model sign' in str(caught.value)


def test_signature_of_a_stranger_is_refused_by_name() -> None:
    stranger = key_id(STRANGER.public_key())
    with pytest.raises(IntegrityError, match=f'key that is not trusted; got {stranger}'):
        check(sign(MANIFEST, STRANGER))


def test_stranger_who_uses_the_name_of_a_trusted_key_is_refused() -> None:
    document = json.loads(sign(MANIFEST, STRANGER))
    with pytest.raises(IntegrityError, match='is not for this manifest'):
        check(json.dumps({**document, 'key': KEY_ID}).encode())


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'-----BEGIN',
        b'{}',
        b'[' * 100_000,
        json.dumps({**json.loads(sign(MANIFEST, KEY)), 'schema': 2}).encode(),
        json.dumps({**json.loads(sign(MANIFEST, KEY)), 'algorithm': 'none'}).encode(),
        json.dumps({**json.loads(sign(MANIFEST, KEY)), 'signature': '%%%'}).encode(),
        json.dumps({**json.loads(sign(MANIFEST, KEY)), 'signature': 'ü'}).encode(),
    ],
)
def test_what_is_no_signature_file_is_refused(content: bytes) -> None:
    with pytest.raises(IntegrityError, match='not a signature file'):
        check(content)


def test_signature_of_no_bytes_is_refused() -> None:
    document = {**json.loads(sign(MANIFEST, KEY)), 'signature': ''}
    with pytest.raises(IntegrityError, match='is not for this manifest'):
        check(json.dumps(document).encode())


def test_keys_survive_their_files(tmp_path: Path) -> None:
    (tmp_path / 'private').write_bytes(private_pem(KEY))
    (tmp_path / 'public').write_bytes(public_pem(KEY.public_key()))
    signature = sign(MANIFEST, load_private_key(tmp_path / 'private'))
    public = load_public_key(tmp_path / 'public')
    assert check_signature(MANIFEST, signature, {key_id(public): public}, Path()) == KEY_ID


OF_ANOTHER_CURVE = private_pem(KEY).replace(b'K2Vw', b'K2Vv')
"""X448 with too few bytes, of which OpenSSL has an error that nobody knows."""


@pytest.mark.parametrize(
    'content', [None, b'', b'no key', public_pem(KEY.public_key()), OF_ANOTHER_CURVE]
)
def test_what_is_no_private_key_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / 'key').write_bytes(content)
    sentence = 'the key cannot be read: there is no such file'
    if content is not None:
        sentence = 'it is not an Ed25519 private key, PEM without a password'
    with pytest.raises(SettingError, match=f'key: {sentence}'):
        load_private_key(tmp_path / 'key')


def test_private_key_among_the_trusted_ones_is_refused_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / 'key').write_bytes(private_pem(KEY))
    with pytest.raises(SettingError, match='Private keys do not belong on a robot'):
        load_public_key(tmp_path / 'key')


def test_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / 'key').write_bytes(pem)
    with pytest.raises(SettingError, match='key: it is not an Ed25519 public key'):
        load_public_key(tmp_path / 'key')
