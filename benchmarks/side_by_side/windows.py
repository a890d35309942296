"""Measurement of one subject in one cell for one window of time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.side_by_side.floor import Lap, Loop
from benchmarks.side_by_side.line_process import LineProcess
from benchmarks.side_by_side.observer import Arrival, Observer
from benchmarks.side_by_side.process_usage import usage
from benchmarks.side_by_side.report import PACED_HZ, Cell, Window
from benchmarks.side_by_side.subjects import OURS_DEFAULT, Subject

FIRST_RESULT_S = 3.0
SETTLE_S = 0.25
# Until the naive node's queue of ten is full, and it shows what it is like from then on.
SETTLE_HEAVY_S = 0.8
QUIET_S = 0.15
LONGEST_QUEUE_S = 3.0


@dataclass(frozen=True, slots=True)
class Feed:
    """Picture that a camera shows, and how often."""

    picture: Path
    rate_hz: float


def measure(
    subject: Subject, cell: Cell, feed: Feed, observer: Observer, window_s: float
) -> Window:
    """Feeds a subject and watches it."""
    with observer.results(f'{subject.node}/detections') as arrivals:
        subject.stream(feed.picture, feed.rate_hz)
        try:
            _await_first(arrivals)
            time.sleep(SETTLE_HEAVY_S if cell.model == 'heavy' else SETTLE_S)
            window = _watch(subject, cell, arrivals, observer, window_s)
            if cell.paced and subject.who != OURS_DEFAULT:
                window = _with_runs(window, subject, arrivals, window_s / 2)
        finally:
            subject.silence()
        _await_quiet(arrivals)
        return window


def measure_floor(floor: LineProcess, cell: Cell, picture: Path, window_s: float) -> Window:
    """The bare loop for some time; where frames pile up, one run after the other."""
    before = usage(floor.pid)
    rate_hz = PACED_HZ if cell.paced else 0.0
    lap = floor.ask(Loop(str(picture), rate_hz, window_s), Lap)
    after = usage(floor.pid)
    return Window(
        results_hz=lap.frames / lap.seconds,
        p50_ms=lap.p50_ms,
        p99_ms=lap.p99_ms,
        run_ms=lap.p50_ms,
        cpu_ms=(after.cpu_ms - before.cpu_ms) / lap.frames,
        rss_mb=after.rss_mb,
    )


def _watch(
    subject: Subject, cell: Cell, arrivals: list[Arrival], observer: Observer, window_s: float
) -> Window:
    sent_before = subject.sent()
    before, begin_ns = usage(subject.pid), time.time_ns()
    if cell.paced:
        on_time = None
        time.sleep(window_s)
    else:
        on_time = observer.share_on_time(subject.node, window_s)
    after, end_ns = usage(subject.pid), time.time_ns()
    sent = subject.sent()
    inside = [arrival for arrival in arrivals if begin_ns <= arrival.arrival_ns < end_ns]
    count = len(inside)
    window = Window(
        results_hz=count * 1e9 / (end_ns - begin_ns), rss_mb=after.rss_mb, on_time=on_time
    )
    if sent is not None and sent_before is not None:
        time.sleep(QUIET_S if cell.paced else 0.0)  # the last results are under way
        delivered = _delivered(arrivals, sent_before.frames, sent.frames) if cell.paced else None
        window = replace(window, publish_ms=sent.publish_ms, delivered=delivered)
    if not count:
        return window
    p50, p99 = np.percentile([arrival.age_ms for arrival in inside], (50, 99)).tolist()
    cpu_ms, faults = after.cpu_ms - before.cpu_ms, after.faults - before.faults
    return replace(window, p50_ms=p50, p99_ms=p99, cpu_ms=cpu_ms / count, faults=faults / count)


def _with_runs(
    window: Window, subject: Subject, arrivals: Sequence[Arrival], seconds: float
) -> Window:
    """Adds the session's share; after the window, as telling it is work as well."""
    with subject.runs() as runs:
        time.sleep(seconds)
    outside_ms = [a.age_ms - runs[a.stamp_ns] for a in list(arrivals) if a.stamp_ns in runs]
    if not outside_ms:
        return window
    run_ms = statistics.median(list(runs.values()))
    return replace(window, run_ms=run_ms, outside_ms=statistics.median(outside_ms))


def _delivered(arrivals: Sequence[Arrival], begin: int, end: int) -> float:
    """The share of the frames from one number to before another of which a result came."""
    numbers = {arrival.number for arrival in list(arrivals)}
    return len(numbers & set(range(begin, end))) / max(1, end - begin)


def _await_first(arrivals: Sequence[Arrival]) -> None:
    """Waits for the first result; with default DDS and best effort there may never be one."""
    end = time.monotonic() + FIRST_RESULT_S
    while not arrivals and time.monotonic() < end:
        time.sleep(0.005)


def _await_quiet(arrivals: Sequence[Arrival]) -> None:
    """Waits for silence; what is queued would disturb the next window."""
    end, seen = time.monotonic() + LONGEST_QUEUE_S, -1
    while len(arrivals) != seen and time.monotonic() < end:
        seen = len(arrivals)
        time.sleep(QUIET_S)
