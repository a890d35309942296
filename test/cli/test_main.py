from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from ml_integration import cli
from ml_integration.cli import list as list_verb
from ml_integration.cli.main import main, verbs
from ml_integration.errors import MlIntegrationError

ROOT = Path(cli.__file__).parents[2]


def test_verbs_are_the_modules_that_look_like_one() -> None:
    assert {'check', 'inspect', 'list', 'show'} <= verbs().keys()
    assert not {'main', 'arguments', 'guess'} & verbs().keys()


@pytest.mark.parametrize('verb', sorted(verbs()))
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([verb, '--help'])
    assert caught.value.code == 0
    assert f'usage: ml_model {verb}' in capsys.readouterr().out


@pytest.mark.parametrize('arguments', [[], ['no_such_verb'], ['list', '--no-such-option']])
def test_wrong_usage_exits_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert 'usage: ml_model' in capsys.readouterr().err


def test_error_is_one_sentence_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: argparse.Namespace) -> int:
        raise MlIntegrationError('it broke\nin two lines')

    monkeypatch.setattr(list_verb, 'run', fail)
    assert main(['list']) == 1
    assert capsys.readouterr() == ('', 'ml_model: it broke in two lines\n')


def test_interrupt_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(list_verb, 'run', interrupt)
    assert main(['list']) == 130
    assert capsys.readouterr() == ('', '')


def test_reader_that_leaves_early_gets_no_traceback(store: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, '-m', 'ml_integration.cli.main', 'list', '--store', str(store)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, '')
