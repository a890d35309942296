"""A frame loop between parts that a test looks into."""

from __future__ import annotations

import threading
from time import monotonic_ns
from typing import Any

from number_pipelines import Listener, NumberRouter, number_pipeline

from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import InputKey
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.streams import Stream

STREAMS = ('a', 'b', 'c')
MS = 1_000_000
NOW_NS = 10**18
WAIT_S = 10.0


class Line:
    """A frame loop between parts that the test looks into, turned by hand.

    Args:
        together: how many observations can run together.
        spectators: of each stream.
    """

    def __init__(self, together: int = 1, *spectators: Listener, pipeline: Any = None) -> None:
        self.router = NumberRouter(pipeline or number_pipeline(together))
        self.results = Listener()
        self.streams = [Stream(n, 'x', self.results, spectators) for n in STREAMS]
        self.monitor = Monitor(monotonic_ns(), [InputKey(name, 'x') for name in STREAMS])
        self.log: list[str] = []
        self.unfit: list[tuple[int, str]] = []
        self.loop = FrameLoop(
            self.router,
            self.streams,
            self.monitor,
            lambda: NOW_NS,
            self.log.append,
            LoopSettings(1000.0),
            lambda pipeline, why: self.unfit.append((pipeline.model.identity.version, why)),
        )
        self.loop._mailbox.feed(self.router.pipeline)

    @property
    def runs(self) -> list[list[int]]:
        session: Any = self.router.pipeline.session
        runs: list[list[int]] = session.runs
        return runs

    def serve(self, *numbers: int, old: tuple[int, ...] = ()) -> None:
        """Serves one number per stream; those in `old` were stamped long ago."""
        for stream, number in zip(self.streams, numbers, strict=False):
            stamp_ns = NOW_NS - (2000 * MS if number in old else 0)
            self.loop.receive(stream, 'x', number, stamp_ns)
        for _ in range(len(numbers)):
            self.loop.serve()

    def total(self) -> Any:
        return self.monitor.stats(monotonic_ns()).total


class Gate(Listener):
    """Lets results through one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.open = threading.Event(), threading.Event()

    def take(self, *arguments: Any) -> None:
        self.entered.set()
        assert self.open.wait(WAIT_S)
        super().take(*arguments)
