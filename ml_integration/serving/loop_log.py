"""Log of a frame loop: the same is not said again for a while, and errors come in words."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from time import monotonic

from ml_integration.errors import MlIntegrationError

LOG_PERIOD_S = 5.0


class LoopLog:
    """Says what a person should read about streams.

    Args:
        log: is called with the sentences.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._told_s: dict[str, float] = {}

    def tell(self, about: str, reason: str, stream: str) -> None:
        """Logs something about a stream unless the same was logged of it a moment ago."""
        now_s, about = monotonic(), of_stream(stream) + about
        if now_s - self._told_s.get(about, -LOG_PERIOD_S) >= LOG_PERIOD_S:
            self._told_s[about] = now_s
            self._log(f'{about}: {reason}' if reason else about)


def of_stream(stream: str) -> str:
    """Returns the beginning of a sentence about a stream; empty for the only one of a node."""
    return f'{stream}: ' if stream else ''


def sentence_of(error: BaseException) -> str:
    """Returns an error in words; those that are not our own come with their traceback."""
    if isinstance(error, MlIntegrationError):
        return str(error)
    details = ''.join(traceback.format_exception(error))
    return f'{type(error).__name__}: {error}\n{details}'
