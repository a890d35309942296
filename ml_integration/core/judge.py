"""Steadies the judgment of a node: levels do not flutter, and a hard fault shows at once."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from ml_integration.core.findings import Finding, Health, Level

RAISE, RAISE_OF = 3, 5
"""A level is raised when so many of the last so many seconds had it."""
CLEAR = 10
"""A level is taken back after so many seconds below it, one after another."""


class Judge:
    """Makes a steady judgment of one that is made every second.

    What is known about the models is a fact and shows as it is, from the second in which it is
    known to the second in which it ends. What is measured has to last. One judge lasts from an
    activation to the next.
    """

    def __init__(self) -> None:
        self._concerns: dict[str, _Concern] = {}

    def steady(self, health: Health) -> Health:
        """Takes this second's judgment; returns the one to show."""
        return Health(tuple(map(self._shown, health.findings)))

    def _shown(self, finding: Finding) -> Finding:
        if finding.concern == 'model':
            return finding
        return self._concerns.setdefault(finding.concern, _Concern()).shown(finding)


class _Concern:
    """Last findings about one concern, and the level that is shown."""

    def __init__(self) -> None:
        self._level = Level.OK
        self._findings: deque[Finding] = deque(maxlen=CLEAR)

    def shown(self, finding: Finding) -> Finding:
        self._findings.append(finding)
        self._level = self._next_level(finding)
        if finding.level >= self._level:
            return replace(finding, level=self._level)
        return replace(finding, level=self._level, sentence=self._with_reason(finding))

    def _next_level(self, finding: Finding) -> Level:
        levels = [one.level for one in self._findings]
        lasting = sorted(levels[-RAISE_OF:], reverse=True)[RAISE - 1 : RAISE]
        raised = max((*lasting, finding.level if finding.hard else Level.OK))
        if raised > self._level:
            return raised
        if len(levels) == CLEAR:
            return min(self._level, max(levels))
        return self._level

    def _with_reason(self, finding: Finding) -> str:
        """Adds the reason for the shown level to a finding that is better than that level."""
        reasons = [
            f'{finding.sentence}; {ago} s ago: {one.sentence}'
            for ago, one in enumerate(reversed(self._findings))
            if one.level >= self._level
        ]
        return next(iter(reasons), finding.sentence)
