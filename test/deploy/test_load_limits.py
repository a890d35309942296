"""Loads that do not come back: they are ended or left behind, and the next one goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from altered_models import Endless, endless_detector, failing_detector
from deployed_robots import WAIT_S, Robot
from ros_processes import wait_until

from ml_integration.core.batching import BatchSettings
from ml_integration.core.cpus import keep_thread_on, process_cpus
from ml_integration.core.left_behind import left_behind
from ml_integration.deploy import background, loading
from ml_integration.deploy.background import Background, InOrder
from ml_integration.deploy.job import Job
from ml_integration.deploy.loading import Loader
from ml_integration.errors import (
    LoadTimeoutError,
    ModelLoadError,
    SupersededError,
    SwapError,
)
from ml_integration.store.package.package import read_package


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Lets what hangs go on, at the latest after the test; nobody is patient meanwhile."""
    for name in ('GRACE_S', 'SUPERSEDED_S', 'STOP_S'):
        monkeypatch.setattr(background, name, 0.05)
    gate = threading.Event()
    yield gate
    gate.set()
    wait_until(lambda: not left_behind(), 'nothing to hang')


def hang(work: Background[str], gate: threading.Event, limit_s: float = 0.05) -> Future[str]:
    """Submits what hangs until the gate is open, and waits until it does."""
    begun = threading.Event()

    def job(_: Job) -> str:
        begun.set()
        return str(gate.wait(WAIT_S))

    future = work.submit(job, 'm@9', limit_s)
    assert begun.wait(WAIT_S)
    return future


def test_what_hangs_is_left_behind_and_the_next_one_is_done(gate: threading.Event) -> None:
    work: Background[str] = Background('ml_test')
    with pytest.raises(LoadTimeoutError, match=r'm@9: .* within 0\.05 s; it still hangs'):
        hang(work, gate).result(WAIT_S)
    assert left_behind() == ('loading m@9',)
    assert work.submit(lambda job: 'done', 'm@2', WAIT_S).result(WAIT_S) == 'done'
    assert not work.busy


def test_what_waits_for_something_that_hangs_does_not_wait_for_long(
    gate: threading.Event,
) -> None:
    work: Background[str] = Background('ml_test')
    first = hang(work, gate, WAIT_S)
    second = work.submit(lambda job: 'done', 'm@2', WAIT_S)
    assert second.result(WAIT_S) == 'done'
    with pytest.raises(SupersededError):
        first.result(WAIT_S)


def test_an_urgent_request_is_superseded_by_no_other(gate: threading.Event) -> None:
    work: Background[str] = Background('ml_test')
    first = work.submit(lambda job: str(gate.wait(WAIT_S)), 'm@1', WAIT_S, urgent=True)
    urgent = work.submit(lambda job: 'rolled back', 'm@1', WAIT_S, urgent=True)
    with pytest.raises(SwapError, match='a rollback is under way'):
        work.submit(lambda job: 'done', 'm@2', WAIT_S).result(WAIT_S)
    assert urgent.result(WAIT_S) == 'rolled back'
    assert isinstance(first.exception(WAIT_S), SupersededError)


def test_who_stops_does_not_wait_for_what_hangs(gate: threading.Event) -> None:
    work: Background[str] = Background('ml_test')
    future = hang(work, gate, WAIT_S)
    work.stop(0.05)
    with pytest.raises(SupersededError):
        future.result(WAIT_S)
    with pytest.raises(SupersededError):
        work.submit(lambda job: 'done', 'm@2', WAIT_S).result(WAIT_S)


def test_many_requests_need_one_thread(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine they take so long that what hangs would be left behind, by a thread.
    monkeypatch.setattr(background, 'SUPERSEDED_S', WAIT_S)
    work: Background[str] = Background('ml_test')
    future = hang(work, gate, WAIT_S)
    threads = threading.active_count()
    futures = [work.submit(lambda job: 'done', 'm@2', WAIT_S) for _ in range(200)]
    assert threading.active_count() <= threads
    gate.set()
    assert futures[-1].result(WAIT_S) == 'done'
    assert future.done()
    assert all(isinstance(one.exception(), SupersededError) for one in futures[:-1])


def test_a_thread_that_keeps_to_one_cpu_passes_that_on_to_no_load() -> None:
    work: Background[frozenset[int]] = Background('ml_test')
    found: list[frozenset[int]] = []

    def ask() -> None:
        keep_thread_on({max(process_cpus())})
        asked = work.submit(lambda job: frozenset(os.sched_getaffinity(0)), 'm@1', WAIT_S)
        found.append(asked.result(WAIT_S))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(WAIT_S)
    assert found == [process_cpus()]


def test_a_disk_that_hangs_keeps_nobody_from_ending(gate: threading.Event) -> None:
    order = InOrder('ml_test')
    order.do(lambda: (gate.wait(WAIT_S), None)[1])
    order.finish(0.05)
    assert left_behind() == ('ml_test',)


@pytest.fixture
def endless(model_folder: Callable[..., Path]) -> Callable[[Endless], Path]:
    return lambda when: model_folder('m', 9, model=endless_detector(when), golden=False)


@pytest.mark.parametrize('when', [Endless.ALWAYS, Endless.TOGETHER])
def test_a_test_run_that_does_not_end_is_ended(
    endless: Callable[[Endless], Path], when: Endless
) -> None:
    loader = Loader(batch=BatchSettings(max_size=2), streams=2).within(Job('m@9', 0.5))
    with pytest.raises(LoadTimeoutError, match=r'm@9: .* within 0\.5 s\. Raise load_timeout_s'):
        loader.load(read_package(endless(when)))
    assert not left_behind()


def test_a_superseded_load_ends_at_once(endless: Callable[[Endless], Path]) -> None:
    job, package = Job('m@9', 600.0), read_package(endless(Endless.ALWAYS))
    threading.Timer(0.3, job.end, (SupersededError(),)).start()
    with pytest.raises(SupersededError):
        Loader().within(job).load(package)


def test_where_too_much_hangs_nothing_more_is_opened(
    model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, 'MOST_LEFT_BEHIND', 0)
    with pytest.raises(ModelLoadError, match='Restart the process'):
        Loader().load(read_package(model_folder('m', 9)))


def test_a_start_on_a_model_that_does_not_end_falls_back(
    robot: Robot, endless: Callable[[Endless], Path]
) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    endless(Endless.ALWAYS)
    robot.boot(timeout_s=0.5).start('m@9')
    assert robot.serving() == 'm@1'
    assert 'it was not loaded and tested within 0.5 s' in robot.deployment.complaints[0]


def test_a_start_on_a_model_that_cannot_run_falls_back(
    robot: Robot, model_folder: Callable[..., Path]
) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    model_folder('m', 9, model=failing_detector(), golden=False)
    robot.boot().start('m@9')
    assert robot.serving() == 'm@1'
    assert 'its test run failed: inference failed: ' in robot.deployment.complaints[0]


def test_a_swap_that_hangs_is_in_the_audit_log(
    robot: Robot, gate: threading.Event, endless: Callable[[Endless], Path]
) -> None:
    class Hanging(Loader):
        def load(self, package: object, fresh: bool = False) -> object:
            assert self.job is not None and (self.job.model != 'm@2' or gate.wait(WAIT_S))
            return super().load(package, fresh)

    robot.boot(Hanging, timeout_s=2.0).start('m@1')
    with pytest.raises(LoadTimeoutError, match='still hangs'):
        robot.swap('m@2')
    assert robot.serving() == 'm@1'
    wait_until(lambda: ('swap', 'm@2', 'failed') in robot.audit(), 'the line')
