"""Serves recorded messages at the pace of their recording, as a node would have on this machine.

The newest message wins: what comes while the model is busy displaces what waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import Event
from time import monotonic_ns

from ml_integration.core.arrivals import CLOCK
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stats import Stats
from ml_integration.deploy.router import Router
from ml_integration.recordings import Recorded
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.playback import WHOLE_S, Ticks
from ml_integration.serving.streams import Sink, Stream

LAST_S = 5.0
"""Longest wait for the results of the last messages [s]."""
LOOK_S = 0.005


class Rehearsal:
    """Runs a model on recorded messages in their own time.

    Args:
        pipeline: the model, loaded with `read_recorded`.
        results: takes the results, on the thread of the frame loop.
        log: is called with sentences that a person should read.
        settings: time limits.
        rate: seconds of the recording per second.

    Attributes:
        behind_s: the most that a message came later than it should have, because it was not
            read in time [s].
    """

    def __init__(
        self,
        pipeline: Pipeline,
        results: Sink,
        log: Callable[[str], None],
        settings: LoopSettings,
        rate: float = 1.0,
    ) -> None:
        self._wiring = pipeline.wiring
        self._stream = Stream('', self._wiring.trigger_topic, results)
        self._monitor = Monitor(monotonic_ns(), pipeline.wiring.input_keys(), WHOLE_S)
        self._log = log
        self._settings = settings
        self._rate = rate
        self._origin_ns = self._start_ns = 0
        self.behind_s = 0.0
        self._router = Router()
        self._router.swap(pipeline)

    def run(self, messages: Iterable[tuple[str, Recorded]], stopped: Event) -> None:
        """Brings the messages of a recording in when they are due; waits for the last results.

        Args:
            messages: with the topic in the manifest that each is for.
            stopped: ends it early.
        """
        loop = FrameLoop(
            self._router,
            [self._stream],
            self._monitor,
            self._clock_ns,
            self._log,
            self._settings,
        )
        loop.start()
        try:
            first = True
            for topic, recorded in self._with_ticks(messages):
                if first:
                    first = False
                    self._origin_ns, self._start_ns = recorded.recorded_ns, monotonic_ns()
                if stopped.wait(self._wait_s(recorded.recorded_ns)):
                    return
                self._monitor.received('', topic, monotonic_ns(), 0, recorded.stamp_ns)
                loop.receive(self._stream, topic, recorded, recorded.stamp_ns)
            _finish(loop, stopped)
        finally:
            loop.stop()

    def stats(self) -> Stats:
        """Returns the statistics since the start."""
        return self._monitor.stats(monotonic_ns())

    def _clock_ns(self) -> int:
        """Returns the time in the recording [ns]."""
        return self._origin_ns + int((monotonic_ns() - self._start_ns) * self._rate)

    def _wait_s(self, due_ns: int) -> float:
        wait_s = (due_ns - self._clock_ns()) / 1e9 / self._rate
        self.behind_s = max(self.behind_s, -wait_s)
        return max(wait_s, 0.0)

    def _with_ticks(
        self, messages: Iterable[tuple[str, Recorded]]
    ) -> Iterator[tuple[str, Recorded]]:
        """Adds the ticks of the clock, if it starts the runs."""
        ticks = Ticks(self._wiring.trigger.rate_hz)
        for topic, recorded in messages:
            for tick in ticks.until(recorded.recorded_ns):
                yield CLOCK, tick
            yield topic, recorded


def _finish(loop: FrameLoop, stopped: Event) -> None:
    """Waits until all that waits was served."""
    until_ns = monotonic_ns() + int(LAST_S * 1e9)
    while loop.has_work() and monotonic_ns() < until_ns:
        if stopped.wait(LOOK_S):
            return
