from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ml_integration import cli
from ml_integration.cli import list as list_verb
from ml_integration.cli.groups import GROUPS, overview
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


def test_every_verb_is_in_the_overview_below_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    out, shown = capsys.readouterr()
    assert out == ''
    for title, names in GROUPS.items():
        below = shown.partition(f'\n{title}:\n')[2].partition('\n\n')[0]
        listed = [line.split()[0] for line in below.splitlines()]
        assert listed == [name for name in names if name in verbs()]
    for name, module in verbs().items():
        assert f'  {name} ' in shown and module.HELP in shown
    with pytest.raises(SystemExit) as caught:
        main(['--help'])
    assert caught.value.code == 0
    assert capsys.readouterr().out == shown


def test_a_verb_that_is_in_no_group_comes_last() -> None:
    lines = overview({'list': 'lists', 'odd': 'is odd'}).splitlines()
    assert lines == ['look at it:', '  list  lists', '', 'more:', '  odd   is odd']


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['--version'])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f'ml_model {version("ml_integration")}\n'


def test_only_the_verb_that_is_meant_is_imported() -> None:
    code = 'import sys; from ml_integration.cli.main import main; main(["list", "--store", "/"]); '
    code += 'print(sorted(sys.modules), file=sys.stderr)'
    command = [sys.executable, '-c', code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "'ml_integration.cli.list'" in ended.stderr
    assert "'ml_integration.cli.run'" not in ended.stderr and "'cv2'" not in ended.stderr


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
