"""A candidate in shadow sees what is served, costs nobody anything, and is compared fairly."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import altered_models
import numpy as np
import onnx_models
import pytest
from frame_lines import MS, NOW_NS, WAIT_S, Line
from model_folders import write_model_folder
from number_pipelines import Listener, NumberStage, NumberTask, number_input, number_pipeline
from ros_processes import wait_until

from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.inputs import KeepRule
from ml_integration.core.left_behind import left_behind
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.pair import Pair
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.niceness import NICEST
from ml_integration.deploy.router import Router
from ml_integration.deploy.spare_time import load_for_spare_time
from ml_integration.deploy.turns import Share
from ml_integration.recordings.pictures import picture_message
from ml_integration.serving import shift
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.shadow import Counts, Pairing, Shadow
from ml_integration.serving.streams import Stream
from ml_integration.serving.witness import Witness
from ml_integration.store.package.package import read_package

LOADER = Loader(ExecutionSettings(intra_op_threads=1))


class ComparingTask(NumberTask):
    """Compares numbers."""

    @dataclass(frozen=True)
    class Apart:
        disagreement: float

    def compare(self, first: int, second: int, model: Any) -> Apart:
        return self.Apart(abs(first - second))


def numbers(version: int, *others: Any, factor: int = 1, stages: Any = None) -> Pipeline:
    pipeline = number_pipeline(1, *others, version=version, factor=factor, stages=stages)
    pipeline.task = ComparingTask()  # type: ignore[assignment]
    return pipeline


class Shadowed:
    """A frame loop turned by hand, with a shadow on a thread of its own."""

    def __init__(self, serving: Pipeline, pairing: Pairing, topic: str, **more: Any) -> None:
        self.results, self.witness = Listener(), Witness()
        self.streams = [
            Stream(name, topic, self.results, [self.witness], self.witness.failed)
            for name in ('a', 'b')
        ]
        self.router = Router(lambda pipeline: None)
        self.router.swap(serving)
        self.loop = FrameLoop(
            self.router, self.streams, Line().monitor, lambda: NOW_NS, print, LoopSettings()
        )
        self.loop.begin()
        self.pairs: list[Pair] = []
        self.pairing, self.topic = pairing, topic
        tell: Callable[[Pair], None] = more.pop('tell', self.pairs.append)
        more.setdefault('has_room', lambda: True)
        self.shadow = Shadow(pairing, self.loop, tell, **more)
        self.witness.shadow = self.shadow

    def serve(self, message: Any, stream: int = 0, stamp_ns: int = NOW_NS) -> None:
        self.loop.receive(self.streams[stream], self.topic, message, stamp_ns)
        self.loop.serve()

    def wait_for_pairs(self, count: int) -> list[Pair]:
        wait_until(lambda: len(self.pairs) >= count, f'{count} pairs, not {self.pairs}')
        return self.pairs

    def compared(self, *messages: Any) -> list[Pair]:
        """Serves messages one after the other, each when the one before has been compared."""
        for message in messages:
            count = len(self.pairs)
            self.serve(message)
            self.wait_for_pairs(count + 1)
        return self.pairs


@contextmanager
def shadowed(candidate: Pipeline, *others: Any, **more: Any) -> Iterator[Shadowed]:
    """`candidate` beside the model m@1 of numbers."""
    staged = candidate.stages
    serving, stable = (
        numbers(1, *others, stages={name: NumberStage() for name in staged}) for _ in range(2)
    )
    rig = Shadowed(serving, Pairing(stable, candidate), 'x', **more)
    try:
        yield rig
    finally:
        rig.shadow.close()


def hold(pipeline: Pipeline) -> tuple[threading.Event, threading.Event]:
    """Lets each run of a pipeline wait; returns what tells that it waits, and what lets it go."""
    session: Any = pipeline.session
    run, entered, gate = session.run, threading.Event(), threading.Event()

    def wait(tensors: Any, deadline_ns: int | None = None) -> Any:
        entered.set()
        assert gate.wait(WAIT_S)
        return run(tensors, deadline_ns)

    session.run = wait
    return entered, gate


def test_both_models_are_compared_on_each_observation() -> None:
    with shadowed(numbers(2, factor=3)) as rig:
        pairs = rig.compared(10, 20)
    assert [(one.stream, one.stamp_ns, one.disagreement) for one in pairs] == [
        ('a', NOW_NS, 20.0), ('a', NOW_NS, 40.0)
    ]  # fmt: skip
    for pair in pairs:
        for side in (pair.stable, pair.candidate):
            assert side is not None
            assert (side.valid, side.late, side.error) == (True, False, '')
            assert side.latency_ms > 0
    assert rig.results.got == [('a', 10), ('a', 20)]
    assert rig.shadow.counts == Counts(run=2)


def test_who_compares_in_another_way_gets_valid_results_that_he_wants() -> None:
    taken: list[Any] = []
    ended: list[bool] = []
    comparer: Any = SimpleNamespace(
        wants=lambda stream: stream == 'b',
        take=lambda *told: taken.append(told),
        end=lambda: ended.append(True),
    )
    with shadowed(numbers(2, factor=3), comparer=comparer) as rig:
        rig.compared(10)
        rig.serve(20, stream=1)
        rig.wait_for_pairs(2)
        rig.serve(3, stream=1)  # its run fails in both
        rig.wait_for_pairs(3)
        models = rig.pairing.stable, rig.pairing.candidate
        assert not ended
    assert ended
    ((stream, given, stable, candidate),) = taken
    assert (stream, given, stable.result, candidate.result) == ('b', models, 20, 60)


def test_a_candidate_that_fails_costs_only_itself() -> None:
    candidate = numbers(2)
    session: Any = candidate.session

    def fail(tensors: Any, deadline_ns: int | None = None) -> Any:
        raise SystemExit('a plug-in that ends the program')

    run, session.run = session.run, fail
    with shadowed(candidate) as rig:
        (first,) = rig.compared(10)
        session.run = run
        second = rig.compared(20)[-1]
    assert first.stable is not None and first.candidate is not None
    assert first.stable.valid and first.disagreement is None
    assert (first.candidate.valid, first.candidate.error) == (False, 'SystemExit')
    assert math.isnan(first.candidate.latency_ms)
    assert second.disagreement == 0.0
    assert rig.results.got == [('a', 10), ('a', 20)]
    assert rig.shadow.counts == Counts(run=2, failed=1)


def test_what_the_serving_model_cannot_do_is_no_fault_of_the_candidate() -> None:
    with shadowed(numbers(2)) as rig:
        (pair,) = rig.compared(3)  # its run fails in both
    assert pair.stable is not None and pair.candidate is not None
    assert pair.stable.error == pair.candidate.error == 'InferenceError'


def test_an_invalid_result_is_told_and_not_compared() -> None:
    with shadowed(numbers(2, factor=5)) as rig:
        rig.pairing.candidate.task.validate = NumberTask().validate  # type: ignore[method-assign]
        rig.pairing.stable.session.run = lambda tensors, deadline_ns=None: {'y': np.array([7])}  # type: ignore[method-assign, misc]
        rig.pairing.candidate.session.run = lambda tensors, deadline_ns=None: {'y': np.array([5])}  # type: ignore[method-assign, misc]
        (pair,) = rig.compared(10)
    assert pair.candidate is not None and pair.disagreement is None
    assert (pair.candidate.valid, pair.candidate.error) == (False, '')
    assert rig.shadow.counts == Counts(run=1, failed=1)


def test_the_newest_waits_and_what_waited_before_is_skipped_and_told() -> None:
    candidate = numbers(2)
    entered, gate = hold(candidate)
    with shadowed(candidate) as rig:
        rig.serve(10)
        assert entered.wait(WAIT_S)
        for number in (11, 12, 13):
            rig.serve(number)
        assert rig.results.got == [('a', 10), ('a', 11), ('a', 12), ('a', 13)]
        gate.set()
        rig.wait_for_pairs(4)
    session: Any = candidate.session
    assert [run for (run,) in session.runs] == [10, 13]
    assert [one.candidate is None for one in rig.pairs] == [False, True, True, False]
    assert rig.pairs[1].stable is not None and rig.pairs[1].stable.valid
    assert rig.shadow.counts == Counts(run=2, skipped=2)


def test_no_stream_starves_another_one() -> None:
    candidate = numbers(2)
    entered, gate = hold(candidate)
    with shadowed(candidate) as rig:
        rig.serve(10)
        assert entered.wait(WAIT_S)
        rig.serve(20, stream=1)
        for number in (11, 12):
            rig.serve(number)
        gate.set()
        rig.wait_for_pairs(4)
    session: Any = candidate.session
    assert [run for (run,) in session.runs] == [10, 20, 12]


def test_models_that_remember_are_compared_on_what_both_have_seen() -> None:
    candidate = numbers(2, stages={'count': NumberStage()})
    entered, gate = hold(candidate)
    with shadowed(candidate) as rig:
        rig.serve(10)
        assert entered.wait(WAIT_S)
        for number in (20, 30):
            rig.serve(number)
        gate.set()
        rig.wait_for_pairs(3)
    # The serving model has seen three, both of the shadow two.
    assert rig.results.got == [('a', 11), ('a', 22), ('a', 33)]
    assert [one.disagreement for one in rig.pairs] == [0.0, None, 0.0]


def test_memory_is_forgotten_when_time_jumps_back_also_in_a_frame_that_is_skipped() -> None:
    candidate = numbers(2, stages={'count': NumberStage()})
    seen: list[Any] = []
    finish = candidate.finish
    candidate.finish = lambda work: seen.append(finish(work)) or seen[-1]  # type: ignore
    with shadowed(candidate) as rig:
        rig.compared(10, 10)
        entered, gate = hold(candidate)
        rig.serve(10)
        assert entered.wait(WAIT_S)
        rig.serve(10, stamp_ns=NOW_NS - 500 * MS)  # the jump, which is skipped
        rig.serve(10, stamp_ns=NOW_NS - 400 * MS)
        gate.set()
        rig.wait_for_pairs(5)
    assert [one.result for one in seen] == [11, 12, 13, 11]


def test_a_candidate_gets_the_window_that_it_wants() -> None:
    window = [number_input('w', KeepRule.WINDOW, length_ms) for length_ms in (20, 50)]
    candidate = numbers(2, window[1])
    seen: list[int] = []
    prepare = candidate.prepare
    candidate.prepare = lambda one: seen.append(len(one.arrivals['w'])) or prepare(one)  # type: ignore
    with shadowed(candidate, window[0]) as rig:
        for number in range(12):
            stamp_ns = NOW_NS + number * 10 * MS
            rig.loop.receive(rig.streams[0], 'w', 10, stamp_ns)
            rig.serve(10, stamp_ns=stamp_ns)
            wait_until(
                lambda: len(rig.pairs) == len(rig.results.got), 'each result to be looked at'
            )
    # Until its window is filled it lacks messages, and is skipped.
    assert set(seen) == {6} and len(seen) >= 5
    assert rig.shadow.counts.skipped == len(rig.results.got) - len(seen)


def test_whoever_takes_the_pairs_may_fail() -> None:
    taken: list[Pair] = []

    def judge(pair: Pair) -> None:
        taken.append(pair)
        if len(taken) == 1:
            raise ValueError('a mistake in a judge')

    with shadowed(numbers(2), tell=judge) as rig:
        rig.serve(10)
        wait_until(lambda: rig.shadow.counts.untold == 1, 'the mistake')
        rig.serve(11)
        wait_until(lambda: len(taken) == 2, 'the next pair')
    assert rig.results.got == [('a', 10), ('a', 11)]


def test_without_time_to_spare_everything_is_skipped_and_told() -> None:
    candidate = numbers(2)
    with shadowed(candidate, has_room=lambda: False) as rig:
        pairs = rig.compared(10, 11)
    session: Any = candidate.session
    assert session.runs == []
    assert [(one.stable is None, one.candidate) for one in pairs] == [(False, None)] * 2
    assert rig.shadow.counts == Counts(skipped=2)


def test_latency_past_the_deadline_is_late() -> None:
    with shadowed(numbers(2), deadline_ms=lambda: 1e-6) as rig:
        (pair,) = rig.compared(10)
    assert pair.candidate is not None and pair.candidate.late


def test_a_result_of_the_candidate_that_was_served_is_told_as_its_own_when_skipped() -> None:
    candidate = numbers(2)
    entered, gate = hold(candidate)
    with shadowed(candidate) as rig:
        lent = numbers(2)
        rig.loop.prepare(lent)
        rig.serve(10)
        assert entered.wait(WAIT_S)
        rig.router.try_out(lent, Share(1.0))
        rig.serve(11)
        rig.serve(12)
        gate.set()
        rig.wait_for_pairs(3)
    skipped = next(one for one in rig.pairs if one.stable is None)
    assert skipped.candidate is not None and skipped.candidate.valid


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('FINISH_S', 'INTERRUPTED_S'):
        monkeypatch.setattr(shift, name, 0.05)
    monkeypatch.setattr(shift, 'GRACE_MS', 20.0)


def test_a_candidate_that_never_comes_back_is_left_behind(impatient: None) -> None:
    candidate = numbers(2)
    entered, gate = hold(candidate)
    with shadowed(candidate, timeout_ms=50.0) as rig:
        rig.serve(10)
        assert entered.wait(WAIT_S)
        lost = rig.wait_for_pairs(1)[0]
        assert candidate.stuck
        rig.serve(11)
        skipped = rig.wait_for_pairs(2)[1]
    assert lost.candidate is not None and lost.stable is not None
    assert (lost.candidate.error, lost.stable.valid) == ('DeadlineError', True)
    assert skipped.candidate is None and skipped.stable is not None
    assert rig.results.got == [('a', 10), ('a', 11)]
    assert rig.shadow.counts == Counts(skipped=1, failed=1)
    stable, hanging = (one.session for one in (rig.pairing.stable, candidate))
    assert (stable.closed, hanging.closed) == (True, False)  # type: ignore[attr-defined]
    gate.set()
    wait_until(lambda: not left_behind(), 'the thread to come back')
    assert hanging.closed  # type: ignore[attr-defined]


# With real models.


def load(store: Path, version: int, **more: Any) -> Callable[[], Pipeline]:
    """Writes `m@<version>`; returns what loads it for spare time."""
    package = read_package(write_model_folder(store, 'm', version, **more))
    return lambda: load_for_spare_time(LOADER, package)


@contextmanager
def beside_a_detector(store: Path, **more: Any) -> Iterator[Shadowed]:
    """A detector beside the tiny one."""
    timeout_ms = more.pop('timeout_ms', 5000.0)
    stable, candidate = load(store, 1), load(store, 2, **more)
    serving = LOADER.load(read_package(store / 'm/1'))
    pairing = Pairing(stable(), candidate())
    rig = Shadowed(serving, pairing, 'image', timeout_ms=timeout_ms)
    try:
        yield rig
    finally:
        rig.shadow.close()
        rig.router.close()
        serving.close()


def picture(gray: int) -> Any:
    """A picture with a red square."""
    pixels = np.full((64, 64, 3), gray, np.uint8)
    pixels[16:32, 16:32] = (0, 0, 255)
    return picture_message(pixels)


def test_the_same_model_disagrees_with_itself_in_nothing(store: Path) -> None:
    with beside_a_detector(store) as rig:
        pairs = rig.compared(*(picture(gray) for gray in (0, 20, 40)))
    assert [one.disagreement for one in pairs] == [0.0] * 3
    assert all(len(result) for _, result in rig.results.got)


def test_other_labels_are_a_disagreement(store: Path) -> None:
    with beside_a_detector(store, labels=('green', 'blue', 'red')) as rig:
        (pair,) = rig.compared(picture(0))
    assert pair.disagreement is not None and pair.disagreement > 0.5


def test_numbers_that_are_none_are_invalid(store: Path) -> None:
    spoiled = onnx_models.tiny_detector(spoiled=True)
    with beside_a_detector(store, model=spoiled, golden=False) as rig:
        (pair,) = rig.compared(picture(0))
    assert pair.stable is not None and pair.candidate is not None
    assert pair.stable.valid and not pair.candidate.valid
    assert math.isfinite(pair.candidate.latency_ms)


def test_a_run_that_never_ends_is_ended_by_the_engine(store: Path) -> None:
    endless = altered_models.endless_detector(altered_models.Endless.BRIGHT)
    with beside_a_detector(store, model=endless, golden=False, timeout_ms=300.0) as rig:
        pairs = rig.compared(picture(0), picture(250), picture(0))
    assert [one.candidate.error for one in pairs if one.candidate] == ['', 'DeadlineError', '']
    assert len(rig.results.got) == 3
    assert not left_behind()


def test_the_engine_runs_with_the_lowest_priority(store: Path) -> None:
    with beside_a_detector(store) as rig:
        rig.compared(picture(0))
        threads = {one.name: one.native_id for one in threading.enumerate()}
        number = threads['ml_shadow_run']
        assert number is not None
        assert os.getpriority(os.PRIO_PROCESS, number) == NICEST
        assert os.getpriority(os.PRIO_PROCESS, 0) < NICEST


def test_a_run_that_is_ended_because_the_shadow_ends_is_no_fault(
    store: Path, impatient: None
) -> None:
    endless = altered_models.endless_detector(altered_models.Endless.BRIGHT)
    with beside_a_detector(store, model=endless, golden=False, timeout_ms=60_000.0) as rig:
        rig.serve(picture(250))
        wait_until(lambda: rig.shadow._in_work is not None, 'the run to begin')
        rig.shadow.close()
    assert rig.pairs == []
    wait_until(lambda: not left_behind(), 'the thread to come back')
