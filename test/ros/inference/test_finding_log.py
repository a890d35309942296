"""The log says what `/diagnostics` says, when it begins, while it lasts and when it ends."""

from __future__ import annotations

from typing import Any

from ml_integration.core.health import CONCERNS, Finding, Health, Level
from ml_integration.ros.inference.finding_log import REPEAT_S, FindingLog


class Lines:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __getattr__(self, severity: str) -> Any:
        return lambda sentence: self.lines.append((severity, sentence))


def health(concern: str, level: Level) -> Health:
    others = (Finding(name, Level.OK, 'well') for name in CONCERNS if name != concern)
    return Health((Finding(concern, level, 'as it is'), *others))


def test_a_finding_is_told_when_its_level_changes_and_again_while_it_lasts() -> None:
    lines: Any = Lines()
    log = FindingLog(lines)
    for now_s, level in (
        (0.0, Level.OK),
        (1.0, Level.WARN),
        (2.0, Level.WARN),
        (3.0, Level.ERROR),
        (4.0, Level.ERROR),
        (3.0 + REPEAT_S, Level.ERROR),
        (4.0 + REPEAT_S, Level.OK),
        (5.0 + 2 * REPEAT_S, Level.OK),
    ):
        log.tell(health('input', level), now_s)
    assert lines.lines == [
        ('warning', 'input: as it is'),
        ('error', 'input: as it is'),
        ('error', 'input: as it is'),
        ('info', 'input: as it is; it is well again'),
    ]


def test_what_is_logged_where_it_happens_is_not_told_again() -> None:
    lines: Any = Lines()
    for concern in ('model', 'errors'):
        FindingLog(lines).tell(health(concern, Level.ERROR), 0.0)
    assert lines.lines == []
