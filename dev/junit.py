"""Sums up a JUnit file: `python3 dev/junit.py FILE` prints passed, failed and skipped.

With `--failed` it prints what failed instead, and how. What pytest prints for people is free to
change, its report is not.
"""

from __future__ import annotations

import argparse
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAST_LINES = 30  # of what a failed test said


@dataclass(frozen=True)
class Counts:
    """Outcome of a test run."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'


def read_counts(report: Path) -> Counts:
    """Counts the tests of a JUnit file; an error before or after a test is a failure.

    Raises:
        OSError: there is no such file.
        xml.etree.ElementTree.ParseError: it was not written to its end.
    """
    outcomes = Counter(_outcome(case) for case in ElementTree.parse(report).iter('testcase'))
    return Counts(outcomes['passed'], outcomes['failed'], outcomes['skipped'])


def read_failures(report: Path) -> list[str]:
    """Lists the failed tests of a JUnit file, each with the end of what it said.

    Raises:
        OSError: there is no such file.
        xml.etree.ElementTree.ParseError: it was not written to its end.
    """
    failures = []
    for case in ElementTree.parse(report).iter('testcase'):
        for kind in ('failure', 'error'):
            if (found := case.find(kind)) is not None:
                said = '\n  '.join((found.text or '').strip().splitlines()[-LAST_LINES:])
                failures.append(f'{case.get("classname")}::{case.get("name")}\n  {said}')
    return failures


def _outcome(case: ElementTree.Element) -> str:
    if case.find('failure') is not None or case.find('error') is not None:
        return 'failed'
    return 'passed' if case.find('skipped') is None else 'skipped'


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints three numbers; zeros, and exit status 1, where there is no report to read."""
    parser = argparse.ArgumentParser(prog='dev/junit.py', description=__doc__)
    parser.add_argument('report', type=Path)
    parser.add_argument('--failed', action='store_true', help='print the tests that failed')
    options = parser.parse_args(arguments)
    said, status = '' if options.failed else '0 0 0', 0
    try:
        if options.failed:
            said = '\n'.join(read_failures(options.report))
        else:
            counts = read_counts(options.report)
            said = f'{counts.passed} {counts.failed} {counts.skipped}'
    except (OSError, ElementTree.ParseError) as error:
        print(f'no report of the tests: {options.report}: {error}', file=sys.stderr)
        status = 1
    print(said)
    return status


if __name__ == '__main__':
    sys.exit(main())
