"""The page about tasks says what the code does."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

from dev.site.task_page import PAGE, first_arguments, main
from ml_integration.core.datatypes import Reason, Verdict

ROOT = Path(__file__).parents[2]


def test_the_page_of_this_repository_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['--check', '--root', str(ROOT)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize('kind', ['tasks', 'stages'])
def test_every_task_and_stage_has_a_section(kind: str) -> None:
    text = (ROOT / PAGE).read_text()
    package = importlib.import_module(f'ml_integration.{kind}')
    for module in pkgutil.iter_modules(package.__path__):
        assert f'## {module.name}\n' in text


def test_a_difference_fails_the_check_and_writing_heals_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'docs').mkdir()
    assert main(['--check', '--root', str(tmp_path)]) == 1
    assert 'run: python -m dev.site.task_page' in capsys.readouterr().err
    assert main(['--root', str(tmp_path)]) == 0
    assert main(['--check', '--root', str(tmp_path)]) == 0


def judged() -> Reason:
    return Reason('elsewhere', 'in a function')


class Judge:
    def validate(self) -> Verdict:
        return Verdict((Reason('here', ''), self.more(), judged()))

    def more(self) -> Reason:
        return Reason('beside', f'{judged()}')


def test_reasons_are_found_wherever_a_task_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for item in (Judge.validate, Judge.more, judged):
        monkeypatch.setattr(item, '__module__', 'ml_integration.x')
    monkeypatch.setitem(importlib.import_module('sys').modules, 'ml_integration.x', _here())
    found = first_arguments(Judge, 'validate', ('Reason',))
    assert sorted(found) == ['beside', 'elsewhere', 'here']


def _here() -> object:
    return importlib.import_module(__name__)
