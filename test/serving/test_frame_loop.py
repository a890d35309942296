"""What an observation costs when it goes wrong, whose its result is, and swaps without a gap."""

from __future__ import annotations

import gc
import threading
import weakref
from time import monotonic_ns
from typing import Any

import pytest
from number_pipelines import Listener, NumberRouter, number_input, number_pipeline
from ros_processes import wait_until

from ml_integration.core.inputs import KeepRule
from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import InputKey
from ml_integration.errors import MessageError
from ml_integration.serving.frame_loop import FrameLoop, LoopSettings
from ml_integration.serving.streams import Stream

STREAMS = ('a', 'b', 'c')
MS = 1_000_000
NOW_NS = 10**18
WAIT_S = 10.0
WINDOW = number_input('w', KeepRule.WINDOW, 30)


class Line:
    """A frame loop between parts that the test looks into, turned by hand.

    Args:
        together: how many observations can run together.
        spectators: of each stream.
    """

    def __init__(self, together: int = 1, *spectators: Listener, pipeline: Any = None) -> None:
        self.router = NumberRouter(pipeline or number_pipeline(together))
        self.results = Listener()
        self.streams = [Stream(n, 'x', self.results, spectators) for n in STREAMS]
        self.monitor = Monitor(monotonic_ns(), [InputKey(name, 'x') for name in STREAMS])
        self.log: list[str] = []
        self.loop = FrameLoop(
            self.router,
            self.streams,
            self.monitor,
            lambda: NOW_NS,
            self.log.append,
            LoopSettings(1000.0),
        )
        self.loop._mailbox.feed(self.router.pipeline)

    @property
    def runs(self) -> list[list[int]]:
        session: Any = self.router.pipeline.session
        runs: list[list[int]] = session.runs
        return runs

    def serve(self, *numbers: int, old: tuple[int, ...] = ()) -> None:
        """Serves one number per stream; those in `old` were stamped long ago."""
        for stream, number in zip(self.streams, numbers, strict=False):
            stamp_ns = NOW_NS - (2000 * MS if number in old else 0)
            self.loop.receive(stream, 'x', number, stamp_ns)
        for _ in range(len(numbers)):
            self.loop.serve()

    def total(self) -> Any:
        return self.monitor.stats(monotonic_ns()).total


@pytest.fixture(params=[1, 2, 3])
def line(request: pytest.FixtureRequest) -> Line:
    return Line(request.param)


def test_results_go_to_their_stream_with_what_triggered_them(line: Line) -> None:
    line.serve(10, 20, 30)
    assert line.results.got == [('a', 10), ('b', 20), ('c', 30)]
    assert line.router.outcomes == [(1, True)] * 3
    assert [(p.stamp_ns, p.frame_id) for p in line.results.predictions] == [(NOW_NS, 'frame')] * 3
    streams = line.monitor.stats(monotonic_ns()).streams
    assert [one.age is not None for one in streams] == [True] * 3


def test_as_many_as_possible_run_together() -> None:
    for together, runs in ((1, [[10], [20], [30]]), (2, [[10, 20], [30]]), (3, [[10, 20, 30]])):
        line = Line(together)
        line.serve(10, 20, 30)
        assert line.runs == runs


@pytest.mark.parametrize(
    ('bad', 'reason'),
    [
        (1, 'cannot be read'),  # in the sensor
        (2, 'ZeroDivisionError: a mistake in an encoder'),  # not even an error of ours
        (4, 'cannot be decoded'),  # after the run
    ],
)
def test_an_observation_that_fails_costs_only_itself(line: Line, bad: int, reason: str) -> None:
    line.serve(10, bad, 30)
    assert line.results.got == [('a', 10), ('c', 30)]
    assert [sentence.partition('\n')[0] for sentence in line.log] == [f'frame dropped: {reason}']
    assert sorted(line.router.outcomes) == [(1, False), (1, True), (1, True)]
    assert line.total().failed == 1


