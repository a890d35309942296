"""What is known about the frames of the last seconds, and since the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Counts:
    """How many frames ended in which way.

    Attributes:
        received: messages that arrived.
        displaced: replaced by a newer one before the worker was free.
        stale: older than the deadline when the worker was free.
        published: results that went out.
        invalid: results that failed validation and were held back.
        failed: frames that ended in an error.
        lost: messages that were sent and never arrived.
    """

    received: int = 0
    displaced: int = 0
    stale: int = 0
    published: int = 0
    invalid: int = 0
    failed: int = 0
    lost: int = 0

    @property
    def lost_ratio(self) -> float:
        return self.lost / max(self.received + self.lost, 1)

    @property
    def drop_ratio(self) -> float:
        return (self.displaced + self.stale) / max(self.received, 1)

    @property
    def invalid_ratio(self) -> float:
        return self.invalid / max(self.published + self.invalid, 1)

    @property
    def error_ratio(self) -> float:
        return self.failed / max(self.published + self.invalid + self.failed, 1)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of a duration [ms]."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Percentiles:
        return cls(*np.percentile(np.fromiter(values, np.float64), (50, 95, 99)).tolist())

    def __str__(self) -> str:
        return f'{self.p50:.2f} / {self.p95:.2f} / {self.p99:.2f}'


@dataclass(frozen=True, slots=True)
class InputStats:
    """The messages of one camera.

    Attributes:
        hz: messages per second of the window.
        since_s: time since the last message [s]; since the start if there was none.
        serialized_bytes: size of the last message as it came over the network; 0 if it was handed
            over inside the process, or if the middleware did not say.
        recent: counts inside the window; failed frames are not told apart by camera.
        total: counts since the start, likewise.
        age: from the message's stamp to its result [ms]; None without results.
        transport: from the message's stamp to its arrival [ms]; None without results.
    """

    hz: float
    since_s: float
    serialized_bytes: int
    recent: Counts
    total: Counts
    age: Percentiles | None
    transport: Percentiles | None


@dataclass(frozen=True, slots=True)
class Stats:
    """A summary of the rolling window.

    Attributes:
        window_s: length of the window [s]; shorter until that much time has passed.
        inputs: each camera's messages.
        output_hz: published results per second.
        together: frames per run, on average; 0 without results.
        recent: counts inside the window.
        total: counts since the start.
        age: from the message's stamp to its result [ms]; None without results.
        stages: percentiles of each stage [ms], in order of execution, and of their 'total'.
        invalid_kinds: how often each kind of reason made a result invalid, since the start.
        last_error: the last error's sentence, empty if there was none.
        since_error_s: time since it [s].
    """

    window_s: float
    inputs: tuple[InputStats, ...]
    output_hz: float
    together: float
    recent: Counts
    total: Counts
    age: Percentiles | None
    stages: Mapping[str, Percentiles]
    invalid_kinds: Mapping[str, int]
    last_error: str
    since_error_s: float
