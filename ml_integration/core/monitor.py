"""What happened to the frames of the last seconds, and since the start."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import Verdict

MAX_SAMPLES = 4096


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
class Stats:
    """A summary of the rolling window.

    Attributes:
        window_s: length of the window [s]; shorter until that much time has passed.
        input_hz: messages per second.
        output_hz: published results per second.
        since_input_s: time since the last message [s]; since the start if there was none.
        serialised_bytes: size of the last message as it came over the network; 0 if it was handed
            over inside the process, or if the middleware did not say.
        recent: counts inside the window.
        total: counts since the start.
        age: from the message's stamp to its result [ms]; None without results.
        stages: percentiles of each stage [ms], in order of execution, and of their 'total'.
        invalid_kinds: how often each kind of reason made a result invalid, since the start.
        last_error: the last error's sentence, empty if there was none.
        since_error_s: time since it [s].
    """

    window_s: float
    input_hz: float
    output_hz: float
    since_input_s: float
    serialised_bytes: int
    recent: Counts
    total: Counts
    age: Percentiles | None
    stages: Mapping[str, Percentiles]
    invalid_kinds: Mapping[str, int]
    last_error: str
    since_error_s: float


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ns: int
    age_ms: float
    stage_ms: Mapping[str, float]


class Monitor:
    """Collects what happens to frames. Thread-safe; the caller brings the (steady) time."""

    def __init__(self, now_ns: int, window_s: float = 10.0) -> None:
        self._lock = threading.Lock()
        self._window_ns = int(window_s * 1e9)
        self._start_ns = now_ns
        self._input_ns = now_ns
        self._serialised_bytes = 0
        self._events: deque[tuple[int, str]] = deque(maxlen=4 * MAX_SAMPLES)
        self._samples: deque[_Sample] = deque(maxlen=MAX_SAMPLES)
        self._total: Counter[str] = Counter()
        self._invalid_kinds: Counter[str] = Counter()
        self._last_error = ''
        self._error_ns = now_ns

    def received(self, now_ns: int, serialised_bytes: int = 0) -> None:
        with self._lock:
            self._input_ns = now_ns
            self._serialised_bytes = serialised_bytes
            self._count('received', now_ns)

    def lost(self, count: int, now_ns: int) -> None:
        with self._lock:
            for _ in range(count):
                self._count('lost', now_ns)

    def displaced(self, now_ns: int) -> None:
        with self._lock:
            self._count('displaced', now_ns)

    def stale(self, now_ns: int) -> None:
        with self._lock:
            self._count('stale', now_ns)

    def failed(self, sentence: str, now_ns: int) -> None:
        with self._lock:
            self._last_error, self._error_ns = sentence, now_ns
            self._count('failed', now_ns)

    def completed(
        self, verdict: Verdict, age_ms: float, stage_ms: Mapping[str, float], now_ns: int
    ) -> None:
        with self._lock:
            total_ms = {'total': sum(stage_ms.values())}
            self._samples.append(_Sample(now_ns, age_ms, {**stage_ms, **total_ms}))
            self._count('published' if verdict.ok else 'invalid', now_ns)
            self._invalid_kinds.update({reason.kind for reason in verdict.reasons})

    def _count(self, event: str, now_ns: int) -> None:
        self._events.append((now_ns, event))
        self._total[event] += 1

    def stats(self, now_ns: int) -> Stats:
        """Summarises the window that ends now."""
        with self._lock:
            begin_ns = max(now_ns - self._window_ns, self._start_ns)
            recent = Counter(event for at_ns, event in self._events if at_ns >= begin_ns)
            samples = [sample for sample in self._samples if sample.at_ns >= begin_ns]
            window_s = max((now_ns - begin_ns) / 1e9, 1e-9)
            return Stats(
                window_s=window_s,
                input_hz=recent['received'] / window_s,
                output_hz=recent['published'] / window_s,
                since_input_s=(now_ns - self._input_ns) / 1e9,
                serialised_bytes=self._serialised_bytes,
                recent=Counts(**recent),
                total=Counts(**self._total),
                age=Percentiles.of(sample.age_ms for sample in samples) if samples else None,
                stages=_stages(samples),
                invalid_kinds=dict(self._invalid_kinds),
                last_error=self._last_error,
                since_error_s=(now_ns - self._error_ns) / 1e9,
            )


def _stages(samples: list[_Sample]) -> dict[str, Percentiles]:
    names = dict.fromkeys(name for sample in samples for name in sample.stage_ms)
    return {
        name: Percentiles.of(s.stage_ms[name] for s in samples if name in s.stage_ms)
        for name in names
    }
