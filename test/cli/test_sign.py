from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_integration.cli.main import main
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


@pytest.fixture
def keys(tmp_path: Path, capsys: Capture) -> Path:
    """Keys made by keygen: acme.private.pem and, in trusted/, acme.public.pem."""
    assert main(['keygen', str(tmp_path / 'acme')]) == 0
    (tmp_path / 'trusted').mkdir()
    (tmp_path / 'acme.public.pem').rename(tmp_path / 'trusted' / 'acme.public.pem')
    return tmp_path


def test_signed_package_is_verified_by_the_public_key(
    model_folder: ModelFolder, store: Path, keys: Path, state_dir: Path, capsys: Capture
) -> None:
    model_folder('m', 1, golden=False)
    key_id = capsys.readouterr().out.split()[1]
    verify = ['verify', 'm@1', '--store', str(store), '--trusted-keys', str(keys / 'trusted')]
    assert main(verify) == 1
    assert capsys.readouterr().out.split()[:2] == ['bad', 'm@1']
    sign = ['sign', 'm@1', '--store', str(store), '--key', str(keys / 'acme.private.pem')]
    assert main(sign) == 0
    assert capsys.readouterr().out == f'signed m@1, release 0, with the key {key_id}\n'
    assert main(verify) == 0
    assert capsys.readouterr().out.split() == f'ok m@1 signature of {key_id}'.split()
    assert StateDir(state_dir).audit.entries()[-1].reason == f'with the key {key_id}'


def test_broken_package_is_not_signed(
    model_folder: ModelFolder, keys: Path, capsys: Capture
) -> None:
    folder = model_folder('m', 1, golden=False)
    (folder / 'model.onnx').write_bytes(b'')
    assert main(['sign', str(folder), '--key', str(keys / 'acme.private.pem')]) == 1
    assert 'differing: model.onnx' in capsys.readouterr().err
    assert not (folder / 'manifest.sig').exists()


def test_private_key_is_secret_and_no_key_is_overwritten(keys: Path, capsys: Capture) -> None:
    private = keys / 'acme.private.pem'
    assert private.stat().st_mode & 0o777 == 0o600
    content = private.read_bytes()
    assert main(['keygen', str(keys / 'acme')]) == 1
    assert 'exists already, and no key is overwritten' in capsys.readouterr().err
    assert private.read_bytes() == content


def test_public_key_does_not_sign(model_folder: ModelFolder, keys: Path, capsys: Capture) -> None:
    folder = model_folder('m', 1, golden=False)
    assert main(['sign', str(folder), '--key', str(keys / 'trusted/acme.public.pem')]) == 1
    assert 'it is not an Ed25519 private key' in capsys.readouterr().err


def test_encrypted_package_runs_with_its_key_only(
    model_folder: ModelFolder, tmp_path: Path, capsys: Capture
) -> None:
    folder = model_folder('m', 1)
    assert main(['keygen', str(tmp_path / 'fleet'), '--encryption']) == 0
    key = tmp_path / 'fleet.key'
    assert key.stat().st_mode & 0o777 == 0o600
    target = tmp_path / 'sealed'
    assert main(['encrypt', str(folder), str(target), '--model-key', str(key)]) == 0
    assert capsys.readouterr().out.endswith('is m@1 with model.onnx encrypted\n')
    install = ['install', str(target), '--json']
    assert main(install) == 1
    assert 'there is no key' in capsys.readouterr().err
    assert main([*install, '--model-key', str(key)]) == 0
    assert json.loads(capsys.readouterr().out)['model'] == 'm@1'
    assert main(['activate', 'm', '--model-key', str(key)]) == 0


@pytest.mark.parametrize('given', ['by option', 'by variable', 'not'])
@pytest.mark.parametrize('verb', ['check', 'verify', 'activate'])
def test_a_verb_that_reads_an_encrypted_package_uses_the_key_that_is_given(
    verb: str,
    given: str,
    model_folder: ModelFolder,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, sealed = tmp_path / 'fleet.key', tmp_path / 'sealed/m/1'
    main(['keygen', str(tmp_path / 'fleet'), '--encryption'])
    main(['encrypt', str(model_folder('m', 1)), str(sealed), '--model-key', str(key)])
    arguments = [verb, 'm@1', '--store', str(tmp_path / 'sealed')]
    if given == 'by option':
        arguments += ['--model-key', str(key)]
    elif given == 'by variable':
        monkeypatch.setenv('ML_INTEGRATION_MODEL_KEY', key.read_text())
    capsys.readouterr()
    assert main(arguments) == (given == 'not')
    told = ''.join(capsys.readouterr())
    assert ('there is no key' in told) == (given == 'not')


def test_check_asks_for_a_signature_where_keys_are_given(
    model_folder: ModelFolder, keys: Path, capsys: Capture
) -> None:
    folder = model_folder('m', 1)
    arguments = ['check', str(folder), '--trusted-keys', str(keys / 'trusted')]
    assert main(arguments) == 1
    assert 'the manifest is not signed' in capsys.readouterr().err
    assert main(['sign', str(folder), '--key', str(keys / 'acme.private.pem')]) == 0
    assert main(arguments) == 0
    assert 'as pinned, signature of ' in capsys.readouterr().out


def test_encrypting_without_a_key_says_where_it_is_looked_for(
    model_folder: ModelFolder, tmp_path: Path, capsys: Capture
) -> None:
    assert main(['encrypt', str(model_folder(golden=False)), str(tmp_path / 'x')]) == 1
    assert 'the variable ML_INTEGRATION_MODEL_KEY' in capsys.readouterr().err
