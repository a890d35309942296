"""Logs what a node finds about its frames, so that the log explains a silence too."""

from __future__ import annotations

from rclpy.impl.rcutils_logger import RcutilsLogger

from ml_integration.core.health import Finding, Health, Level

REPEAT_S = 30.0
CONCERNS = ('input', 'drops', 'results')
"""The others are logged where they happen."""


class FindingLog:
    """Logs findings when their level changes, and again and again while they last.

    Args:
        logger: takes the sentences.
    """

    def __init__(self, logger: RcutilsLogger) -> None:
        self._logger = logger
        self._told: dict[str, tuple[Level, float]] = {}

    def tell(self, health: Health, now_s: float) -> None:
        """Takes the judgment that is shown at a time [s, steady]."""
        for concern in CONCERNS:
            finding = health.of(concern)
            level, told_s = self._told.get(concern, (Level.OK, now_s))
            lasts = finding.level > Level.OK and now_s - told_s >= REPEAT_S
            if finding.level != level or lasts:
                self._told[concern] = finding.level, now_s
                self._log(finding)

    def _log(self, finding: Finding) -> None:
        sentence = f'{finding.concern}: {finding.sentence}'
        if finding.level == Level.ERROR:
            self._logger.error(sentence)
        elif finding.level == Level.WARN:
            self._logger.warning(sentence)
        else:
            self._logger.info(f'{sentence}; it is well again')
