"""Whatever lies in place of a file that a verb reads, it ends with a sentence and soon."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from model_folders import write_model_folder
from odd_files import KINDS, put_odd
from signing import sign_folder, write_keys

from ml_integration.cli.main import main
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a signed model, and its keys."""
    root = tmp_path_factory.mktemp('made')
    sign_folder(write_model_folder(root / 'store', 'm', 1))
    write_keys(root)
    (root / 'model.key').write_text('00' * 32)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / 'root')
    return tmp_path / 'root'


VERBS = {
    'list': ['list', '--store', 'store'],
    'show': ['show', 'm@1', '--store', 'store'],
    'check': ['check', 'm@1', '--store', 'store'],
    'verify': ['verify', '--store', 'store', '--trusted-keys', 'trusted'],
    'sealed': ['verify', '--store', 'store', '--model-key', 'model.key'],
    'sign': ['sign', 'm@1', '--store', 'store', '--key', 'key.private.pem'],
    'encrypt': ['encrypt', 'm@1', 'sealed', '--store', 'store', '--model-key', 'model.key'],
    'activate': ['activate', 'm@1', '--store', 'store', '--trusted-keys', 'trusted'],
    'install': ['install', 'store/m/1', '--into', 'other'],
    'inspect': ['inspect', 'store/m/1/model.onnx'],
}
READ = {
    'store/m/1/manifest.yaml': [*VERBS],
    'store/m/1/manifest.sig': ['verify', 'activate', 'install'],
    'store/m/1/model.onnx': ['check', 'verify', 'sign', 'encrypt', 'activate', 'install'],
    'store/m/1/labels.txt': ['check', 'verify', 'install'],
    'store/m/1/golden.npz': ['check', 'verify', 'install'],
    'trusted/key.pem': ['verify', 'activate'],
    'key.private.pem': ['sign'],
    'model.key': ['sealed', 'encrypt'],
}
MAY_SUCCEED = {('list', 'store/m/1/manifest.yaml'), ('inspect', 'store/m/1/manifest.yaml')}


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', READ)
def test_a_verb_says_what_is_wrong(
    root: Path, name: str, kind: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    put_odd(root / name, kind)
    for verb in READ[name]:
        if (verb, name, kind) == ('install', 'store/m/1/manifest.sig', 'folder'):
            continue  # an empty folder is no file: there is no signature then
        status = main(VERBS[verb])
        told = capsys.readouterr()
        if (verb, name) in MAY_SUCCEED:
            assert status == 0
        else:
            assert status == 1, verb
            assert told.err.startswith('ml_model:') or told.out.split()[:2] == ['bad', 'm@1'], verb
        assert not (root / 'other' / 'm').exists()


@pytest.mark.parametrize('kind', KINDS)
def test_a_list_shows_the_odd_folder_with_its_reason(
    root: Path, kind: str, capsys: Capture
) -> None:
    put_odd(root / 'store/odd/1/manifest.yaml', kind)
    (root / 'store/bool/1').mkdir(parents=True)
    (root / 'store/bool/1/manifest.yaml').write_text('a: !!bool maybe\n')
    assert main(['list', '--store', str(root / 'store')]) == 0
    odd_bool, good, odd = capsys.readouterr().out.splitlines()
    assert 'tags are not supported' in odd_bool
    assert good.startswith('m@1') and 'A model for tests' in good
    assert odd.startswith('odd@1') and 'manifest.yaml' in odd


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', ['models/m.json', 'audit.jsonl', 'audit.jsonl.head', 'lock'])
def test_no_verb_hangs_on_its_state(
    root: Path, state_dir: Path, name: str, kind: str, capsys: Capture
) -> None:
    state = StateDir(state_dir)
    state.audit.append('install', actor='test')
    put_odd(state_dir / name, kind)
    for verb in (['list'], ['history'], ['activate', 'm@1']):
        where = [] if verb == ['history'] else ['--store', str(root / 'store')]
        main([*verb, *where])
        assert 'Traceback' not in capsys.readouterr().err