@pytest.mark.parametrize(('together', 'lost'), [(1, 1), (2, 2), (3, 3)])
def test_a_run_that_fails_costs_each_observation_in_it(together: int, lost: int) -> None:
    line = Line(together)
    line.serve(10, 3, 30)
    assert line.log == ['frame dropped: m@1: inference failed: out of memory']
    assert line.router.outcomes.count((1, False)) == line.total().failed == lost
    assert len(line.results.got) == 3 - lost


def test_what_is_too_old_is_left_out(line: Line) -> None:
    line.serve(10, 20, 30, old=(20,))
    assert line.results.got == [('a', 10), ('c', 30)]
    assert line.log == []
    assert line.total().stale == 1


def test_an_invalid_result_is_held_back_and_the_others_are_published(line: Line) -> None:
    line.serve(10, 5, 30)
    assert line.results.got == [('a', 10), ('c', 30)]
    assert line.router.outcomes == [(1, True), (1, False), (1, True)]
    assert line.monitor.stats(monotonic_ns()).invalid_kinds == {'odd': 1}


def test_nothing_runs_when_nothing_is_worth_it(line: Line) -> None:
    line.serve(1, 20, old=(20,))
    assert line.runs == []


def test_a_spectator_that_fails_costs_neither_the_model_nor_the_result() -> None:
    broken, other = Listener('overlay', ValueError('draws nothing')), Listener('recorder')
    line = Line(1, broken, other)
    for number in (10, 20):
        line.serve(number)
    assert line.results.got == other.got == [('a', 10), ('a', 20)]
    assert line.router.outcomes == [(1, True)] * 2
    assert (line.total().published, line.total().failed) == (2, 0)
    assert line.monitor.stats(monotonic_ns()).spectators_failed == {'overlay': 2}
    assert len(line.log) == 1 and line.log[0].startswith('overlay failed: ValueError')


def test_a_result_that_cannot_be_published_is_no_good_one() -> None:
    line = Line()
    line.results.error = ValueError('no such field')
    line.serve(10)
    assert line.router.outcomes == [(1, False)]
    assert (line.total().published, line.total().failed) == (0, 1)


def test_an_outcome_belongs_to_the_model_that_made_it() -> None:
    line = Line()
    other = number_pipeline(version=2)
    line.loop.prepare(other)

    def swap(*arguments: Any) -> None:
        line.router.swap(other)

    line.results.take = swap  # type: ignore[method-assign]
    line.serve(10)
    assert line.router.outcomes == [(1, True)]


def test_frames_that_were_passed_over_are_counted() -> None:
    line = Line()
    for number in (10, 11, 12):
        line.loop.receive(line.streams[0], 'x', number, NOW_NS)
    line.loop.serve()
    assert line.results.got == [('a', 12)]
    assert line.total().displaced == 2


def test_a_swap_loses_nothing_and_runs_nothing_twice() -> None:
    line = Line()
    line.serve(10)
    other = number_pipeline(version=2, factor=100)
    line.loop.prepare(other)
    line.loop.receive(line.streams[0], 'x', 20, NOW_NS)
    line.router.swap(other)
    line.loop.forget(line.router.pipeline)  # what is forgotten is another one, see below
    line.loop.prepare(other)
    line.loop.receive(line.streams[0], 'x', 21, NOW_NS)
    line.loop.serve()
    line.loop.serve()
    assert line.results.got == [('a', 10), ('a', 2100)]


def test_a_model_with_a_longer_window_takes_over_when_it_is_filled() -> None:
    short = number_pipeline(1, WINDOW)
    long = number_pipeline(1, number_input('w', KeepRule.WINDOW, 100), version=2)
    line = Line(pipeline=short)
    stream, sizes, warm = line.streams[0], [], threading.Event()
    thread = threading.Thread(target=lambda: (line.loop.prepare(long), warm.set()), daemon=True)
    for number in range(40):
        stamp_ns = NOW_NS + number * 10 * MS
        for tensor in ('w', 'x'):
            line.loop.receive(stream, tensor, 10, stamp_ns)
        line.loop.serve()
        if number == 10:
            thread.start()
            wait_until(lambda: long in stream._inboxes, 'the new model is fed')
        if number == 14 and not warm.is_set():
            wait_until(warm.is_set, 'the longer window is filled')  # from what was held
        if number == 25:
            line.router.swap(long)
            line.loop.forget(short)
    thread.join(WAIT_S)
    sizes = [len(p.frames['w']) for p in line.results.predictions]
    stamps = [p.stamp_ns for p in line.results.predictions]
    assert stamps == [NOW_NS + number * 10 * MS for number in range(3, 40)]
    assert sizes == [4] * 23 + [11] * 14


