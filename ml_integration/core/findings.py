"""Findings: what is judged of a node, a level and a sentence for each concern."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """Severity; the numbers are those of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """Judgment of one concern, as one sentence.

    Attributes:
        concern: one of CONCERNS.
        level: how bad it is.
        sentence: what was found.
        hard: True if the fault is certain at once, without another second of evidence.
        kind: what is wrong, in a word that stays the same when the figures change; may be empty.
        subject: which input it is about; empty if there is only one.
        parts: the findings about single inputs that it sums up, good ones too.
    """

    concern: str
    level: Level
    sentence: str
    hard: bool = False
    kind: str = ''
    subject: str = ''
    parts: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Judgment of all concerns, one finding each."""

    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        return max((finding.level for finding in self.findings), default=Level.OK)

    def of(self, concern: str) -> Finding:
        """Returns the finding about one of CONCERNS."""
        return next(finding for finding in self.findings if finding.concern == concern)
