"""Counting tests, and what the gate makes of the counts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.junit import Counts, main, read_counts

ROOT = Path(__file__).parents[2]
OUTCOMES = """
import pytest

@pytest.fixture
def late():
    yield
    raise RuntimeError

def test_good(): print('99 passed in 1.00s')
def test_bad(): assert False
def test_torn(late): pass
def test_bad_and_torn(late): assert False
@pytest.mark.skip
def test_left_out(): pass
@pytest.mark.xfail
def test_known(): assert False
"""


def report_of(folder: Path, tests: str) -> Path:
    """Runs tests in a process of their own."""
    (folder / 'test_it.py').write_text(tests)
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--junitxml=it.xml']
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
    return folder / 'it.xml'


def test_pytest_outcomes_are_counted_from_its_report(tmp_path: Path) -> None:
    counts = read_counts(report_of(tmp_path, OUTCOMES))
    assert counts.passed == 1
    assert counts.failed in (3, 4)  # what fails twice may be two entries
    assert counts.skipped == 2


def test_run_without_tests_has_passed_none(tmp_path: Path) -> None:
    assert read_counts(report_of(tmp_path, '')) == Counts(0, 0, 0)


def test_report_that_was_never_finished_counts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'half.xml').write_text('<testsuites><testsuite><testcase name="a"/>')
    for name in ('half.xml', 'none.xml'):
        assert main([str(tmp_path / name)]) == 1
    captured = capsys.readouterr()
    assert captured.out == '0 0 0\n0 0 0\n'
    assert 'half.xml' in captured.err


REPORT = '<testsuites><testsuite>{}</testsuite></testsuites>'
PASSED, FAILED, SKIPPED = (
    '<testcase/>',
    '<testcase classname="nodes" name="dies"><failure>E  not alive</failure></testcase>',
    '<testcase><skipped/></testcase>',
)  # fmt: skip
FAKE_MAKE = """#!/usr/bin/env bash
# Says what pytest might, and writes the report that the test has prepared for the stage.
echo '99 passed, 7 failed in 1.00s'
for word in "$@"; do
  if [[ $word =~ --junitxml=([^ ]+) ]]; then
    file=${BASH_REMATCH[1]}
    [ -f prepared/"${file##*/}" ] && cp prepared/"${file##*/}" "$file"
    [ ! -f prepared/"${file##*/}".fails ] || exit 2
  fi
done
exit 0
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which every stage of the gate passes one test at once."""
    (tmp_path / '.ci').mkdir()
    shutil.copy(ROOT / '.ci' / 'run', tmp_path / '.ci')
    (tmp_path / 'dev').mkdir()
    shutil.copy(ROOT / 'dev' / 'junit.py', tmp_path / 'dev')
    (tmp_path / 'prepared').mkdir()
    for stage in ('jazzy', 'kilted', 'floor'):
        (tmp_path / 'prepared' / f'{stage}.xml').write_text(REPORT.format(PASSED))
    programs = tmp_path / 'bin'
    programs.mkdir()
    # Nothing is installed, whatever the machine lacks.
    for name in ('cmake', 'c++', 'apt-get', 'make'):
        (programs / name).write_text(FAKE_MAKE if name == 'make' else '#!/bin/sh\n')
        (programs / name).chmod(0o755)
    return tmp_path


def run_gate(checkout: Path) -> tuple[int, str]:
    environment = {**os.environ, 'PATH': f'{checkout / "bin"}{os.pathsep}{os.environ["PATH"]}'}
    done = subprocess.run(
        ['bash', str(checkout / '.ci' / 'run')],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_gate_sums_what_the_reports_say(checkout: Path) -> None:
    many = REPORT.format(PASSED * 5 + SKIPPED * 2)
    (checkout / 'prepared' / 'kilted.xml').write_text(many)
    status, output = run_gate(checkout)
    assert (status, output.splitlines()[-1]) == (0, '7 passed, 0 failed, 2 skipped')


def test_failed_stage_is_red_and_counted(checkout: Path) -> None:
    (checkout / 'prepared' / 'kilted.xml').write_text(REPORT.format(PASSED * 5 + FAILED))
    (checkout / 'prepared' / 'kilted.xml.fails').touch()
    status, output = run_gate(checkout)
    assert (status, output.splitlines()[-1]) == (1, '7 passed, 1 failed, 0 skipped')
    # What fails on another machine has to be found from the end of what it printed.
    assert 'kilted: nodes::dies\nkilted:   E  not alive' in output


@pytest.mark.parametrize('content', [REPORT.format(SKIPPED * 3), REPORT.format(''), None])
def test_stage_that_passed_nothing_is_red(checkout: Path, content: str | None) -> None:
    report = checkout / 'prepared' / 'jazzy.xml'
    report.unlink() if content is None else report.write_text(content)
    # Left by an earlier run.
    old = checkout / 'out' / 'ci' / 'jazzy.xml'
    old.parent.mkdir(parents=True)
    old.write_text(REPORT.format(PASSED))
    status, output = run_gate(checkout)
    assert status == 1
    assert 'no test ran' in output
