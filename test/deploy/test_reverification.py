"""The watch of the files never dies, and says so when it cannot look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ml_integration.deploy import reverification
from ml_integration.deploy.file_watch import FileReport
from ml_integration.deploy.reverification import Reverification

WAIT_S = 30.0
OFTEN_S, HARDLY_EVER_S = 0.1, 86400.0


class Watch:
    """Looks at nothing, or fails."""

    def __init__(self) -> None:
        self.looks = 0
        self.failure: BaseException | None = None
        self.waits_for: threading.Event | None = None
        self.found = FileReport()

    def look(self, ended: Callable[[], bool]) -> None:
        self.looks += 1
        if self.failure is not None:
            raise self.failure
        if self.waits_for is not None:
            self.waits_for.wait(WAIT_S)

    def report(self) -> FileReport:
        return self.found


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverification, 'TICK_S', 0.01)


@contextmanager
def watching(watch: Watch, period_s: Callable[[], float]) -> Iterator[Reverification]:
    files = Reverification(watch, period_s, lambda: None)  # type: ignore[arg-type]
    try:
        yield files
    finally:
        files.stop()


@pytest.mark.parametrize(
    'failure',
    [OSError(24, 'Too many open files'), RecursionError('deep'), MemoryError(), KeyError('x')],
)
def test_whatever_goes_wrong_is_told_and_survived(failure: Exception) -> None:
    watch = Watch()
    with watching(watch, lambda: OFTEN_S) as files:
        watch.failure = failure
        wait_for(lambda: watch.looks >= 2)
        wait_for(lambda: type(failure).__name__ in ' '.join(files.report.warnings))
        watch.failure = None
        wait_for(lambda: files.report == FileReport())
        assert files.since_look_s is not None


def test_a_period_that_makes_no_sense_does_not_end_it() -> None:
    watch, periods = Watch(), [float('nan'), 1e300, -1.0]

    def period_s() -> float:
        if periods:
            return periods.pop()
        raise ValueError('no period')

    with watching(watch, period_s) as files:
        wait_for(lambda: not periods)
        wait_for(lambda: 'ValueError: no period' in ' '.join(files.report.warnings))
        assert files._thread.is_alive()


def test_a_new_period_counts_at_once() -> None:
    watch, period_s = Watch(), [HARDLY_EVER_S]
    with watching(watch, lambda: period_s[0]) as files:
        assert files.since_look_s is None
        period_s[0] = OFTEN_S
        wait_for(lambda: watch.looks)
        period_s[0] = 0.0
        wait_for(lambda: not files._is_due())


def test_what_is_suspicious_is_looked_at_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverification, 'CONFIRM_S', OFTEN_S)
    watch = Watch()
    watch.found = FileReport(suspicious=True)
    with watching(watch, lambda: HARDLY_EVER_S):
        wait_for(lambda: watch.looks >= 2)


def test_a_disk_that_does_not_answer_is_told_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reverification, 'LATE_S', 0.1)
    monkeypatch.setattr(reverification, '_JOIN_S', 0.1)
    watch = Watch()
    watch.waits_for = threading.Event()
    with watching(watch, lambda: OFTEN_S) as files:
        wait_for(lambda: 'does their disk answer?' in ' '.join(files.report.warnings))
        assert files._thread.is_alive()
        files.stop()
        assert not files._thread.is_alive()
        assert files._look is not None
        assert files._look.is_alive()  # left behind
        watch.waits_for.set()
    files._look.join(WAIT_S)


def test_looking_takes_a_small_share_of_the_time_only() -> None:
    with watching(Watch(), lambda: 0.0) as files:
        files._ended_s = time.monotonic()
        files._started_s = files._ended_s - HARDLY_EVER_S  # the last look took so long
        files._period_s = lambda: 1e-9
        assert not files._is_due()
