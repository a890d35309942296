"""Paths with ~, and users that have no home."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from homeless import homeless
from model_folders import write_model_folder

from ml_integration.cli.main import main

ROOT = Path(__file__).parents[2]
NO_HOME = 'HOME is not set, and this user has no entry in passwd'


def ml_model(*arguments: object) -> tuple[int, str]:
    """Runs a verb as a user without a home; its exit status and everything it said."""
    ended = subprocess.run(
        homeless('ml_integration.cli.main', *map(str, arguments)),
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert 'Traceback' not in ended.stdout
    return ended.returncode, ended.stdout


def test_a_tilde_is_the_home_wherever_a_path_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_model_folder(tmp_path / 'made', 'tiny')
    state = ['--state-dir', '~/state']
    assert main(['keygen', '~/robot']) == 0
    (tmp_path / 'keys').mkdir()
    (tmp_path / 'robot.public.pem').rename(tmp_path / 'keys/robot.public.pem')
    assert main(['sign', '~/made/tiny/1', '--key', '~/robot.private.pem']) == 0
    signed = ['--trusted-keys', '~/keys']
    assert main(['install', '~/made/tiny/1', '--into', '~/store', *state, *signed]) == 0
    assert main(['check', '~/store/tiny/1']) == 0
    assert main(['inspect', '~/store/tiny/1/model.onnx']) == 0
    assert main(['list', '--store', '~/store', *state]) == 0
    assert 'tiny@1' in capsys.readouterr().out
    assert not (tmp_path / '~').exists()
    monkeypatch.setenv('ML_INTEGRATION_STORES', '~/store:~/other')
    monkeypatch.setenv('ML_INTEGRATION_STATE_DIR', '~/state')
    assert main(['show', 'tiny']) == 0


def test_a_home_that_does_not_exist_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(['list', '--store', '~nobody_of_that_name/models'])
    assert ended.value.code == 2
    assert 'a path without ~' in capsys.readouterr().err


def test_without_a_home_explicit_folders_do(tmp_path: Path) -> None:
    write_model_folder(tmp_path / 'made', 'tiny')
    state, store = ('--state-dir', tmp_path / 'state'), ('--store', tmp_path / 'store')
    made = tmp_path / 'made/tiny/1'
    assert ml_model('install', made, '--into', tmp_path / 'store', *state)[0] == 0
    code, said = ml_model('list', *store, *state)
    assert (code, 'tiny@1' in said) == (0, True)
    code, said = ml_model('list', *state)  # what came with the package
    assert (code, 'shapes@1' in said) == (0, True)
    assert ml_model('check', made)[0] == 0


@pytest.mark.parametrize(
    'arguments',
    [
        ('list',),  # no place for the state
        ('install', 'models/shapes/1', '--state-dir', '/tmp/nothing'),  # no store
        ('list', '--state-dir', '~/state'),
    ],
)
def test_without_a_home_a_sentence_says_what_to_give(arguments: tuple[str, ...]) -> None:
    code, said = ml_model(*arguments)
    assert code in (1, 2)
    assert NO_HOME in said and '--state-dir' in said
