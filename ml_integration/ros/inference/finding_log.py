"""Logs what a node finds about its frames, so that the log explains a silence too."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from rclpy.impl.rcutils_logger import RcutilsLogger

from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.judge import CLEAR, RAISE, RAISE_OF

CONCERNS = ('input', 'drops', 'results')
"""The others are logged where they happen."""
MOST_PATIENCE = 32 * CLEAR
"""After so many good seconds even what comes and goes is told to be well again."""


class FindingLog:
    """Logs each thing that is wrong once when it begins, and once when all is well again.

    Args:
        logger: takes the sentences.
    """

    def __init__(self, logger: RcutilsLogger) -> None:
        self._logger = logger
        self._troubles: dict[tuple[str, str], Trouble] = {}

    def tell(self, health: Health) -> None:
        """Takes this second's judgment, as it is before a judge steadies it."""
        for concern in CONCERNS:
            finding = health.of(concern)
            for part in finding.parts or (finding,):
                trouble = self._troubles.setdefault((concern, part.subject), Trouble())
                if (news := trouble.news(part)) is not None:
                    self._log(news)

    def _log(self, finding: Finding) -> None:
        well = '; it is well again' if finding.level == Level.OK else ''
        log_at(self._logger, finding.level, f'{finding.concern}: {finding.sentence}{well}')


def log_at(logger: RcutilsLogger, level: Level, sentence: str) -> None:
    """Logs a sentence as an error, a warning, or for information."""
    # One line for each: rclpy refuses another severity from the same place.
    if level == Level.ERROR:
        logger.error(sentence)
    elif level == Level.WARN:
        logger.warning(sentence)
    else:
        logger.info(sentence)


class Trouble:
    """Finds out what is new about a concern, or about one input.

    A fault is told when it is certain or lasts. One that has another cause by then, or gets
    worse, is told again; one that comes back before all is well is not. Well is what was for
    CLEAR seconds, and for twice as many each time that this did not last.
    """

    def __init__(self) -> None:
        self._kinds: deque[str | None] = deque(maxlen=RAISE_OF)
        self._told: dict[str, Level] = {}
        self._patience = CLEAR
        self._well_s = MOST_PATIENCE

    def news(self, finding: Finding) -> Finding | None:
        """Takes this second's finding; returns what is to be told, if anything is."""
        bad = finding.level > Level.OK
        self._kinds.append(finding.kind if bad else None)
        self._well_s = 0 if bad else self._well_s + 1
        if not bad:
            return self._end(finding)
        lasts = finding.hard or self._kinds.count(finding.kind) >= RAISE
        if not lasts or finding.level <= self._told.get(finding.kind, Level.OK):
            return None
        self._told[finding.kind] = finding.level
        return finding

    def _end(self, finding: Finding) -> Finding | None:
        if self._well_s >= MOST_PATIENCE:
            self._patience = CLEAR
        if not self._told or self._well_s < self._patience:
            return None
        self._told.clear()
        self._patience = min(2 * self._patience, MOST_PATIENCE)
        name = f'{finding.subject} {finding.sentence}'.strip()
        return replace(finding, sentence=name)
