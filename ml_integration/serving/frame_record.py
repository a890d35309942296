"""Records what becomes of observations: counts it, and says what a person should read."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from time import monotonic, monotonic_ns

from ml_integration.core.arrivals import MS, Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.monitor import Monitor
from ml_integration.errors import DeadlineError, MlIntegrationError
from ml_integration.serving.streams import Turn

LOG_PERIOD_S = 5.0
"""Time in which the same is not said again [s]."""


class FrameRecord:
    """Records for a frame loop. What is counted is counted at once; any thread may call it.

    Args:
        monitor: counts how the observations end.
        clock_ns: gives the time of the clock that stamps messages [ns].
        log: is called with the sentences that a person should read.
    """

    def __init__(
        self, monitor: Monitor, clock_ns: Callable[[], int], log: Callable[[str], None]
    ) -> None:
        self._monitor = monitor
        self.clock_ns = clock_ns
        self._log = log
        self._told_s: dict[str, float] = {}

    def completed(self, turn: Turn, prediction: Prediction, run_ns: int, done_ns: int) -> None:
        """Records a result that was published.

        Args:
            turn: the observation, and where it came from.
            prediction: the result.
            run_ns: when it began to be published [ns, steady clock].
            done_ns: when it was.
        """
        stream, arrival = turn.stream.name, turn.observation.trigger
        publish_ms = (done_ns - run_ns) / MS
        # In the mailbox, and while other observations of the batch were in work.
        work_ms = publish_ms + sum(prediction.stage_ms.values())
        wait_ms = (done_ns - arrival.arrived_ns) / MS - work_ms
        stage_ms = {'wait': wait_ms, **prediction.stage_ms, 'publish': publish_ms}
        self._monitor.completed(
            stream,
            prediction.verdict,
            self.age_ms(turn.observation),
            stage_ms,
            done_ns,
            prediction.together,
            prediction.omitted,
        )
        if prediction.verdict.ok and prediction.omitted:
            self.tell('result incomplete', prediction.omitted[0].detail, stream)

    def age_ms(self, observation: Observation) -> float:
        """Returns the time since the stamp [ms], by the stamps' clock, which may be simulated.

        Of a stamp from the future nothing is known but that it came: it ages from then on.
        """
        age_ns = self.clock_ns() - observation.stamp_ns
        if age_ns < 0:
            age_ns = monotonic_ns() - observation.trigger.arrived_ns
        return age_ns / MS

    def displaced(self, stream: str, now_ns: int, count: int) -> None:
        """Records messages that newer ones have taken the place of; 0: none."""
        if count:
            self._monitor.displaced(stream, now_ns, count)

    def stale(self, stream: str, now_ns: int) -> None:
        """Records an observation that was too old."""
        self._monitor.stale(stream, now_ns)

    def failed(self, error: BaseException, stream: str | None) -> None:
        """Records an observation that ended with an error; None: a fault that none has caused."""
        kind = type(error).__name__
        sentence = _of_stream(stream or '') + (str(error) or kind)
        self._monitor.failed(sentence, monotonic_ns(), stream, kind)

    def lost(self, reason: str, stream: str) -> None:
        """Records an observation that nobody can do."""
        self._monitor.failed(_of_stream(stream) + reason, monotonic_ns(), stream)

    def left_behind(self, sentence: str) -> None:
        """Records an observation that never came back."""
        self._monitor.failed(sentence, monotonic_ns(), kind=DeadlineError.__name__)
        self.tell('frame dropped', f'{sentence} and was left behind', '')

    def spectator_failed(self, name: str, error: BaseException, stream: str) -> None:
        """Records that somebody who only looks on has failed: the result is out."""
        self._monitor.spectator_failed(name)
        self.tell_error(f'{name} failed', error, stream)

    def tell_error(self, about: str, error: BaseException, stream: str) -> None:
        """Logs an error as `tell` does; one that is not our own comes with its traceback."""
        reason = str(error)
        if not isinstance(error, MlIntegrationError):
            details = ''.join(traceback.format_exception(error))
            reason = f'{type(error).__name__}: {error}\n{details}'
        self.tell(about, reason, stream)

    def tell(self, about: str, reason: str, stream: str) -> None:
        """Logs something about a stream unless the same was logged of it a moment ago."""
        now_s, about = monotonic(), _of_stream(stream) + about
        if now_s - self._told_s.get(about, -LOG_PERIOD_S) >= LOG_PERIOD_S:
            self._told_s[about] = now_s
            self._log(f'{about}: {reason}' if reason else about)


def _of_stream(stream: str) -> str:
    """Returns the beginning of a sentence about a stream; empty for the only one of a node."""
    return f'{stream}: ' if stream else ''
