"""Every verb on what nobody should type and no file should hold: a sentence, no traceback."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import onnx_models
import pytest
from model_folders import read_manifest_document, write_manifest

from ml_integration import cli
from ml_integration.cli.main import main, verbs
from ml_integration.store.state.state_dir import StateDir

ROOT = Path(cli.__file__).parents[2]
ModelFolder = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

VERBS: dict[str, tuple[str, ...]] = {
    'activate': ('activate', '{}'),
    'add': ('add', '{}', '--model', 'nowhere.onnx'),
    'check': ('check', '{}'),
    'dds-profile': ('dds-profile', '--largest', '{}'),
    'encrypt': ('encrypt', '{}', 'copy', '--model-key', 'model.key'),
    'fleet': ('fleet', 'revoke', '{}', '--key', 'signer.private.pem'),
    'floor': ('floor', '{}', '3'),
    'history': ('history', '--state-dir', '{}'),
    'inspect': ('inspect', '{}', '--model', 'nowhere.onnx'),
    'install': ('install', '{}'),
    'keygen': ('keygen', '{}'),
    'new': ('new', 'classification', '{}'),
    'pin': ('pin', '{}'),
    'list': ('list', '--store', '{}'),
    'profile': ('profile', '{}', '{}'),
    'prune': ('prune', '--keep', '1', '{}'),
    'quarantine': ('quarantine', '{}'),
    'release': ('release', '{}'),
    'replay': ('replay', '{}', '{}'),
    'remove': ('remove', '{}'),
    'rollback': ('rollback', '{}'),
    'rollout': ('rollout', 'start', '{}', '{}'),
    'run': ('run', '{}', '{}'),
    'show': ('show', '{}'),
    'sign': ('sign', '{}', '--key', 'signer.private.pem'),
    'tune': ('tune', '{}', '--data', '{}'),
    'verify': ('verify', '{}'),
}
"""A command line of each verb with a place for a hostile argument."""
WORDS = {
    'empty': '',
    'long': 'a' * 300,
    'long path': '/'.join(['a' * 300] * 20),
    'digits': f'm@{"9" * 5000}',
    'not UTF-8': '\udcff\udcfe',
    'not UTF-8 in a path': './\udcff/x.zip',
    'escape sequence': 'm\x1b[31mred',
    'two lines': 'm\nml_model: fine',
    'bidirectional': 'm\u202e1@m',
    'dots': '../..',
    'at': '@',
    'dash': '-',
    'device': '/dev/null',
    'folder': '/',
}
FORGIVING = {'history', 'list', 'keygen'}
"""Verbs that take any word: for a name, or for a folder that may be missing."""

MEANT = {('prune', 'a' * 300)}
"""Words that are right for a verb, however odd."""


@pytest.fixture(autouse=True)
def _work_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'work').mkdir()
    monkeypatch.chdir(tmp_path / 'work')
    main(['keygen', 'signer'])
    main(['keygen', 'model', '--encryption'])
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(tmp_path / 'store'))


def run(capsys: Capture, *arguments: str) -> tuple[int | str | None, str, str]:
    capsys.readouterr()
    try:
        status: int | str | None = main(arguments)
    except SystemExit as ended:
        status = ended.code
    return (status, *capsys.readouterr())


def assert_sentence(status: int | str | None, out: str, errors: str) -> None:
    assert status in (1, 2), out
    lines = errors.splitlines()
    assert lines and 'ml_model' in lines[-1]
    assert status == 2 or all(line.startswith('ml_model: ') for line in lines)
    assert 'Traceback' not in errors and 'fault of ml_model' not in errors


def assert_harmless(text: str) -> None:
    assert all(c.isprintable() or c == '\n' for c in text), ascii(text)
    text.encode()  # any terminal takes it


def test_every_verb_is_tried_here() -> None:
    missing = verbs().keys() - VERBS.keys()
    assert not missing, 'give the verb a command line in VERBS'


@pytest.mark.parametrize('word', WORDS.values(), ids=WORDS)
@pytest.mark.parametrize('verb', sorted(VERBS))
def test_a_hostile_word_ends_in_a_sentence(verb: str, word: str, capsys: Capture) -> None:
    arguments = [part.replace('{}', word) for part in VERBS[verb]]
    status, out, errors = run(capsys, *arguments)
    if status == 0 and (verb in FORGIVING or (verb, word) in MEANT):
        assert errors == '' or verb == 'list'
    else:
        assert_sentence(status, out, errors)
    assert_harmless(out)
    assert_harmless(errors)


@pytest.mark.parametrize('option', ['--store', '--state-dir', '--trusted-keys', '--model-key'])
@pytest.mark.parametrize('word', ['a' * 300, '\udcff', '/dev/null', '/dev/null/x', 'm\x1b[2J'])
def test_a_hostile_place_ends_in_a_sentence(
    option: str, word: str, model_folder: ModelFolder, capsys: Capture
) -> None:
    model_folder('m', 1, golden=False)
    for arguments in (['activate', 'm@2'], ['verify', 'm@2'], ['check', 'm@2']):
        status, out, errors = run(capsys, *arguments, option, word)
        if status == 2:  # the verb has no such option
            continue
        assert_sentence(status, out, errors)
        assert_harmless(errors)


def archives() -> Iterator[tuple[str, bytes]]:
    manifest = b'schema: 2\n'
    for name, method in (
        ('lzma', zipfile.ZIP_LZMA), ('bzip2', zipfile.ZIP_BZIP2), ('deflate', zipfile.ZIP_DEFLATED)
    ):  # fmt: skip
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, 'w', method) as archive:
            archive.writestr('m/1/manifest.yaml', manifest * 100)
        data = bytearray(packed.getvalue())
        start = 30 + len('m/1/manifest.yaml')
        for at in range(start + 12, start + 22):
            data[at] ^= 0xFF
        yield f'{name}.zip', bytes(data)
        yield f'cut_{name}.zip', packed.getvalue()[:-30]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w') as tar:
        member = tarfile.TarInfo('m/1/manifest.yaml')
        member.size = len(manifest)
        tar.addfile(member, io.BytesIO(manifest))
    yield 'negative_size.tar', with_size(packed.getvalue(), b'\xff' * 12)
    yield 'huge_size.tar', with_size(packed.getvalue(), b'\x80' + b'\x7f' * 11)
    yield 'letters_size.tar', with_size(packed.getvalue(), b'not a number')
    yield 'cut.tar', packed.getvalue()[:600]
    yield 'empty.tar', b''
    yield 'empty.zip', b''
    yield 'empty.tar.gz', b''
    yield 'cut.tgz', b'\x1f\x8b\x08\x00\x00'
    yield 'empty.onnx', b''


def with_size(archive: bytes, size: bytes) -> bytes:
    """Writes a size into the first header, and the checksum that fits."""
    header = bytearray(archive[:512])
    header[124:136] = size
    header[148:156] = b' ' * 8
    header[148:156] = b'%06o\0 ' % sum(header)
    return bytes(header) + archive[512:]


ARCHIVES = dict(archives())


@pytest.mark.parametrize('name', ARCHIVES)
def test_a_broken_archive_is_not_installed(name: str, capsys: Capture, tmp_path: Path) -> None:
    Path(name).write_bytes(ARCHIVES[name])
    status, out, errors = run(capsys, 'install', name)
    assert_sentence(status, out, errors)
    assert not list(tmp_path.rglob('store/*/*'))


def test_the_name_of_a_member_steers_no_terminal(capsys: Capture) -> None:
    with zipfile.ZipFile('a.zip', 'w') as archive:
        archive.writestr('m/1/manifest.yaml', 'schema: 2\n')
        archive.writestr('m/1/\x1b[2J', '')
    status, out, errors = run(capsys, 'install', 'a.zip')
    assert_sentence(status, out, errors)
    assert_harmless(errors)


HOSTILE_TEXT = 'red and\na second line \u202e ü'  # what no manifest may have is refused there


@pytest.fixture
def disguised(model_folder: ModelFolder) -> Path:
    """A model that can serve, whose texts would steer a terminal."""
    folder = model_folder('m', 1, golden=False)
    texts = dict.fromkeys(('description', 'license', 'origin'), HOSTILE_TEXT)
    write_manifest(folder, {**read_manifest_document(folder), **texts})
    return folder


@pytest.mark.parametrize(
    'arguments',
    [
        ('list',),
        ('show', 'm@1'),
        ('check', 'm@1'),
        ('verify',),
        ('activate', 'm@1'),
        ('list', '--json'),
        ('show', 'm@1', '--json'),
        ('inspect', '{folder}/model.onnx'),
    ],
    ids=' '.join,
)
def test_the_texts_of_a_model_steer_no_terminal(
    disguised: Path, arguments: tuple[str, ...], capsys: Capture
) -> None:
    status, out, errors = run(capsys, *(a.format(folder=disguised) for a in arguments))
    assert (status, errors) == (0, '')
    assert_harmless(out)


def test_a_text_of_two_lines_stays_on_its_line(disguised: Path, capsys: Capture) -> None:
    _, out, _ = run(capsys, 'list')
    assert len(out.splitlines()) == 1
    assert r'red and\na second line \u202e' in out
    _, shown, _ = run(capsys, 'show', 'm@1')
    assert not any(line.startswith('a second line') for line in shown.splitlines())


def test_a_manifest_that_is_wrong_is_quoted_harmlessly(disguised: Path, capsys: Capture) -> None:
    document = read_manifest_document(disguised)
    write_manifest(disguised, {**document, '\x1b]0;title\x07': 1, 'task': '\x1b[5m'})
    for arguments in (['show', 'm@1'], ['list'], ['verify'], ['activate', 'm@1'], ['history']):
        _, out, errors = run(capsys, *arguments)
        assert_harmless(out + errors)


def test_tensors_with_odd_names_are_shown_harmlessly(capsys: Capture, tmp_path: Path) -> None:
    model = onnx_models.tiny_detector().replace(b'images', b'im\x1b[2J')
    (tmp_path / 'm.onnx').write_bytes(model)
    status, out, errors = run(capsys, 'inspect', str(tmp_path / 'm.onnx'))
    assert status == 0, errors
    assert_harmless(out)


def test_the_name_of_a_file_adds_no_line_to_the_proposed_manifest(
    capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / 'm\nschema: 99\n.onnx'
    file.write_bytes(onnx_models.tiny_detector())
    status, out, _ = run(capsys, 'inspect', '--manifest-only', str(file))
    assert status == 0
    assert 'schema: 99' not in out.splitlines()


@pytest.mark.parametrize('name', ['manifest.yaml', 'manifest.sig'])
def test_inspecting_what_is_no_model_is_refused(
    name: str, model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder('m', 1, golden=False)
    (folder / 'manifest.sig').touch()
    assert_sentence(*run(capsys, 'inspect', str(folder / name)))


def test_inspecting_a_pipe_ends(capsys: Capture) -> None:
    os.mkfifo('pipe.onnx')
    assert_sentence(*run(capsys, 'inspect', 'pipe.onnx'))


def test_a_fault_of_ours_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fail(args: Any) -> int:
        raise KeyError('odd')

    monkeypatch.setattr(verbs()['list'], 'run', fail)
    status, _, errors = run(capsys, 'list')
    assert status == 1
    assert errors.count('\n') == 1 and "KeyError: 'odd'. This is a fault of ml_model" in errors
    monkeypatch.setenv('ML_MODEL_TRACEBACK', '1')
    with pytest.raises(KeyError):
        main(['list'])


def process(*arguments: str | bytes, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, '-m', 'ml_integration.cli.main', *arguments]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': ''}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, **options)


def ended(started: subprocess.Popen[bytes]) -> tuple[int, str]:
    with started:
        _, errors = started.communicate(timeout=60)
        return started.returncode, errors.decode()


@pytest.mark.parametrize('verb', ['list', 'show', 'check', 'verify'])
def test_a_full_disk_behind_stdout_is_a_sentence(verb: str, model_folder: ModelFolder) -> None:
    if not Path('/dev/full').exists():
        pytest.skip('there is no /dev/full')
    model_folder('m', 1, golden=False)
    arguments = [verb] if verb in ('list', 'verify') else [verb, 'm@1']
    with Path('/dev/full').open('wb') as full:
        status, errors = ended(process(*arguments, stdout=full))
    assert (status, errors) == (1, 'ml_model: No space left on device\n')


def test_a_stdout_that_is_closed_is_no_fault(model_folder: ModelFolder) -> None:
    model_folder('m', 1, golden=False)
    closed = process('list', preexec_fn=lambda: os.close(1))
    assert ended(closed) == (0, '')


def test_bytes_that_are_no_text_are_shown_as_escapes() -> None:
    status, errors = ended(process('activate', b'\xff\xfe', stdout=subprocess.DEVNULL))
    assert status == 1
    assert r'\udcff\udcfe' in errors and errors.count('\n') == 1


def test_an_interrupt_in_the_middle_is_quiet(state_dir: Path) -> None:
    with StateDir(state_dir).alone():
        waiting = process('prune', '--keep', '1', 'm')
        wait_until_it_has_open(waiting, state_dir)
        waiting.send_signal(signal.SIGINT)
        assert ended(waiting) == (130, '')


def wait_until_it_has_open(process: subprocess.Popen[bytes], folder: Path) -> None:
    descriptors = Path(f'/proc/{process.pid}/fd')
    deadline = time.monotonic() + 60
    while not any(str(folder) in target for target in opened(descriptors)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def opened(descriptors: Path) -> Iterator[str]:
    for descriptor in descriptors.iterdir():
        with suppress(FileNotFoundError):
            yield str(descriptor.readlink())
