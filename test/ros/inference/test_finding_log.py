"""The log says once what is wrong when it begins, and once when all is well again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.health import CONCERNS
from ml_integration.core.judge import CLEAR, RAISE
from ml_integration.ros.inference.finding_log import MOST_PATIENCE, FindingLog

WELL = Finding('input', Level.OK, '30.0 Hz')
NOBODY = Finding('input', Level.WARN, 'nobody is there', kind='nobody')
TYPE = Finding('input', Level.WARN, 'another type', hard=True, kind='type')
WORSE = Finding('input', Level.ERROR, 'even worse', kind='nobody')


class Lines:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __getattr__(self, severity: str) -> Any:
        return lambda sentence: self.lines.append((severity, sentence))


def health(finding: Finding) -> Health:
    others = (Finding(name, Level.OK, 'well') for name in CONCERNS if name != finding.concern)
    return Health((finding, *others))


def told(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """What is logged of one finding after another, a second apart."""
    lines: Any = Lines()
    log = FindingLog(lines)
    for finding in findings:
        log.tell(health(finding))
    return list(lines.lines)


BEGIN, END = ('warning', 'input: nobody is there'), ('info', 'input: 30.0 Hz; it is well again')


@pytest.mark.parametrize(
    ('findings', 'lines'),
    [
        ([WELL] * 100, []),
        ([NOBODY] * (RAISE - 1) + [WELL] * 100, []),  # it does not last
        ([NOBODY] * 1000, [BEGIN]),
        ([NOBODY] * 3 + [WELL] * (CLEAR - 1), [BEGIN]),  # it may come back
        ([NOBODY] * 3 + [WELL] * 100, [BEGIN, END]),
        ([TYPE], [('warning', 'input: another type')]),  # certain at once
        ([NOBODY] * 5 + [TYPE] * 5 + [NOBODY] * 5, [BEGIN, ('warning', 'input: another type')]),
        ([NOBODY] * 5 + [WORSE] * 5 + [NOBODY] * 5, [BEGIN, ('error', 'input: even worse')]),
    ],
)
def test_a_fault_is_told_once_when_it_begins_and_once_when_it_ends(
    findings: list[Finding], lines: list[tuple[str, str]]
) -> None:
    assert told(findings) == lines


def test_what_comes_and_goes_is_told_less_and_less() -> None:
    flapping = ([NOBODY] * 5 + [WELL] * 15) * 200
    assert told(flapping) == [BEGIN, END, BEGIN]
    assert told([*flapping, *[WELL] * MOST_PATIENCE]) == [BEGIN, END, BEGIN, END]


def test_each_of_several_inputs_is_told_by_itself() -> None:
    def of(name: str, level: Level) -> Finding:
        sentence = f'nothing on /{name}/image' if level else '30.0 Hz'
        return Finding('input', level, sentence, kind='silent', subject=name)

    def cameras(front: Level, rear: Level) -> Finding:
        parts = of('front', front), of('rear', rear)
        return Finding('input', max(front, rear), 'both of them', parts=parts)

    well, bad = Level.OK, Level.WARN
    seconds = [*[cameras(bad, well)] * 5, *[cameras(bad, bad)] * 5, *[cameras(well, bad)] * 20]
    assert told(seconds) == [
        ('warning', 'input: nothing on /front/image'),
        ('warning', 'input: nothing on /rear/image'),
        ('info', 'input: front 30.0 Hz; it is well again'),
    ]


@pytest.mark.parametrize('concern', ['model', 'errors'])
def test_what_is_logged_where_it_happens_is_not_told_again(concern: str) -> None:
    assert told([Finding(concern, Level.ERROR, 'bad', hard=True)] * 5) == []
