"""Collects what happens to frames, and summarizes the last seconds of it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from ml_integration.core.datatypes import Verdict
from ml_integration.core.stats import Counts, InputStats, Percentiles, Stats

MAX_SAMPLES = 4096

_Events = Counter[tuple[str, 'int | None']]
"""How often something happened to frames of a camera; None where it is not known which."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ns: int
    age_ms: float
    stage_ms: Mapping[str, float]
    camera: int
    together: int


class Monitor:
    """Collects what happens to frames. Thread-safe; the caller brings the (steady) time.

    Args:
        now_ns: the time of the start [ns].
        window_s: what counts as recent [s].
        cameras: how many there are; they are told apart by their numbers from 0.
    """

    def __init__(self, now_ns: int, window_s: float = 10.0, cameras: int = 1) -> None:
        self._lock = threading.Lock()
        self._window_ns = int(window_s * 1e9)
        self._start_ns = now_ns
        self._input_ns = [now_ns] * cameras
        self._serialized_bytes = [0] * cameras
        self._events: deque[tuple[int, str, int | None]] = deque(maxlen=4 * MAX_SAMPLES)
        self._samples: deque[_Sample] = deque(maxlen=MAX_SAMPLES)
        self._total: _Events = Counter()
        self._invalid_kinds: Counter[str] = Counter()
        self._last_error = ''
        self._error_ns = now_ns

    def received(self, now_ns: int, serialized_bytes: int = 0, camera: int = 0) -> None:
        with self._lock:
            self._input_ns[camera] = now_ns
            self._serialized_bytes[camera] = serialized_bytes
            self._count('received', now_ns, camera)

    def lost(self, count: int, now_ns: int, camera: int = 0) -> None:
        with self._lock:
            for _ in range(count):
                self._count('lost', now_ns, camera)

    def displaced(self, now_ns: int, camera: int = 0) -> None:
        with self._lock:
            self._count('displaced', now_ns, camera)

    def stale(self, now_ns: int, camera: int = 0) -> None:
        with self._lock:
            self._count('stale', now_ns, camera)

    def failed(self, sentence: str, now_ns: int) -> None:
        with self._lock:
            self._last_error, self._error_ns = sentence, now_ns
            self._count('failed', now_ns, None)

    def completed(
        self,
        verdict: Verdict,
        age_ms: float,
        stage_ms: Mapping[str, float],
        now_ns: int,
        camera: int = 0,
        together: int = 1,
    ) -> None:
        with self._lock:
            stage_ms = {**stage_ms, 'total': sum(stage_ms.values())}
            self._samples.append(_Sample(now_ns, age_ms, stage_ms, camera, together))
            self._count('published' if verdict.ok else 'invalid', now_ns, camera)
            self._invalid_kinds.update({reason.kind for reason in verdict.reasons})

    def _count(self, event: str, now_ns: int, camera: int | None) -> None:
        self._events.append((now_ns, event, camera))
        self._total[event, camera] += 1

    def stats(self, now_ns: int) -> Stats:
        """Summarizes the window that ends now; what is older is forgotten."""
        begin_ns = max(now_ns - self._window_ns, self._start_ns)
        with self._lock:  # only as long as frames can wait
            while self._events and self._events[0][0] < begin_ns:
                self._events.popleft()
            while self._samples and self._samples[0].at_ns < begin_ns:
                self._samples.popleft()
            events, samples = list(self._events), list(self._samples)
            total, kinds = Counter(self._total), dict(self._invalid_kinds)
        recent = Counter((event, camera) for _, event, camera in events)
        window_s = max((now_ns - begin_ns) / 1e9, 1e-9)
        counts = _counts(recent)
        return Stats(
            window_s=window_s,
            inputs=tuple(
                self._input(camera, now_ns, window_s, recent, total, samples)
                for camera in range(len(self._input_ns))
            ),
            output_hz=counts.published / window_s,
            together=len(samples) / max(sum(1 / s.together for s in samples), 1e-9),
            recent=counts,
            total=_counts(total),
            age=_percentiles([sample.age_ms for sample in samples]),
            stages=_stages(samples),
            invalid_kinds=kinds,
            last_error=self._last_error,
            since_error_s=(now_ns - self._error_ns) / 1e9,
        )

    def _input(
        self,
        camera: int,
        now_ns: int,
        window_s: float,
        recent: _Events,
        total: _Events,
        samples: list[_Sample],
    ) -> InputStats:
        own = [sample for sample in samples if sample.camera == camera]
        return InputStats(
            hz=recent['received', camera] / window_s,
            since_s=(now_ns - self._input_ns[camera]) / 1e9,
            serialized_bytes=self._serialized_bytes[camera],
            recent=_counts({key: n for key, n in recent.items() if key[1] == camera}),
            total=_counts({key: n for key, n in total.items() if key[1] == camera}),
            age=_percentiles([sample.age_ms for sample in own]),
            transport=_percentiles([item.age_ms - item.stage_ms['total'] for item in own]),
        )


def _counts(events: Mapping[tuple[str, int | None], int]) -> Counts:
    """What happened, whichever camera it was."""
    total: Counter[str] = Counter()
    for (event, _), count in events.items():
        total[event] += count
    return Counts(**total)


def _percentiles(values: list[float]) -> Percentiles | None:
    return Percentiles.of(values) if values else None


def _stages(samples: list[_Sample]) -> dict[str, Percentiles]:
    names = dict.fromkeys(name for sample in samples for name in sample.stage_ms)
    return {
        name: Percentiles.of(s.stage_ms[name] for s in samples if name in s.stage_ms)
        for name in names
    }
