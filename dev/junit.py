"""Counts tests in a JUnit file: `python3 dev/junit.py FILE` prints passed, failed and skipped.

What pytest prints for people is free to change, its report is not.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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


def _outcome(case: ElementTree.Element) -> str:
    if case.find('failure') is not None or case.find('error') is not None:
        return 'failed'
    return 'passed' if case.find('skipped') is None else 'skipped'


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints three numbers; zeros, and exit status 1, where there is no report to read."""
    (report,) = sys.argv[1:] if arguments is None else arguments
    counts, status = Counts(), 0
    try:
        counts = read_counts(Path(report))
    except (OSError, ElementTree.ParseError) as error:
        print(f'no report of the tests: {report}: {error}', file=sys.stderr)
        status = 1
    print(counts.passed, counts.failed, counts.skipped)
    return status


if __name__ == '__main__':
    sys.exit(main())
