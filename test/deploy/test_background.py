"""Loads beside a serving model: at the lowest priority, but not for ever."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import altered_models
import pytest

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.contracts import Session
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.background import SWITCH_S, Background, InOrder
from ml_integration.deploy.job import Job
from ml_integration.deploy.niceness import NICEST, nicely
from ml_integration.errors import SupersededError

WAIT_S = 30.0


def niceness() -> dict[int, int]:
    """Of every thread of this process, also those that Python does not know."""
    found = {}
    for task in Path('/proc/self/task').iterdir():
        with suppress(ProcessLookupError):  # it has ended since
            found[int(task.name)] = os.getpriority(os.PRIO_PROCESS, int(task.name))
    return found


def own_niceness() -> int:
    """Of this thread; the tests themselves may have been started nicely."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def wait_until_nice() -> None:
    end = time.monotonic() + WAIT_S
    while own_niceness() != NICEST:
        assert time.monotonic() < end, 'this thread never became nice'
        time.sleep(0.005)


@pytest.fixture
def background() -> Background[object]:
    return Background('test_loader')


@pytest.fixture(autouse=True, scope='module')
def engine() -> None:
    """A node has opened its first session, and so imported the engine, before it swaps."""
    open_session().close()


def open_session() -> Session:
    content = ModelContent(ModelIdentity('m', 1), altered_models.slow_detector(1))
    return OnnxRuntime().open(content, ExecutionSettings(intra_op_threads=3))


def test_work_is_done_nicely_and_the_threads_of_the_session_it_opened_are_not_nice() -> None:
    before = niceness()

    def load() -> tuple[Session, int]:
        session = open_session()
        wait_until_nice()
        return session, threading.get_native_id()

    session, loader = nicely(load)
    after = niceness()
    pool = after.keys() - before.keys() - {loader}  # which may need a moment to end
    assert len(pool) >= 2  # it has threads of its own
    assert {after[thread] for thread in pool} == {own_niceness()}
    session.close()


def test_threads_of_python_that_come_and_go_are_not_taken_for_those_of_a_session() -> None:
    def load() -> set[int]:
        before = niceness()
        for _ in range(10):  # such as one that closes the model before
            thread = threading.Thread(target=time.sleep, args=(0.005,))
            thread.start()
            thread.join()
        session = open_session()
        new = {nice for thread, nice in niceness().items() if thread not in before}
        wait_until_nice()
        session.close()
        return new

    assert nicely(load) == {own_niceness()}


def test_threads_that_somebody_else_starts_meanwhile_make_no_session_slow() -> None:
    opened: list[Session] = []
    go = threading.Event()

    def load_elsewhere() -> None:  # as another node of the process does
        go.wait(WAIT_S)
        opened.append(open_session())

    other = threading.Thread(target=load_elsewhere)
    other.start()

    def load() -> set[int]:
        go.set()
        other.join()
        time.sleep(0.3)  # in which a pool would be taken for complete
        before = niceness()
        opened.append(open_session())
        new = {nice for thread, nice in niceness().items() if thread not in before}
        wait_until_nice()
        return new

    assert nicely(load) == {own_niceness()}
    for session in opened:
        session.close()


def test_a_model_that_is_loaded_already_is_shared_without_making_its_pool_nice() -> None:
    others = niceness()
    root = open_session()
    shared = nicely(root.share)
    assert {nice for task, nice in niceness().items() if task not in others} <= {own_niceness()}
    for session in (shared, root):
        session.close()


def test_who_waits_for_nice_work_is_not_nice_and_gets_what_it_raises() -> None:
    def fail() -> None:
        session = open_session()
        wait_until_nice()
        session.close()
        raise SupersededError()

    before = own_niceness()
    with pytest.raises(SupersededError):
        nicely(fail)
    assert own_niceness() == before < NICEST


def test_other_threads_get_the_interpreter_back_soon(background: Background[object]) -> None:
    assert sys.getswitchinterval() <= SWITCH_S


def test_a_job_that_waits_when_a_newer_one_comes_is_never_begun(
    background: Background[object],
) -> None:
    go, begun = threading.Event(), []
    first = background.submit(lambda job: go.wait(WAIT_S), 'm@1', WAIT_S)
    second = background.submit(lambda job: begun.append('second'), 'm@2', WAIT_S)
    third = background.submit(lambda job: 'third', 'm@3', WAIT_S)
    assert background.busy
    go.set()
    assert third.result(WAIT_S) == 'third'
    assert first.result(WAIT_S) is True
    with pytest.raises(SupersededError):
        second.result(WAIT_S)
    assert begun == []
    assert not background.busy


def test_a_job_under_way_learns_that_a_newer_one_has_come(background: Background[object]) -> None:
    go = threading.Event()

    def ask(job: Job) -> None:
        go.wait(WAIT_S)
        job.check()

    first = background.submit(ask, 'm@1', WAIT_S)
    background.submit(lambda job: None, 'm@2', WAIT_S)
    go.set()
    with pytest.raises(SupersededError):
        first.result(WAIT_S)


def test_stop_waits_for_the_job_under_way(background: Background[object]) -> None:
    begun, ended = threading.Event(), []

    def work(job: Job) -> None:
        begun.set()
        time.sleep(0.1)
        ended.append(True)

    background.submit(work, 'm@1', WAIT_S)
    begun.wait(WAIT_S)
    background.stop()
    assert ended == [True]


def test_jobs_in_order_are_done_one_after_the_other_and_all_of_them_before_the_end() -> None:
    done: list[int] = []
    first, order = threading.Event(), InOrder('ml_order')
    order.do(lambda: done.append(int(first.wait(WAIT_S))))
    for number in (2, 3):
        order.do(partial(done.append, number))
    assert done == []
    first.set()
    order.finish()
    assert done == [1, 2, 3]
    order.do(partial(done.append, 4))
    assert done == [1, 2, 3, 4]


def test_what_a_job_in_order_raises_is_told_and_stops_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done, order = threading.Event(), InOrder('ml_order')
    failed = order.do(lambda: [][0])
    order.do(done.set)
    order.finish()
    assert done.is_set()
    assert isinstance(failed.exception(), IndexError)
    assert 'IndexError' in capsys.readouterr().err
