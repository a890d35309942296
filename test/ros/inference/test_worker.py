"""The frame loop survives whatever a frame does."""

import threading
from time import monotonic_ns

import pytest

from ml_integration.core.monitor import Monitor
from ml_integration.errors import MessageError
from ml_integration.ros.inference.worker import Worker

WAIT_S = 10.0


class Log:
    """Collects what the worker logs, as rclpy's logger would take it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def error(self, text: str, throttle_duration_sec: float) -> None:
        self.lines.append(text)


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_failing_frame_is_counted_logged_and_does_not_stop_the_next(log: Log) -> None:
    monitor = Monitor(monotonic_ns())
    handled = threading.Event()
    raised = threading.Event()

    def handle(letters, failed) -> None:
        (letter,) = letters
        if letter.message == 'good':
            handled.set()
            return
        raised.set()
        raise letter.message

    worker = Worker(handle, monitor, log)
    worker.start()
    for error in (MessageError('step', 3, 'at least 6'), ZeroDivisionError('oops')):
        raised.clear()
        worker.receive(error)
        assert raised.wait(WAIT_S)
    while not handled.is_set():
        worker.receive('good')
        handled.wait(0.01)
    worker.stop()
    assert monitor.stats(monotonic_ns()).total.failed == 2
    assert "message field 'step'" in log.lines[0]
    assert 'Traceback' not in log.lines[0]
    assert 'Traceback' in log.lines[1]
    assert 'ZeroDivisionError: oops' in log.lines[1]


def test_latency_does_not_grow_when_frames_queue(log: Log) -> None:
    monitor = Monitor(monotonic_ns())
    entered, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def handle(letters, failed) -> None:
        entered.set()
        assert go_on.wait(WAIT_S)
        seen.extend(letter.message for letter in letters)

    worker = Worker(handle, monitor, log)
    worker.start()
    worker.receive(0)
    assert entered.wait(WAIT_S)
    for number in range(1, 100):
        worker.receive(number)
    entered.clear()
    go_on.set()
    assert entered.wait(WAIT_S)
    worker.stop()
    assert seen == [0, 99]
    assert monitor.stats(monotonic_ns()).total.displaced == 98


def test_stopping_finishes_the_frame_under_way(log: Log) -> None:
    entered, finished = threading.Event(), threading.Event()

    def handle(letters, failed) -> None:
        entered.set()
        finished.set()

    worker = Worker(handle, Monitor(monotonic_ns()), log)
    worker.start()
    worker.receive('frame')
    assert entered.wait(WAIT_S)
    worker.stop()
    assert finished.is_set()
    assert worker.busy_s() == 0.0


def test_a_frozen_engine_shows_as_a_busy_worker(log: Log) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def handle(letters, failed) -> None:
        entered.set()
        go_on.wait(WAIT_S)

    worker = Worker(handle, Monitor(monotonic_ns()), log)
    worker.start()
    worker.receive('frame')
    assert entered.wait(WAIT_S)
    assert worker.busy_s() > 0.0
    go_on.set()
    worker.stop()
