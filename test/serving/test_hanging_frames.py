"""Frames that do not come back: another worker goes on, and nothing of the lost one is seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic_ns
from typing import Any

import pytest
from frame_lines import NOW_NS, WAIT_S, Line
from number_pipelines import number_pipeline
from ros_processes import wait_until

from ml_integration.core.left_behind import left_behind
from ml_integration.errors import DeadlineError
from ml_integration.serving import shift
from ml_integration.serving.loop_settings import LoopSettings

LIMIT_MS = 50.0


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    for name in ('FINISH_S', 'INTERRUPTED_S'):
        monkeypatch.setattr(shift, name, 0.05)
    monkeypatch.setattr(shift, 'GRACE_MS', 20.0)
    line = Line()
    line.loop.settings = LoopSettings(frame_timeout_ms=LIMIT_MS)
    return line


@pytest.fixture
def hanging(line: Line) -> Iterator[threading.Event]:
    """The loop under way, with m@1 hanging in the engine until the event."""
    session: Any = line.router.pipeline.session
    run, entered, gate = session.run, threading.Event(), threading.Event()

    def hang(tensors: Any, deadline_ns: int | None = None) -> Any:
        entered.set()
        gate.wait(WAIT_S)
        return run(tensors, deadline_ns)

    session.run = hang
    line.loop.start()
    give(line, 10)
    assert entered.wait(WAIT_S)
    yield gate
    gate.set()
    line.loop.stop()
    wait_until(lambda: not left_behind(), 'the thread to come back')


def give(line: Line, number: int) -> None:
    line.loop.receive(line.streams[0], 'x', number, NOW_NS)


def test_a_model_that_takes_over_serves_on_and_the_lost_frame_is_never_published(
    line: Line, hanging: threading.Event
) -> None:
    wait_until(lambda: line.unfit, 'the model to be called unfit')
    assert line.unfit == [(1, 'a frame of m@1 did not come back within 50 ms')]
    assert line.total().failed == 1 and 'did not come back' in line.log[0]
    line.router.swap(number_pipeline(1, version=2))
    give(line, 11)
    wait_until(lambda: line.results.got == [('a', 11)], 'the result of the other model')
    hanging.set()
    wait_until(lambda: not left_behind(), 'the thread to come back')
    give(line, 12)
    wait_until(lambda: ('a', 12) in line.results.got, 'the next one')
    assert line.results.got == [('a', 11), ('a', 12)]
    assert line.router.outcomes == [(2, True)] * 2


def test_nobody_else_enters_a_pipeline_in_which_a_frame_hangs(
    line: Line, hanging: threading.Event
) -> None:
    wait_until(lambda: line.unfit, 'the model to be called unfit')
    give(line, 11)
    pipeline = line.router.pipeline
    assert pipeline.stuck
    assert line.results.got == []
    hanging.set()  # it was only slow, and there is no other model
    wait_until(lambda: line.results.got == [('a', 11)], 'the next result')
    assert not pipeline.stuck


def test_stopping_does_not_wait_for_a_frame_that_hangs(
    line: Line, hanging: threading.Event
) -> None:
    line.loop.settings = LoopSettings(frame_timeout_ms=1e6)
    session: Any = line.router.pipeline.session
    line.loop.stop()
    assert session.interrupted
    assert left_behind() == ('a frame of m@1',)
    hanging.set()
    wait_until(lambda: not left_behind(), 'the thread to come back')
    assert line.results.got == []


def test_a_run_that_the_engine_ends_makes_the_model_unfit_and_needs_no_other_thread(
    line: Line,
) -> None:
    session: Any = line.router.pipeline.session

    def end(tensors: Any, deadline_ns: int | None = None) -> Any:
        assert deadline_ns is not None and deadline_ns - monotonic_ns() <= LIMIT_MS * 1e6
        raise DeadlineError('m@1', LIMIT_MS)

    session.run = end
    give(line, 10)
    line.loop.serve()
    assert line.unfit == [(1, 'a frame of m@1 did not come back within 50 ms')]
    assert line.router.outcomes == [(1, False)]
    assert not line.router.pipeline.stuck