def test_a_failing_frame_is_told_with_its_traceback_unless_it_explains_itself() -> None:
    line = Line()
    line.results.error = MessageError('step', 3, 'at least 6')
    line.serve(10)
    other = Line()
    other.results.error = ZeroDivisionError('oops')
    other.serve(10)
    assert "message field 'step'" in line.log[0] and 'Traceback' not in line.log[0]
    assert 'ZeroDivisionError: oops' in other.log[0] and 'Traceback' in other.log[0]


class Gate(Listener):
    """Lets results through one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.open = threading.Event(), threading.Event()

    def take(self, *arguments: Any) -> None:
        self.entered.set()
        assert self.open.wait(WAIT_S)
        super().take(*arguments)


@pytest.fixture
def gated() -> tuple[Line, Gate]:
    line, gate = Line(), Gate()
    line.streams[0].results = gate
    return line, gate


def test_latency_does_not_grow_when_frames_queue(gated: tuple[Line, Gate]) -> None:
    line, gate = gated
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    assert gate.entered.wait(WAIT_S)
    for number in range(11, 110):
        line.loop.receive(line.streams[0], 'x', number, NOW_NS)
    gate.open.set()
    wait_until(lambda: len(gate.got) == 2, 'the newest one')
    line.loop.stop()
    assert gate.got == [('a', 10), ('a', 109)]
    assert line.total().displaced == 98


def test_a_frozen_engine_shows_and_stopping_finishes_what_is_under_way(
    gated: tuple[Line, Gate],
) -> None:
    line, gate = gated
    line.loop.start()
    assert line.loop.busy_s() == 0.0
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    assert gate.entered.wait(WAIT_S)
    assert line.loop.busy_s() > 0.0
    gate.open.set()
    line.loop.stop()
    assert gate.got == [('a', 10)] and line.loop.busy_s() == 0.0


def test_missing_inputs_are_named() -> None:
    line = Line(pipeline=number_pipeline(1, number_input('joints', KeepRule.LATEST, 100)))
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    assert line.loop.missing()['a'] == ('joints',)
    line.loop.receive(line.streams[0], 'joints', 10, NOW_NS)
    assert line.loop.missing()['a'] == ()


def test_a_jump_back_in_time_is_told() -> None:
    line = Line()
    line.serve(10)
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS - 500 * MS)
    line.loop.serve()
    assert line.results.got == [('a', 10), ('a', 11)]
    assert line.log == ["stream 'a': time has jumped back; states and windows start anew"]


def test_a_model_that_nobody_announced_is_fed_on_sight_with_what_is_there() -> None:
    line = Line()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    line.router.swap(number_pipeline(version=2))
    line.loop.serve()
    assert line.results.got == [('a', 10)]
    assert line.router.outcomes == [(2, True)]


def test_the_kept_model_is_fed_too_so_that_it_can_take_over_again() -> None:
    kept, serving = (number_pipeline(1, WINDOW, version=version) for version in (1, 2))
    line = Line(pipeline=kept)
    line.router.swap(serving, keep=kept)
    line.loop.start()
    for number in range(5):
        for topic in ('w', 'x'):
            line.loop.receive(line.streams[0], topic, 10, NOW_NS + number * 10 * MS)
    wait_until(lambda: line.results.got, 'a result')
    line.router.swap(kept, keep=serving)
    known = len(line.results.got)
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS + 41 * MS)
    wait_until(lambda: len(line.results.got) > known, 'a result with a window from before')
    line.loop.stop()
    assert line.router.outcomes[-1] == (1, True)


def test_the_loop_outlives_a_time_without_a_model() -> None:
    line = Line()
    serving = line.router.pipeline
    line.router.close()
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    wait_until(lambda: line.log, 'the fault is told')
    line.router.swap(serving)
    line.loop.prepare(serving)
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS)
    wait_until(lambda: line.results.got == [('a', 11)], 'the result')
    line.loop.stop()
    assert line.log == ['frame dropped: no model is loaded']


def test_a_jump_back_in_time_counts_also_when_its_first_frame_is_too_old() -> None:
    line = Line()
    line.serve(10)
    memory = line.router.pipeline._memories['a']
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS - 5000 * MS)
    line.loop.serve()
    line.loop.receive(line.streams[0], 'x', 12, NOW_NS)
    line.loop.serve()
    assert line.results.got == [('a', 10), ('a', 12)]
    assert line.router.pipeline._memories['a'] is not memory


@pytest.mark.parametrize('error', [SystemExit(1), KeyboardInterrupt(), ZeroDivisionError()])
def test_nothing_that_is_raised_ends_the_loop(error: Any) -> None:
    line = Line()
    line.results.error = error
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    wait_until(lambda: line.total().failed, 'the failure')
    line.results.error = None
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS)
    wait_until(lambda: line.results.got == [('a', 11)], 'the next result')
    line.loop.stop()
    assert line.router.outcomes == [(1, False), (1, True)]


def test_an_error_that_cannot_be_told_does_not_end_the_loop() -> None:
    line = Line()

    class BrokenError(Exception):
        def __str__(self) -> str:
            raise ValueError('no words')

    line.results.error = BrokenError()
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    wait_until(lambda: line.router.outcomes, 'the failure')
    line.results.error = None
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS)
    wait_until(lambda: line.results.got == [('a', 11)], 'the next result')
    line.loop.stop()


def test_a_swap_waits_for_windows_and_not_for_how_long_a_value_may_be_held() -> None:
    held = number_input('map', KeepRule.LATEST, 3_600_000)
    line = Line(pipeline=number_pipeline(1, held))
    for topic in ('map', 'x'):
        line.loop.receive(line.streams[0], topic, 10, NOW_NS)
    line.loop.serve()  # from now on nothing comes, and the other model cannot be warm
    other = number_pipeline(1, held, version=2)
    thread = threading.Thread(target=line.loop.prepare, args=(other,), daemon=True)
    thread.start()
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_a_loop_that_has_stopped_holds_no_model() -> None:
    line = Line()
    line.loop.start()
    line.loop.stop()
    line.loop.prepare(number_pipeline(version=2))  # by a swap that was under way
    assert not any(stream._inboxes for stream in line.streams)


def test_a_candidate_that_cannot_run_yet_leaves_its_frames_to_the_serving_model() -> None:
    serving, candidate = (
        number_pipeline(1, number_input('joints', KeepRule.LATEST, limit_ms), version=version)
        for version, limit_ms in ((1, 1000), (2, 10))
    )
    line = Line(pipeline=serving)
    line.loop.prepare(candidate)
    line.router.try_out(candidate, 1.0)
    line.loop.receive(line.streams[0], 'joints', 10, NOW_NS - 500 * MS)
    line.serve(10)
    line.loop.receive(line.streams[0], 'joints', 10, NOW_NS)
    line.serve(20)
    assert line.results.got == [('a', 10), ('a', 20)]
    assert line.router.outcomes == [(1, True), (2, True)]


def test_a_replaced_model_is_released_also_while_nothing_comes() -> None:
    line = Line()
    old = weakref.ref(line.router.pipeline)
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    wait_until(lambda: line.results.got and not line.loop.busy_s(), 'the loop waits')
    other = number_pipeline(version=2)
    line.loop.prepare(other)
    line.router.swap(other)
    line.loop.forget(old())  # type: ignore[arg-type]
    line.results.predictions.clear()

    def released() -> bool:
        gc.collect()
        return old() is None

    wait_until(released, 'the old model is released')
    line.loop.stop()
